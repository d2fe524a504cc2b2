import { printable } from "../../text.js";
import type { Call, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { UsageError } from "../usage-error.js";

const FORMATS = ["mermaid", "dot"];

export const graph: Command = {
  name: "graph",
  positionals: [{ name: "machine", optional: true }],
  flags: { format: { value: "F", help: "mermaid (default) or dot" } },
  about: `A machine as a diagram, drawn from the machine itself. Without a name: the launch.`,
  run,
};

async function run({ args, terminal }: Call): Promise<number> {
  const [{ MACHINES }, { mermaidOf }, { dotOf }] = await Promise.all([
    import("../../graph/machines.js"),
    import("../../graph/mermaid.js"),
    import("../../graph/dot.js"),
  ]);
  const name = args.positionals[0] ?? "launch";
  const format = args.text("format") ?? "mermaid";
  const drawn = Object.entries(MACHINES).find(([known]) => known === name)?.[1];
  if (drawn === undefined) {
    throw new UsageError(
      `expected a machine, one of ${Object.keys(MACHINES).join(" ")}, but came ${printable(name)}`,
    );
  }
  if (!FORMATS.includes(format)) {
    throw new UsageError(`--format: expected ${FORMATS.join(" or ")}, but came ${printable(format)}`);
  }
  const text = format === "dot" ? dotOf(drawn.machine, drawn.kinds) : mermaidOf(drawn.machine, drawn.kinds);
  if (terminal.json) terminal.printJson({ machine: name, format, text });
  else terminal.print(text);
  return EXIT.done;
}
