import { messageOf } from "../errors.js";
import { ended, type Outcome } from "../outcome.js";
import { settledBy } from "../registry/judge.js";
import type { Ending, LaunchInput, PodHandle } from "../../machines/launch.types.js";
import { readBackClaim } from "./read-back-claim.js";
import type { LaunchScope, LaunchTools } from "./scope.js";
import { stopPod } from "./stop-pod.js";

/** How the machine broke off: by an error of its own, or stopped from outside; and why the launch was ending, if it was. */
export interface Broken {
  readonly by: "error" | "stop";
  readonly error: unknown;
  readonly ending: Ending | undefined;
}

/**
 * The machine itself failed (a clock that throws) or was stopped from outside. XState aborts no child then, so the launch ends
 * here by the machine's own rules: look for the claim if one may be there, else stop the Pod and prove it gone.
 */
export async function rescue<Pod extends PodHandle>(
  { by, error, ending }: Broken,
  { input, scope, tools }: { input: LaunchInput; scope: LaunchScope<Pod>; tools: LaunchTools<Pod> },
): Promise<Outcome> {
  const message =
    by === "stop" ? "the launch's actor was stopped" : `the launch machine failed: ${messageOf(error)}`;
  const signal = AbortSignal.timeout(input.timeouts.stopMs);
  const unresolved = async (pids: readonly number[], reason: string): Promise<Outcome> => {
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
      if (found.kind === "ours") {
        return { status: "claimed", claim: found.claim, adopted: found.claim.adopted, warnings: [] };
      }
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
