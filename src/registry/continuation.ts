import { LaunchClaimError } from "../errors.js";
import { printable } from "../text.js";
import type { Claim } from "../../machines/launch.types.js";

/** Whether the claim is that of this launch, or goes on from it: each restore gives a claim a new launch id. */
export function isOfLaunch({ launchId, restoredFrom = [] }: Claim, of: string): boolean {
  return launchId === of || restoredFrom.includes(of);
}

/** A launch that was claimed and has ended claims nothing any more. */
export function hasEndedBefore({ ticket, launchId }: Pick<Claim, "ticket" | "launchId">): LaunchClaimError {
  return new LaunchClaimError(
    "launch_already_ended",
    `launch ${launchId} of ticket ${printable(ticket.id)} was claimed and ended before`,
    { hint: "Launch again: a new launch has a new id." },
  );
}

/** A claim is continued by another launch: under its own id, what it replaces could not be told from it. */
export function continuesItself(launchId: string): LaunchClaimError {
  return new LaunchClaimError("request_invalid", `launch ${launchId} cannot replace its own claim`, {
    hint: "Give the claim that continues it a launch id of its own.",
  });
}
