import { LaunchClaimError } from "../errors.js";
import type { LaunchScope, LaunchTools } from "../launch/scope.js";
import { startPod } from "../launch/start-pod.js";
import { podName } from "../registry/names.js";
import type { PodHandle } from "../../machines/launch.types.js";
import type { RestorePodInput } from "../../machines/restore.types.js";

/** Starts a new Pod that loads the claim's session again, as a launch starts one: recorded first, published when it exists. */
export async function restorePod<Pod extends PodHandle>(
  { plan, restores }: RestorePodInput,
  { scope, tools, signal }: { scope: LaunchScope<Pod>; tools: LaunchTools<Pod>; signal: AbortSignal },
): Promise<Pod> {
  const { runtime, timeouts } = tools;
  const { launchId } = scope;
  const { ticket } = restores;
  const launch = {
    ticket,
    launchId,
    podName: podName(plan.role, ticket, launchId),
    plan,
    timeouts,
    environment: { LAUNCH_CLAIM_LAUNCH_ID: launchId },
  };
  return await startPod(launch, {
    scope,
    tools,
    signal,
    begin: async (context) => {
      if (runtime.restore) return await runtime.restore({ ...launch, restores }, context);
      throw new LaunchClaimError(
        "restore_unsupported",
        `the runtime "${runtime.kind}" cannot restore its Pods`,
      );
    },
  });
}
