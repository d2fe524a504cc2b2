import type { CallContext, ClaimRegistry, LockState, PodLock } from "../ports.js";
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
