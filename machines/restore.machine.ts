import { assign, fromPromise, setup } from "xstate";
import type * as L from "./launch.types.js";
import type * as R from "./restore.types.js";
import { troubleOf } from "./trouble.js";

/**
 * One restore: the agent's session is loaded again by a new Pod, and the claim that stands is replaced by its continuation.
 *
 * No run is sent: what the agent was told it still knows. The claim stays as it was until the new Pod has loaded the session and
 * was dialed; whatever goes wrong before leaves it so, and no Pod. What survives of the old Pod is ended FIRST: one session never
 * gets two writers. As in a launch, a timeout or an error while replacing means that the outcome is unknown: `verifying` looks.
 */
export const restoreMachine = setup({
  types: {
    context: {} as R.RestoreContext,
    events: {} as R.RestoreEvent,
    input: {} as R.RestoreInput,
  },
  actors: {
    judgeClaim: unprovided<R.JudgeClaimResult, R.JudgeClaimInput>("judgeClaim"),
    endSurvivors: unprovided<L.StopResult, R.EndSurvivorsInput>("endSurvivors"),
    restorePod: unprovided<L.PodHandle, R.RestorePodInput>("restorePod"),
    connect: unprovided<L.PodSnapshot, R.ConnectRestoredInput>("connect"),
    replaceClaim: unprovided<R.ReplaceClaimResult, R.ReplaceClaimInput>("replaceClaim"),
    readBackClaim: unprovided<L.ReadBackResult, L.ReadBackClaimInput>("readBackClaim"),
    stopPod: unprovided<L.StopResult, L.StopPodInput>("stopPod"),
  },
  delays: {
    admitMs: ({ context }) => context.timeouts.admitMs,
    readyMs: ({ context }) => context.timeouts.readyMs,
    connectMs: ({ context }) => context.timeouts.connectMs,
    commitMs: ({ context }) => context.timeouts.commitMs,
    verifyMs: ({ context }) => context.timeouts.verifyMs,
    stopMs: ({ context }) => context.timeouts.stopMs,
  },
  guards: {
    becauseFailed: ({ context }) => context.ending?.kind === "failed",
    becauseTimedOut: ({ context }) => context.ending?.kind === "timedOut",
    becauseCancelled: ({ context }) => context.ending?.kind === "cancelled",
  },
  actions: {
    endAsFailed: assign((_, at: { phase: R.RestorePhase; error: unknown }) => ({
      ending: { kind: "failed", ...troubleOf(at.phase, at.error) } satisfies R.RestoreEnding,
    })),
    endAsTimedOut: assign(({ context }, at: { phase: R.RestorePhase; delay: R.RestoreDelay }) => {
      const { phase, delay } = at;
      const afterMs = context.timeouts[delay];
      const message = `${phase} did not finish within ${afterMs} ms (${delay})`;
      return {
        ending: { kind: "timedOut", phase, code: "timed_out", message, afterMs } satisfies R.RestoreEnding,
      };
    }),
    endAsCancelled: assign(({ event }, { phase }: { phase: R.RestorePhase }) => {
      const message = (event.type === "CANCEL" && event.reason) || "the restore was cancelled";
      return { ending: { kind: "cancelled", phase, code: "cancelled", message } satisfies R.RestoreEnding };
    }),
    // The claim is another's by now: our Pod is stopped, and the restore ends as blocked by what stands.
    endAsLost: assign((_, { block }: { block: L.Block }) => ({
      block,
      ending: {
        kind: "lost",
        phase: "replacingClaim",
        code: "claim_taken",
        message: block.reason,
      } satisfies R.RestoreEnding,
    })),
    doubt: assign(
      (_, of: { phase: R.RestorePhase; error: unknown; pids?: readonly number[] | undefined }) => ({
        doubt: { ...troubleOf(of.phase, of.error), pids: of.pids ?? [] },
      }),
    ),
  },
}).createMachine({
  id: "restore",
  context: ({ input }) => ({ ...input, proof: "nothingStarted" }),
  initial: "idle",
  states: {
    idle: {
      on: {
        RESTORE: { target: "judging" },
        CANCEL: { target: "cancelled", actions: { type: "endAsCancelled", params: { phase: "idle" } } },
      },
    },

    judging: {
      invoke: {
        id: "judgeClaim",
        src: "judgeClaim",
        input: ({ context }) => ({ ticket: context.ticket }),
        onDone: [
          {
            guard: ({ event }) => event.output.kind === "restorable",
            target: "endingSurvivors",
            actions: assign(({ event: { output } }) =>
              output.kind === "restorable" ? { plan: output.plan, restores: output.claim } : {},
            ),
          },
          {
            target: "blocked",
            actions: assign(({ event: { output } }) =>
              output.kind === "blocked" ? { block: output.block } : {},
            ),
          },
        ],
        onError: {
          target: "failed",
          actions: { type: "endAsFailed", params: ({ event }) => ({ phase: "judging", error: event.error }) },
        },
      },
      after: {
        admitMs: {
          target: "timedOut",
          actions: { type: "endAsTimedOut", params: { phase: "judging", delay: "admitMs" } },
        },
      },
      on: {
        CANCEL: { target: "cancelled", actions: { type: "endAsCancelled", params: { phase: "judging" } } },
      },
    },

    // Of the old Pod. Nothing of this restore runs yet.
    endingSurvivors: {
      invoke: {
        id: "endSurvivors",
        src: "endSurvivors",
        input: ({ context }) => ({ restores: known(context.restores) }),
        onDone: [
          { guard: ({ event }) => event.output.kind === "stopped", target: "starting" },
          {
            target: "unresolved",
            actions: {
              type: "doubt",
              params: ({ event: { output } }) => ({
                phase: "endingSurvivors",
                error: output,
                pids: output.kind === "unproven" ? output.pids : undefined,
              }),
            },
          },
        ],
        onError: {
          target: "unresolved",
          actions: {
            type: "doubt",
            params: ({ event }) => ({ phase: "endingSurvivors", error: event.error }),
          },
        },
      },
      after: {
        stopMs: {
          target: "unresolved",
          actions: {
            type: "doubt",
            params: ({ context }) => ({
              phase: "endingSurvivors",
              error: `what survived could not be proven gone within ${context.timeouts.stopMs} ms`,
            }),
          },
        },
      },
      on: {
        CANCEL: {
          target: "cancelled",
          actions: { type: "endAsCancelled", params: { phase: "endingSurvivors" } },
        },
      },
    },

    // Ready means that the session was loaded.
    starting: {
      invoke: {
        id: "restorePod",
        src: "restorePod",
        input: ({ context }) => ({ plan: known(context.plan), restores: known(context.restores) }),
        onDone: { target: "connecting", actions: assign({ pod: ({ event }) => event.output }) },
        onError: {
          target: "stopping",
          actions: {
            type: "endAsFailed",
            params: ({ event }) => ({ phase: "starting", error: event.error }),
          },
        },
      },
      after: {
        readyMs: {
          target: "stopping",
          actions: { type: "endAsTimedOut", params: { phase: "starting", delay: "readyMs" } },
        },
      },
      on: {
        CANCEL: { target: "stopping", actions: { type: "endAsCancelled", params: { phase: "starting" } } },
      },
    },

    connecting: {
      invoke: {
        id: "connect",
        src: "connect",
        input: ({ context }) => ({ pod: known(context.pod), restores: known(context.restores) }),
        onDone: { target: "replacingClaim", actions: assign({ snapshot: ({ event }) => event.output }) },
        onError: {
          target: "stopping",
          actions: {
            type: "endAsFailed",
            params: ({ event }) => ({ phase: "connecting", error: event.error }),
          },
        },
      },
      after: {
        connectMs: {
          target: "stopping",
          actions: { type: "endAsTimedOut", params: { phase: "connecting", delay: "connectMs" } },
        },
      },
      on: {
        CANCEL: { target: "stopping", actions: { type: "endAsCancelled", params: { phase: "connecting" } } },
      },
    },

    // From here on the restore finishes: CANCEL is not taken.
    replacingClaim: {
      initial: "writing",
      states: {
        writing: {
          invoke: {
            id: "replaceClaim",
            src: "replaceClaim",
            input: ({ context }) => ({
              restores: known(context.restores),
              pod: known(context.pod),
              snapshot: known(context.snapshot),
            }),
            onDone: [
              {
                guard: ({ event }) => event.output.kind === "replaced",
                target: "#restore.restored",
                actions: assign(({ event: { output } }) =>
                  output.kind === "replaced" ? { claim: output.claim } : {},
                ),
              },
              {
                target: "#restore.stopping",
                actions: {
                  type: "endAsLost",
                  params: ({ event: { output } }) => ({ block: standing(output) }),
                },
              },
            ],
            onError: {
              target: "verifying",
              actions: {
                type: "endAsFailed",
                params: ({ event }) => ({ phase: "replacingClaim", error: event.error }),
              },
            },
          },
          after: {
            commitMs: {
              target: "verifying",
              actions: { type: "endAsTimedOut", params: { phase: "replacingClaim", delay: "commitMs" } },
            },
          },
        },

        verifying: {
          invoke: {
            id: "readBackClaim",
            src: "readBackClaim",
            input: ({ context }) => ({ ticket: context.ticket, pod: known(context.pod) }),
            onDone: [
              {
                guard: ({ event }) => event.output.kind === "ours",
                target: "#restore.restored",
                actions: assign(({ event: { output } }) =>
                  output.kind === "ours" ? { claim: output.claim } : {},
                ),
              },
              // The old claim stands, or none: ours was not written, for the reason that is known.
              { target: "#restore.stopping" },
            ],
            onError: {
              target: "#restore.unresolved",
              actions: {
                type: "doubt",
                params: ({ event }) => ({ phase: "replacingClaim", error: event.error }),
              },
            },
          },
          after: {
            verifyMs: {
              target: "#restore.unresolved",
              actions: {
                type: "doubt",
                params: ({ context }) => ({
                  phase: "replacingClaim",
                  error: `the claim could not be read back within ${context.timeouts.verifyMs} ms`,
                }),
              },
            },
          },
        },
      },
    },

    stopping: {
      invoke: {
        id: "stopPod",
        src: "stopPod",
        input: { adopted: false },
        onDone: [
          {
            guard: ({ event }) => event.output.kind === "unproven",
            target: "unresolved",
            actions: {
              type: "doubt",
              params: ({ event: { output } }) => ({
                phase: "stopping",
                error: output,
                pids: output.kind === "unproven" ? output.pids : undefined,
              }),
            },
          },
          { guard: "becauseFailed", target: "failed", actions: assign(({ event }) => proven(event.output)) },
          {
            guard: "becauseTimedOut",
            target: "timedOut",
            actions: assign(({ event }) => proven(event.output)),
          },
          {
            guard: "becauseCancelled",
            target: "cancelled",
            actions: assign(({ event }) => proven(event.output)),
          },
          { target: "blocked", actions: assign(({ event }) => proven(event.output)) },
        ],
        onError: {
          target: "unresolved",
          actions: { type: "doubt", params: ({ event }) => ({ phase: "stopping", error: event.error }) },
        },
      },
      after: {
        stopMs: {
          target: "unresolved",
          actions: {
            type: "doubt",
            params: ({ context }) => ({
              phase: "stopping",
              error: `the Pod could not be proven gone within ${context.timeouts.stopMs} ms`,
            }),
          },
        },
      },
    },

    restored: { type: "final" },
    blocked: { type: "final" },
    failed: { type: "final" },
    timedOut: { type: "final" },
    cancelled: { type: "final" },
    unresolved: { type: "final" },
  },
});

export type RestoreMachine = typeof restoreMachine;

function unprovided<Output, Input>(name: string) {
  return fromPromise<Output, Input>(() =>
    Promise.reject(
      new Error(`the actor "${name}" is not provided: the launcher gives the machine its actors`),
    ),
  );
}

function known<Value>(value: Value | undefined): Value {
  if (value === undefined)
    throw new Error("the restore machine reached a state before what it needs was known");
  return value;
}

function standing(result: R.ReplaceClaimResult): L.Block {
  return result.kind === "taken" ? result.block : { by: "unknown", reason: "another claim stands" };
}

function proven(stop: L.StopResult): Pick<R.RestoreContext, "proof"> {
  return stop.kind === "stopped" ? { proof: stop.proof } : {};
}
