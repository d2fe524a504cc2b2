import type { CallContext, ClaimRegistry, LockState, PodLock, PodRecord } from "../ports.js";
import type { TicketRef } from "../../machines/launch.types.js";

/** What the guardian and its client side need of a registry: that of files, because a lock is inherited and a log is written. */
export interface GuardianRegistry extends Pick<
  ClaimRegistry,
  "lockLaunch" | "read" | "end" | "history" | "pods" | "writePod" | "probeLocks" | "sessions"
> {
  /** Takes the lock that the agent's reaper holds for as long as anything of the agent runs. `undefined`: it is held. */
  lockAgent(ticket: TicketRef, context: CallContext): Promise<PodLock | undefined>;
  probeAgentLock(ticket: TicketRef): LockState;
  /** Where the Pod's record and log are. */
  podDirectory(ticket: TicketRef, pod: string): string;
}

/** The record of the Pod of this launch. */
export async function recordOf(
  { ticket, launchId }: { readonly ticket: TicketRef; readonly launchId: string },
  registry: Pick<ClaimRegistry, "pods">,
): Promise<PodRecord | undefined> {
  const found = (await registry.pods(ticket)).find(
    (stored) => stored.kind === "pod" && stored.record.launchId === launchId,
  );
  return found?.kind === "pod" ? found.record : undefined;
}
