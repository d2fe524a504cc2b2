import type { Claim } from "../../machines/launch.types.js";

/** Whether the claim is that of this launch, or goes on from it: each restore gives a claim a new launch id. */
export function isOfLaunch({ launchId, restoredFrom = [] }: Claim, of: string): boolean {
  return launchId === of || restoredFrom.includes(of);
}
