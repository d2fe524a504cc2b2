import type { Launcher } from "../launcher.js";
import type { LauncherVerbs, OpenWorkspace } from "../launcher-tools.js";
import type { PodHandle, TicketRef } from "../../machines/launch.types.js";
import type { Call } from "./command.js";

/** Everything but a launch: what looks, stops and ends loads no machine. */
export async function openVerbs({
  io,
  home,
  workspace,
}: Call): Promise<OpenWorkspace<PodHandle> & { readonly verbs: LauncherVerbs }> {
  const { openWorkspace, verbsOf } = await import("../launcher-tools.js");
  const opened = openWorkspace({
    workspace: workspace(),
    ...(home !== undefined && { home }),
    runtime: await io.runtime(),
    now: () => new Date(),
  });
  return { ...opened, verbs: verbsOf(opened) };
}

export async function openLauncher({ io, home, workspace }: Call): Promise<Launcher> {
  const { createLauncher } = await import("../launcher.js");
  return createLauncher({
    workspace: workspace(),
    ...(home !== undefined && { home }),
    runtime: await io.runtime(),
  });
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
