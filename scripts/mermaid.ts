import type { AnyStateMachine } from "xstate";
import { getStateNodes } from "xstate/graph";
import { exitsOf, nameOf, type Exit, type ResultKinds } from "../src/graph/exits.js";

/** A Markdown table of where each state that invokes something goes. */
export function tableOf(machine: AnyStateMachine, kinds: ResultKinds): string {
  const exits = exitsOf(machine, kinds);
  const rows = getStateNodes(machine.root)
    .filter(({ invoke }) => invoke.length > 0)
    .map((state) => {
      // A parent's exits are its children's, too.
      const own = exits.filter(({ from }) => from === state.key || state.path.slice(0, -1).includes(from));
      const cell = (on: Exit["on"]) =>
        own
          .filter((exit) => exit.on === on)
          .map(({ label, to }) =>
            label === "done" || label === "error" ? `\`${to}\`` : `${label} → \`${to}\``,
          )
          .join("; ") || "–";
      const invoked = state.invoke.map(({ src }) => `\`${nameOf(src)}\``).join(", ");
      return [
        `\`${state.path.join(".")}\``,
        invoked,
        cell("done"),
        cell("error"),
        cell("after"),
        cell("event"),
      ];
    });
  const head = ["state", "invokes", "done", "error", "timeout", "event"];
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The document with what stands between the two markers of this name replaced. */
export function withGenerated(document: string, name: string, text: string): string {
  const [begin, end] = [`<!-- begin generated: ${name} -->`, `<!-- end generated: ${name} -->`];
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(`the document has no place for "${name}": expected ${begin} … ${end}`);
  return `${document.slice(0, from + begin.length)}\n\n${text}\n\n${document.slice(to)}`;
}
