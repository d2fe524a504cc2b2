import { messageOf } from "../errors.js";
import { ended, type EndingIn, type Unclaimed } from "../outcome.js";
import { settledBy } from "../registry/judge.js";
import type { Claim, LaunchInput, PodHandle } from "../../machines/launch.types.js";
import type { Broken } from "./follow.js";
import { readBackClaim } from "./read-back-claim.js";
import type { LaunchScope, LaunchTools } from "./scope.js";
import { stopPod } from "./stop-pod.js";

/**
 * The machine itself failed (a clock that throws) or was stopped from outside. XState aborts no child then, so the launch ends
 * here by the machine's own rules: look for the claim if one may be there, else stop the Pod and prove it gone.
 */
export async function rescue<Phase, Success, Pod extends PodHandle>(
  { by, error, ending }: Broken<EndingIn<Phase | "stopping">>,
  {
    input,
    scope,
    tools,
    what,
  }: {
    input: LaunchInput;
    scope: LaunchScope<Pod>;
    tools: LaunchTools<Pod>;
    what: "launch" | "restore";
  },
  success: (claim: Claim) => Success,
): Promise<Success | Unclaimed<Phase | "stopping">> {
  const message =
    by === "stop" ? `the ${what}'s actor was stopped` : `the ${what} machine failed: ${messageOf(error)}`;
  const signal = AbortSignal.timeout(input.timeouts.stopMs);
  const unresolved = async (
    pids: readonly number[],
    reason: string,
  ): Promise<Unclaimed<Phase | "stopping">> => {
    await scope.markUnresolved(pids).catch(() => undefined);
    return {
      status: "unresolved",
      phase: "stopping",
      pids,
      message: `${message}; ${reason}`,
      advice: `The ticket stays blocked. Use "stop" on ${input.ticket.id}.`,
      because: undefined,
    };
  };

  scope.abandonActors();
  try {
    if (scope.claimant) {
      const found = await settledBy(signal, readBackClaim(scope.claimant.launchId, { scope, tools, signal }));
      if (found.kind === "ours") return success(found.claim);
    }
    const stop = await settledBy(signal, stopPod({ scope, tools, signal }));
    if (stop.kind === "unproven") return await unresolved(stop.pids, stop.reason);
    // A launch that was on its way out already ends as it would have.
    const cancelled = { kind: "cancelled", phase: "stopping", code: "cancelled", message } as const;
    const failed = { kind: "failed", phase: "stopping", code: "internal", message, cause: error } as const;
    return ended(ending ?? (by === "stop" ? cancelled : failed), stop.proof);
  } catch (cause) {
    return await unresolved(await scope.livingPids(), messageOf(cause));
  }
}
