import { blockBy } from "../registry/judge.js";
import type { Claim, CommitClaimInput, CommitResult, PodHandle } from "../../machines/launch.types.js";
import type { LaunchScope, LaunchTools } from "./scope.js";

/** Makes the claim durable. Only a launch whose run was accepted gets here. */
export async function commitClaim<Pod extends PodHandle>(
  accepted: CommitClaimInput,
  { scope, tools, signal }: { scope: LaunchScope<Pod>; tools: LaunchTools<Pod>; signal: AbortSignal },
): Promise<CommitResult> {
  const { ticket, plan, pod, acceptance, session, adopted } = accepted;
  const { agent } = accepted.snapshot;
  const at = tools.now();
  const claim: Claim = {
    ticket,
    role: plan.role,
    pod: pod.name,
    launchId: pod.launchId,
    claimedAt: at,
    adopted,
    acceptance,
    ...(agent && { agent }),
    ...(session && { session }),
    runtime: { kind: tools.runtime.kind, locator: pod.locator },
  };
  const roleSession = {
    pod: pod.name,
    role: plan.role,
    launchId: pod.launchId,
    origin: "launch" as const,
    ...(session && { sessionId: session.id }),
    tickets: [ticket],
    createdAt: at,
    updatedAt: at,
  };
  scope.beginCommit();
  const answer = await tools.registry.commit(scope.lock, { claim, session: roleSession }, { signal });
  if (answer.kind === "committed") return answer;
  return {
    kind: "taken",
    block: await blockBy(answer.standing, { ...tools, signal, podLockIsOurs: scope.podLockIsOurs }),
  };
}
