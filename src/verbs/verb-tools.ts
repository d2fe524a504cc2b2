import os from "node:os";
import type { LaunchTools } from "../launch/scope.js";
import type { ClaimRegistry, LaunchLock, PodJudge } from "../ports.js";
import type { LaunchTimeouts, PodHandle, Proof, TicketRef } from "../../machines/launch.types.js";

/** What every verb of the launcher works with. */
export type VerbTools<Pod extends PodHandle> = LaunchTools<Pod>;

/** What a verb works with that only looks. */
export interface ReadingTools {
  readonly registry: ClaimRegistry;
  readonly runtime: PodJudge;
  readonly timeouts: LaunchTimeouts;
}

/** A verb was not carried out, and changed nothing. */
export interface Refused {
  readonly status: "refused";
  /** What stands in the way: a claim state, `inFlight`, or `mismatch` (another launch id stands than the one expected). */
  readonly by: string;
  readonly reason: string;
  readonly advice: string;
}

/** Nothing of a Pod runs any more, and how that was proven; or what still runs. */
export type Stopped =
  | { readonly kind: "stopped"; readonly proof: Proof }
  | { readonly kind: "unproven"; readonly pids: readonly number[]; readonly reason: string };

/** Does something under the ticket's launch lock, or is refused because somebody else is changing the ticket's claim. */
export async function underLock<Pod extends PodHandle, Result>(
  ticket: TicketRef,
  { registry, timeouts }: VerbTools<Pod>,
  act: (lock: LaunchLock) => Promise<Result>,
): Promise<Result | Refused> {
  const lock = await registry.lockLaunch(ticket, { signal: AbortSignal.timeout(timeouts.admitMs) });
  if (lock === undefined) {
    return {
      status: "refused",
      by: "inFlight",
      reason: "another process is changing this ticket's claim at this moment",
      advice: "Wait for it to end, and try again.",
    };
  }
  try {
    return await act(lock);
  } finally {
    lock.close();
  }
}

/** Who ends a claim, unless the host says otherwise. */
export function whoAmI(): string {
  return `${os.userInfo().username}@${os.hostname()}`;
}
