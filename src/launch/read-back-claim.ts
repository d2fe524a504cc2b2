import { blockBy } from "../registry/judge.js";
import type { PodHandle, ReadBackResult } from "../../machines/launch.types.js";
import type { LaunchScope, LaunchTools } from "./scope.js";

/** The commit did not answer, or failed, which leaves it open whether the claim is on disk: look. */
export async function readBackClaim<Pod extends PodHandle>(
  launchId: string,
  { scope, tools, signal }: { scope: LaunchScope<Pod>; tools: LaunchTools<Pod>; signal: AbortSignal },
): Promise<ReadBackResult> {
  const answer = await tools.registry.readBack(scope.lock, launchId);
  if (answer.kind !== "standing") return answer;
  return {
    kind: "taken",
    block: await blockBy(answer.standing, { ...tools, signal, podLockIsOurs: scope.podLockIsOurs }),
  };
}
