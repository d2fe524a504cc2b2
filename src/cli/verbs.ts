import type { Launcher } from "../launcher.js";
import type { LauncherVerbs, OpenWorkspace } from "../launcher-tools.js";
import type { PodRuntime } from "../ports.js";
import type { ReadingVerbs } from "../reading.js";
import type { TicketRef } from "../../machines/launch.types.js";
import { legibleLines } from "../text.js";
import type { Call } from "./command.js";

/**
 * Everything but a launch: what looks, stops and ends loads no machine, and works without the configuration.
 *
 * `tellsTrouble` is false for the doctor alone, who lists it among the findings.
 */
export async function openVerbs(
  call: Call,
  { tellsTrouble = true } = {},
): Promise<OpenWorkspace & { readonly verbs: LauncherVerbs }> {
  const { openWorkspace, verbsOf } = await import("../launcher-tools.js");
  const opened = openWorkspace({ ...(await placeOf(call)), now: () => new Date() });
  if (tellsTrouble) await troubleTold(opened, call);
  return { ...opened, verbs: verbsOf(opened) };
}

/** What only looks: it loads neither what stops and ends nor, where there is no configuration, what would check it. */
export async function openReading(call: Call): Promise<ReadingVerbs> {
  const { openForReading, readingVerbsOf, timeoutsIn } = await import("../reading.js");
  const opened = openForReading(await placeOf(call));
  // Once for the whole command, which `--watch` may draw out: what it waits for does not change under it.
  const timeouts = timeoutsIn(await troubleTold(opened, call));
  return readingVerbsOf(opened, () => timeouts);
}

async function placeOf({ io, home, workspace }: Call) {
  return { workspace: workspace(), ...(home !== undefined && { home }), ...(await runtimeOf(io)) };
}

async function troubleTold({ workspace }: Pick<OpenWorkspace, "workspace">, { terminal }: Call) {
  const { configOrTrouble } = await import("../reading.js");
  const read = await configOrTrouble(workspace);
  if (read.trouble !== undefined) {
    const word = terminal.paintMessage("yellow", "warning:");
    terminal.tell(`${word} ${legibleLines(read.trouble.message)}`);
    terminal.tell("  The default timeouts apply here; nothing can be launched until the file is corrected.");
  }
  return read;
}

export async function openLauncher(call: Call): Promise<Launcher> {
  const { createLauncher } = await import("../launcher.js");
  return createLauncher(await placeOf(call));
}

/** The built-in runtime is the library's own default. */
async function runtimeOf({ runtime }: Call["io"]): Promise<{ readonly runtime?: PodRuntime }> {
  return runtime ? { runtime: await runtime() } : {};
}

/** The ticket that the command was given, if it was given one. */
export function ticketOf({ args }: Call): TicketRef | undefined {
  const [id] = args.positionals;
  return id === undefined ? undefined : { id };
}

/** The same, of a command that has no use without one. */
export function theTicketOf(call: Call): TicketRef {
  return { id: call.args.positionals[0] ?? "" };
}
