import type { LaunchScope, LaunchTools } from "../launch/scope.js";
import { blockBy } from "../registry/judge.js";
import type { Claim, PodHandle } from "../../machines/launch.types.js";
import type { ReplaceClaimInput, ReplaceClaimResult } from "../../machines/restore.types.js";

/**
 * Replaces the claim by its continuation: a new launch id, a new Pod, the same acceptance; fields that are not known here stay. Only
 * a Pod that has loaded the session gets here.
 */
export async function replaceClaim<Pod extends PodHandle>(
  { restores, pod, snapshot }: ReplaceClaimInput,
  { scope, tools, signal }: { scope: LaunchScope<Pod>; tools: LaunchTools<Pod>; signal: AbortSignal },
): Promise<ReplaceClaimResult> {
  const { agent, session } = snapshot;
  const at = tools.now();
  const claim: Claim = {
    ...restores,
    pod: pod.name,
    launchId: pod.launchId,
    ...(agent && { agent }),
    ...(session && { session }),
    runtime: { kind: tools.runtime.kind, locator: pod.locator },
    restoredFrom: [...(restores.restoredFrom ?? []), restores.launchId],
    restoredAt: at,
  };
  const roleSession = {
    pod: pod.name,
    role: claim.role,
    launchId: pod.launchId,
    origin: "launch" as const,
    ...(claim.session && { sessionId: claim.session.id }),
    tickets: [claim.ticket],
    createdAt: at,
    updatedAt: at,
  };
  scope.beginCommit();
  const records = { expect: restores.launchId, claim, session: roleSession };
  const answer = await tools.registry.replace(scope.lock, records, { signal });
  if (answer.kind === "replaced") return answer;
  if (answer.standing === undefined) {
    return {
      kind: "taken",
      block: { by: "unknown", reason: "the claim that was to be restored is gone" },
    };
  }
  const judges = { ...tools, signal, podLockIsOurs: scope.podLockIsOurs };
  return { kind: "taken", block: await blockBy(answer.standing, judges) };
}
