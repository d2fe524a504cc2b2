import { fromPromise } from "xstate";
import type * as L from "../../machines/launch.types.js";
import { podName } from "../registry/names.js";
import { podOfKey } from "../unticketed.js";
import { admit, type Admission } from "./admit.js";
import { commitClaim } from "./commit-claim.js";
import { connect } from "./connect.js";
import { readBackClaim } from "./read-back-claim.js";
import { registerPeers } from "./register-peers.js";
import { requestRun } from "./request-run.js";
import type { LaunchScope, LaunchTools } from "./scope.js";
import { startPod } from "./start-pod.js";
import { stopPod } from "./stop-pod.js";

type Effect<Output, Input> = (input: Input, signal: AbortSignal) => Promise<Output>;

/** What each actor of the launch machine does, by the actor's name. */
export interface LaunchEffects {
  readonly admit: Effect<L.AdmitResult, L.AdmitInput>;
  readonly startPod: Effect<L.PodHandle, L.StartPodInput>;
  readonly connect: Effect<L.PodSnapshot, L.ConnectInput>;
  readonly registerPeers: Effect<null, L.RegisterPeersInput>;
  readonly requestRun: Effect<L.RunResult, L.RequestRunInput>;
  readonly commitClaim: Effect<L.CommitResult, L.CommitClaimInput>;
  readonly readBackClaim: Effect<L.ReadBackResult, L.ReadBackClaimInput>;
  readonly stopPod: Effect<L.StopResult, L.StopPodInput>;
}

export function launchEffects<Pod extends L.PodHandle>(
  ticket: L.TicketRef,
  admission: Admission,
  { scope, tools }: { scope: LaunchScope<Pod>; tools: LaunchTools<Pod> },
): LaunchEffects {
  const { launchId } = scope;
  /** An actor's own signal aborts when its state is left; the scope's when the launch ends, even by an error of the machine. */
  const within = (signal: AbortSignal) => ({ scope, tools, signal: AbortSignal.any([signal, scope.signal]) });

  return {
    admit: (_, signal) => admit(ticket, admission, within(signal)),
    startPod: ({ plan }, signal) => {
      const name = podOfKey(ticket) ?? podName(plan.role, ticket, launchId);
      const environment = { LAUNCH_CLAIM_LAUNCH_ID: launchId };
      return startPod(
        { ticket, launchId, podName: name, plan, timeouts: tools.timeouts, environment },
        within(signal),
      );
    },
    connect: ({ pod }, signal) => connect(scope.podOf(pod), within(signal)),
    registerPeers: ({ pod, peers }, signal) => registerPeers(scope.podOf(pod), peers, within(signal)),
    requestRun: (input, signal) => requestRun(scope.podOf(input.pod), input, within(signal)),
    commitClaim: (input, signal) => commitClaim(input, within(signal)),
    readBackClaim: ({ pod }, signal) => readBackClaim(pod.launchId, within(signal)),
    stopPod: (_, signal) => stopPod(within(signal)),
  };
}

/** The actors that the launch machine invokes, each doing its effect. */
export function actorsOf(effects: LaunchEffects) {
  return {
    admit: actor(effects.admit),
    startPod: actor(effects.startPod),
    connect: actor(effects.connect),
    registerPeers: actor(effects.registerPeers),
    requestRun: actor(effects.requestRun),
    commitClaim: actor(effects.commitClaim),
    readBackClaim: actor(effects.readBackClaim),
    stopPod: actor(effects.stopPod),
  };
}

function actor<Output, Input extends object>(effect: Effect<Output, Input>) {
  return fromPromise<Output, Input>(async ({ input, signal }) => await effect(input, signal));
}
