import { createActor, type Actor, type ActorOptions } from "xstate";
import { restoreMachine, type RestoreMachine } from "../../machines/restore.machine.js";
import { readBackClaim } from "../launch/read-back-claim.js";
import type { LaunchScope, LaunchTools } from "../launch/scope.js";
import { SharedActors, type Effect } from "../launch/shared-actors.js";
import { stopPod } from "../launch/stop-pod.js";
import { stopByReference } from "../verbs/stop.js";
import type * as L from "../../machines/launch.types.js";
import type * as R from "../../machines/restore.types.js";
import { connectRestored } from "./connect-restored.js";
import { judgeClaim } from "./judge-claim.js";
import { replaceClaim } from "./replace-claim.js";
import { restorePod } from "./restore-pod.js";

/** What each actor of the restore machine does, by the actor's name. */
export interface RestoreEffects {
  readonly judgeClaim: Effect<R.JudgeClaimResult, R.JudgeClaimInput>;
  readonly endSurvivors: Effect<L.StopResult, R.EndSurvivorsInput>;
  readonly restorePod: Effect<L.PodHandle, R.RestorePodInput>;
  readonly connect: Effect<L.PodSnapshot, R.ConnectRestoredInput>;
  readonly replaceClaim: Effect<R.ReplaceClaimResult, R.ReplaceClaimInput>;
  readonly readBackClaim: Effect<L.ReadBackResult, L.ReadBackClaimInput>;
  readonly stopPod: Effect<L.StopResult, L.StopPodInput>;
}

export function restoreEffects<Pod extends L.PodHandle>(
  readPlan: (claim: L.Claim) => L.LaunchPlan,
  { scope, tools }: { scope: LaunchScope<Pod>; tools: LaunchTools<Pod> },
): RestoreEffects {
  /** An actor's own signal aborts when its state is left; the scope's when the restore ends, even by an error of the machine. */
  const within = (signal: AbortSignal) => ({ scope, tools, signal: AbortSignal.any([signal, scope.signal]) });
  return {
    judgeClaim: ({ ticket }, signal) => judgeClaim(ticket, readPlan, within(signal)),
    // By the claim, as any verb does it: the Pod was another process's.
    endSurvivors: ({ restores }) => stopByReference(restores, tools),
    restorePod: (input, signal) => restorePod(input, within(signal)),
    connect: ({ pod, restores }, signal) => connectRestored(scope.podOf(pod), restores, within(signal)),
    replaceClaim: (input, signal) => replaceClaim(input, within(signal)),
    readBackClaim: ({ pod }, signal) => readBackClaim(pod.launchId, within(signal)),
    stopPod: (_, signal) => stopPod(within(signal)),
  };
}

const shared = new SharedActors<RestoreEffects>();

const machine = restoreMachine.provide({
  actors: {
    judgeClaim: shared.actor(({ judgeClaim }) => judgeClaim),
    endSurvivors: shared.actor(({ endSurvivors }) => endSurvivors),
    restorePod: shared.actor(({ restorePod }) => restorePod),
    connect: shared.actor(({ connect }) => connect),
    replaceClaim: shared.actor(({ replaceClaim }) => replaceClaim),
    readBackClaim: shared.actor(({ readBackClaim }) => readBackClaim),
    stopPod: shared.actor(({ stopPod }) => stopPod),
  },
});

/** An actor of the restore machine that does these effects. Not started. */
export function restoreActor(
  effects: RestoreEffects,
  options: ActorOptions<RestoreMachine> & { readonly input: R.RestoreInput },
): Actor<RestoreMachine> {
  return shared.give(createActor(machine, options), effects);
}
