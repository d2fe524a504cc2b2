import { v7 as newLaunchId } from "uuid";
import type { RoleSession } from "../../../src/ports.js";
import type { Claim } from "../../../machines/launch.types.js";

const AT = "2026-01-01T00:00:00.000Z";

/** A claim as a launch makes it, or a restore of this one. */
export function newClaim(ticket: string, restores?: Claim): Claim {
  const launchId = newLaunchId();
  return {
    ticket: { id: ticket },
    role: "intake",
    pod: `intake-${launchId}`,
    launchId,
    claimedAt: AT,
    adopted: false,
    acceptance: { level: "progress", kind: "agent_message_chunk", at: AT },
    runtime: { kind: "of-nobody", locator: {} },
    ...(restores && {
      restoredFrom: [...(restores.restoredFrom ?? []), restores.launchId],
      restoredAt: AT,
    }),
  };
}

export function sessionOf({ pod, role, launchId, ticket }: Claim): RoleSession {
  return { pod, role, launchId, origin: "launch", tickets: [ticket], createdAt: AT, updatedAt: AT };
}
