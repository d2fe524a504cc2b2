import type { Call, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";

export const paths: Command = {
  name: "paths",
  positionals: [],
  flags: { real: { help: "only the shortest to each way of ending, which are run with real processes" } },
  about: `Every path of the launch machine that enters no state twice, and how it ends. They come from the machine itself.`,
  run,
};

async function run({ args, terminal }: Call): Promise<number> {
  const { shortestPaths, simplePaths } = await import("../../launch/paths.js");
  const found = args.flag("real") ? shortestPaths() : simplePaths();
  const ends = new Map<string, number>();
  for (const { end } of found) ends.set(end, (ends.get(end) ?? 0) + 1);
  if (terminal.json) {
    terminal.printJson({ paths: found, ends: Object.fromEntries(ends) });
    return EXIT.done;
  }
  for (const { title, end } of found) {
    const colour = end === "claimed" ? "green" : end === "unresolved" ? "red" : "dim";
    terminal.print(`${terminal.paintResult(colour, end.padEnd("unresolved".length))}  ${title}`);
  }
  const counted = [...ends].map(([end, count]) => `${count} ${end}`).join(", ");
  terminal.tell(`${found.length} paths: ${counted}`);
  return EXIT.done;
}
