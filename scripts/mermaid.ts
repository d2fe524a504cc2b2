import type { AnyStateMachine, AnyStateNode } from "xstate";
import { getStateNodes } from "xstate/graph";

/**
 * What each invoked actor can settle with, by the actor's name: the `kind` of its result, and how to call it in an arrow. The
 * machine's guards are asked which of them they let through.
 */
export type ResultKinds = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface Exit {
  readonly from: string;
  readonly to: string;
  readonly on: "done" | "error" | "after" | "event";
  readonly label: string;
}

/** Every transition of the machine, in the machine's order. */
export function exitsOf(machine: AnyStateMachine, kinds: ResultKinds): Exit[] {
  return getStateNodes(machine.root).flatMap((state) =>
    [...state.transitions].flatMap(([event, transitions]) => {
      const actor = state.invoke.find(({ id }) => event === `xstate.done.actor.${id}`);
      // What no earlier transition of this event is sure to take.
      const open = new Map(Object.entries(kinds[nameOf(actor?.src)] ?? {}));
      return transitions.flatMap((transition, index) => {
        const isRest =
          !transition.guard && transitions.slice(0, index).some(({ guard }) => typeof guard === "string");
        const { on, label } = reasonOf({ state, event, guard: transition.guard }, open);
        const exit = { from: state.key, on, label: isRest ? "otherwise" : label };
        return (transition.target ?? []).map(({ key }) => ({ ...exit, to: key }));
      });
    }),
  );
}

/** The machine as a Mermaid `stateDiagram-v2`, one arrow for each pair of states. */
export function mermaidOf(machine: AnyStateMachine, kinds: ResultKinds): string {
  const arrows = new Map<string, string[]>();
  for (const { from, to, on, label } of exitsOf(machine, kinds)) {
    const arrow = `${from} --> ${to}`;
    arrows.set(arrow, [...(arrows.get(arrow) ?? []), on === "after" ? `after ${label}` : label]);
  }
  const finals = getStateNodes(machine.root).filter(({ type }) => type === "final");
  return [
    "stateDiagram-v2",
    ...statesIn(machine.root, "  "),
    ...[...arrows].map(([arrow, labels]) => `  ${arrow} : ${labels.join(" / ")}`),
    ...finals.map(({ key }) => `  ${key} --> [*]`),
  ].join("\n");
}

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

function statesIn(parent: AnyStateNode, indent: string): string[] {
  return [
    ...parent.initial.target.map(({ key }) => `${indent}[*] --> ${key}`),
    ...Object.values(parent.states).flatMap((state) => {
      if (state.type === "compound")
        return [`${indent}state ${state.key} {`, ...statesIn(state, `${indent}  `), `${indent}}`];
      const invoked = state.invoke.map(({ src }) => `${indent}${state.key} : invokes ${nameOf(src)}`);
      return [`${indent}${state.key} : ${state.key}`, ...invoked];
    }),
  ];
}

function reasonOf(
  { state, event, guard }: { state: AnyStateNode; event: string; guard: unknown },
  open: Map<string, string>,
): Pick<Exit, "on" | "label"> {
  if (event.startsWith("xstate.error.actor.")) return { on: "error", label: "error" };
  if (event.startsWith("xstate.after.")) {
    return { on: "after", label: event.slice("xstate.after.".length, -`.${state.id}`.length) };
  }
  if (!event.startsWith("xstate.done.actor.")) return { on: "event", label: event };

  // A named guard reads the context, not the result: what it does not take is still open to the next.
  if (typeof guard === "string") return { on: "done", label: wordsOf(guard) };
  const decides = typeof guard === "function" ? (guard as (args: unknown) => boolean) : undefined;
  const taken = [...open].filter(([kind]) => decides?.({ event: { output: { kind } } }) ?? true);
  for (const [kind] of taken) open.delete(kind);
  return { on: "done", label: taken.map(([, said]) => said).join(" or ") || "done" };
}

function wordsOf(name: string): string {
  return name.replaceAll(/[A-Z]/gu, (letter) => ` ${letter.toLowerCase()}`);
}

/** Actors are named in the machine's setup; one that is written inline has no name to show. */
function nameOf(src: unknown): string {
  return typeof src === "string" ? src : "an inline actor";
}
