import { createActor, type Actor, type ActorOptions } from "xstate";
import { launchMachine, type LaunchMachine } from "../../machines/launch.machine.js";
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
import { SharedActors, type Effect } from "./shared-actors.js";
import { startPod } from "./start-pod.js";
import { stopPod } from "./stop-pod.js";

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

const shared = new SharedActors<LaunchEffects>();

const machine = launchMachine.provide({
  actors: {
    admit: shared.actor(({ admit }) => admit),
    startPod: shared.actor(({ startPod }) => startPod),
    connect: shared.actor(({ connect }) => connect),
    registerPeers: shared.actor(({ registerPeers }) => registerPeers),
    requestRun: shared.actor(({ requestRun }) => requestRun),
    commitClaim: shared.actor(({ commitClaim }) => commitClaim),
    readBackClaim: shared.actor(({ readBackClaim }) => readBackClaim),
    stopPod: shared.actor(({ stopPod }) => stopPod),
  },
});

/** An actor of the launch machine that does these effects. Not started. */
export function launchActor(
  effects: LaunchEffects,
  options: ActorOptions<LaunchMachine> & { readonly input: L.LaunchInput },
): Actor<LaunchMachine> {
  return shared.give(createActor(machine, options), effects);
}
