import { LaunchClaimError } from "../errors.js";
import type { Claim } from "../../machines/launch.types.js";

/** Whether the claim is that of this launch, or goes on from it: each restore gives a claim a new launch id. */
export function isOfLaunch({ launchId, restoredFrom = [] }: Claim, of: string): boolean {
  return launchId === of || restoredFrom.includes(of);
}

/** A claim is continued by another launch: under its own id, what it replaces could not be told from it. */
export function continuesItself(launchId: string): LaunchClaimError {
  return new LaunchClaimError("request_invalid", `launch ${launchId} cannot replace its own claim`, {
    hint: "Give the claim that continues it a launch id of its own.",
  });
}
