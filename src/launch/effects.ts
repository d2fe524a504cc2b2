import { createActor, fromPromise, type Actor, type ActorOptions } from "xstate";
import { launchMachine, type LaunchMachine } from "../../machines/launch.machine.js";
import type * as L from "../../machines/launch.types.js";
import { LaunchClaimError } from "../errors.js";
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

/** The effects of each launch, by the actor system that it runs in. */
const effectsIn = new WeakMap<object, LaunchEffects>();

/**
 * The machine with its actors, for all launches: each doing the effect of its own. A machine of its own for each launch would be
 * built anew each time, state by state, and be most of what a launch holds in memory.
 */
const machine = launchMachine.provide({
  actors: {
    admit: actor(({ admit }) => admit),
    startPod: actor(({ startPod }) => startPod),
    connect: actor(({ connect }) => connect),
    registerPeers: actor(({ registerPeers }) => registerPeers),
    requestRun: actor(({ requestRun }) => requestRun),
    commitClaim: actor(({ commitClaim }) => commitClaim),
    readBackClaim: actor(({ readBackClaim }) => readBackClaim),
    stopPod: actor(({ stopPod }) => stopPod),
  },
});

/** An actor of the launch machine that does these effects. Not started. */
export function launchActor(
  effects: LaunchEffects,
  options: ActorOptions<LaunchMachine> & { readonly input: L.LaunchInput },
): Actor<LaunchMachine> {
  const created = createActor(machine, options);
  effectsIn.set(created.system, effects);
  return created;
}

function actor<Output, Input extends object>(effectOf: (effects: LaunchEffects) => Effect<Output, Input>) {
  return fromPromise<Output, Input>(async ({ input, signal, system }) => {
    const effects = effectsIn.get(system);
    if (effects === undefined) throw new LaunchClaimError("internal", "a launch without its effects");
    return await effectOf(effects)(input, signal);
  });
}
