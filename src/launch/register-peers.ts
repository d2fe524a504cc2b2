import { LaunchClaimError, messageOf } from "../errors.js";
import type { PodHandle } from "../../machines/launch.types.js";
import { printable } from "../text.js";
import type { LaunchTools } from "./scope.js";

/** Tells each peer in turn who the Pod is. All are tried; those that failed are named in one warning. */
export async function registerPeers<Pod extends PodHandle>(
  pod: Pod,
  peers: readonly string[],
  { tools, signal }: { tools: LaunchTools<Pod>; signal: AbortSignal },
): Promise<null> {
  const failed: string[] = [];
  for (const peer of peers) {
    try {
      await tools.runtime.registerPeer(pod, peer, { signal });
    } catch (error) {
      const isTold = LaunchClaimError.is(error) && error.code === "peer_not_registered";
      failed.push(isTold ? error.message : `peer ${printable(peer)} was not told: ${messageOf(error)}`);
    }
  }
  if (failed.length > 0) {
    throw new LaunchClaimError("peer_not_registered", failed.join("; "));
  }
  return null;
}
