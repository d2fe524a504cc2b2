import type { Launcher } from "../launcher.js";
import type { LauncherVerbs, OpenWorkspace } from "../launcher-tools.js";
import type { PodRuntime } from "../ports.js";
import type { TicketRef } from "../../machines/launch.types.js";
import { legibleLines } from "../text.js";
import type { Call } from "./command.js";

/**
 * Everything but a launch: what looks, stops and ends loads no machine, and works without the configuration.
 *
 * `tellsTrouble` is false for the doctor alone, who lists it among the findings.
 */
export async function openVerbs(
  { io, home, terminal, workspace }: Call,
  { tellsTrouble = true } = {},
): Promise<OpenWorkspace & { readonly verbs: LauncherVerbs }> {
  const { configOrTrouble, openWorkspace, verbsOf } = await import("../launcher-tools.js");
  const opened = openWorkspace({
    workspace: workspace(),
    ...(home !== undefined && { home }),
    ...(await runtimeOf(io)),
    now: () => new Date(),
  });
  const { trouble } = configOrTrouble(opened.workspace);
  if (trouble !== undefined && tellsTrouble) {
    const word = terminal.paintMessage("yellow", "warning:");
    terminal.tell(`${word} ${legibleLines(trouble.message)}`);
    terminal.tell("  The default timeouts apply here; nothing can be launched until the file is corrected.");
  }
  return { ...opened, verbs: verbsOf(opened) };
}

export async function openLauncher({ io, home, workspace }: Call): Promise<Launcher> {
  const { createLauncher } = await import("../launcher.js");
  return createLauncher({
    workspace: workspace(),
    ...(home !== undefined && { home }),
    ...(await runtimeOf(io)),
  });
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
