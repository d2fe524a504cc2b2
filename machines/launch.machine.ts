import { assign, fromPromise, setup } from "xstate";
import type * as L from "./launch.types.js";
import { troubleOf } from "./trouble.js";

/**
 * One launch, from the request to the truth about the ticket.
 *
 * The order is the promise: `committingClaim` can be entered only from `awaitingRunAck` with an accepted run, and every
 * launch that started something and does not end in `claimed` passes through `stopping`, which proves that nothing of it is
 * left. A timeout or an error while committing means that the outcome is unknown, not that it failed: `verifying` looks.
 *
 * The machine decides and does nothing else. What it invokes is provided by the launcher, one file for each actor.
 */
export const launchMachine = setup({
  types: {
    context: {} as L.LaunchContext,
    events: {} as L.LaunchEvent,
    input: {} as L.LaunchInput,
  },
  actors: {
    admit: unprovided<L.AdmitResult, L.AdmitInput>("admit"),
    startPod: unprovided<L.PodHandle, L.StartPodInput>("startPod"),
    connect: unprovided<L.PodSnapshot, L.ConnectInput>("connect"),
    registerPeers: unprovided<null, L.RegisterPeersInput>("registerPeers"),
    requestRun: unprovided<L.RunResult, L.RequestRunInput>("requestRun"),
    commitClaim: unprovided<L.CommitResult, L.CommitClaimInput>("commitClaim"),
    readBackClaim: unprovided<L.ReadBackResult, L.ReadBackClaimInput>("readBackClaim"),
    stopPod: unprovided<L.StopResult, L.StopPodInput>("stopPod"),
  },
  delays: {
    admitMs: ({ context }) => context.timeouts.admitMs,
    readyMs: ({ context }) => context.timeouts.readyMs,
    connectMs: ({ context }) => context.timeouts.connectMs,
    peerMs: ({ context }) => context.timeouts.peerMs,
    runAckMs: ({ context }) => context.timeouts.runAckMs,
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
    endAsFailed: assign((_, at: { phase: L.LaunchPhase; error: unknown }) => ({
      ending: { kind: "failed", ...troubleOf(at.phase, at.error) } satisfies L.Ending,
    })),
    endAsTimedOut: assign(({ context }, at: { phase: L.LaunchPhase; delay: keyof L.LaunchTimeouts }) => {
      const afterMs = context.timeouts[at.delay];
      const message = `${at.phase} did not finish within ${afterMs} ms (${at.delay})`;
      return {
        ending: { kind: "timedOut", phase: at.phase, code: "timed_out", message, afterMs } satisfies L.Ending,
      };
    }),
    endAsCancelled: assign(({ event }, at: { phase: L.LaunchPhase }) => {
      const message = (event.type === "CANCEL" && event.reason) || "the launch was cancelled";
      return {
        ending: { kind: "cancelled", phase: at.phase, code: "cancelled", message } satisfies L.Ending,
      };
    }),
    // A link race was lost: our Pod is stopped, and the launch ends as blocked by the claim that stands.
    endAsLost: assign((_, { block }: { block: L.Block }) => ({
      block,
      ending: {
        kind: "lost",
        phase: "committingClaim",
        code: "claim_taken",
        message: block.reason,
      } satisfies L.Ending,
    })),
    warnOfPeers: assign(({ context }, warning: L.LaunchWarning) => ({
      warnings: [...context.warnings, warning],
    })),
    doubt: assign(
      (_, of: { phase: L.LaunchPhase; error: unknown; pids?: readonly number[] | undefined }) => ({
        doubt: { ...troubleOf(of.phase, of.error), pids: of.pids ?? [] },
      }),
    ),
  },
}).createMachine({
  id: "launch",
  // Nothing was started until `starting`; from there on only `stopping` may say how it was proven that nothing is left.
  context: ({ input }) => ({ ...input, adopted: false, proof: "nothingStarted", warnings: [] }),
  initial: "idle",
  states: {
    idle: {
      on: {
        LAUNCH: { target: "spawning" },
        CANCEL: { target: "cancelled", actions: { type: "endAsCancelled", params: { phase: "idle" } } },
      },
    },

    spawning: {
      initial: "admitting",
      states: {
        admitting: {
          invoke: {
            id: "admit",
            src: "admit",
            input: ({ context }) => ({ ticket: context.ticket }),
            onDone: [
              {
                guard: ({ event }) => event.output.kind === "blocked",
                target: "#launch.blocked",
                actions: assign(({ event: { output } }) =>
                  output.kind === "blocked" ? { block: output.block } : {},
                ),
              },
              {
                guard: ({ event }) => event.output.kind === "adoptable",
                target: "#launch.connecting",
                actions: assign(({ event: { output } }) =>
                  output.kind === "adoptable" ? { adopted: true, plan: output.plan, pod: output.pod } : {},
                ),
              },
              {
                target: "starting",
                actions: assign(({ event: { output } }) =>
                  output.kind === "admitted" ? { plan: output.plan } : {},
                ),
              },
            ],
            onError: {
              target: "#launch.failed",
              actions: {
                type: "endAsFailed",
                params: ({ event }) => ({ phase: "spawning", error: event.error }),
              },
            },
          },
          after: {
            admitMs: {
              target: "#launch.timedOut",
              actions: { type: "endAsTimedOut", params: { phase: "spawning", delay: "admitMs" } },
            },
          },
          on: {
            CANCEL: {
              target: "#launch.cancelled",
              actions: { type: "endAsCancelled", params: { phase: "spawning" } },
            },
          },
        },

        starting: {
          invoke: {
            id: "startPod",
            src: "startPod",
            input: ({ context }) => ({ plan: known(context.plan) }),
            onDone: {
              target: "#launch.connecting",
              actions: assign({ pod: ({ event }) => event.output }),
            },
            onError: {
              target: "#launch.stopping",
              actions: {
                type: "endAsFailed",
                params: ({ event }) => ({ phase: "spawning", error: event.error }),
              },
            },
          },
          after: {
            readyMs: {
              target: "#launch.stopping",
              actions: { type: "endAsTimedOut", params: { phase: "spawning", delay: "readyMs" } },
            },
          },
          on: {
            CANCEL: {
              target: "#launch.stopping",
              actions: { type: "endAsCancelled", params: { phase: "spawning" } },
            },
          },
        },
      },
    },

    connecting: {
      initial: "dialing",
      on: {
        CANCEL: { target: "stopping", actions: { type: "endAsCancelled", params: { phase: "connecting" } } },
      },
      states: {
        dialing: {
          invoke: {
            id: "connect",
            src: "connect",
            input: ({ context }) => ({ pod: known(context.pod) }),
            onDone: {
              target: "registeringPeers",
              actions: assign({ snapshot: ({ event }) => event.output }),
            },
            onError: {
              target: "#launch.stopping",
              actions: {
                type: "endAsFailed",
                params: ({ event }) => ({ phase: "connecting", error: event.error }),
              },
            },
          },
          after: {
            connectMs: {
              target: "#launch.stopping",
              actions: { type: "endAsTimedOut", params: { phase: "connecting", delay: "connectMs" } },
            },
          },
        },

        // The only state whose failure goes on: a hand-off that fails must not cost the launch.
        registeringPeers: {
          invoke: {
            id: "registerPeers",
            src: "registerPeers",
            input: ({ context }) => ({ pod: known(context.pod), peers: known(context.plan).peers }),
            onDone: { target: "#launch.awaitingRunAck" },
            onError: {
              target: "#launch.awaitingRunAck",
              actions: {
                type: "warnOfPeers",
                params: ({ event }) => ({
                  code: "peer_not_registered",
                  message: troubleOf("connecting", event.error).message,
                }),
              },
            },
          },
          after: {
            peerMs: {
              target: "#launch.awaitingRunAck",
              actions: {
                type: "warnOfPeers",
                params: ({ context }) => ({
                  code: "peer_timed_out",
                  message: `the hand-off to ${known(context.plan).peers.join(", ")} did not finish within ${context.timeouts.peerMs} ms`,
                }),
              },
            },
          },
        },
      },
    },

    awaitingRunAck: {
      invoke: {
        id: "requestRun",
        src: "requestRun",
        input: ({ context }) => ({
          pod: known(context.pod),
          plan: known(context.plan),
          snapshot: known(context.snapshot),
          adopted: context.adopted,
        }),
        onDone: [
          {
            guard: ({ event }) => event.output.kind === "accepted",
            target: "committingClaim",
            actions: assign(({ event: { output } }) =>
              output.kind === "accepted"
                ? { acceptance: output.acceptance, ...(output.session && { session: output.session }) }
                : {},
            ),
          },
          {
            target: "stopping",
            actions: {
              type: "endAsFailed",
              params: ({ event }) => ({ phase: "awaitingRunAck", error: event.output }),
            },
          },
        ],
        onError: {
          target: "stopping",
          actions: {
            type: "endAsFailed",
            params: ({ event }) => ({ phase: "awaitingRunAck", error: event.error }),
          },
        },
      },
      after: {
        runAckMs: {
          target: "stopping",
          actions: { type: "endAsTimedOut", params: { phase: "awaitingRunAck", delay: "runAckMs" } },
        },
      },
      on: {
        CANCEL: {
          target: "stopping",
          actions: { type: "endAsCancelled", params: { phase: "awaitingRunAck" } },
        },
      },
    },

    // From here on the launch finishes: CANCEL is not taken.
    committingClaim: {
      initial: "writing",
      states: {
        writing: {
          invoke: {
            id: "commitClaim",
            src: "commitClaim",
            input: ({ context }) => ({
              ticket: context.ticket,
              plan: known(context.plan),
              pod: known(context.pod),
              snapshot: known(context.snapshot),
              acceptance: known(context.acceptance),
              session: context.session ?? context.snapshot?.session,
              adopted: context.adopted,
            }),
            onDone: [
              {
                guard: ({ event }) => event.output.kind === "committed",
                target: "#launch.claimed",
                actions: assign(({ event: { output } }) =>
                  output.kind === "committed" ? { claim: output.claim } : {},
                ),
              },
              {
                target: "#launch.stopping",
                actions: { type: "endAsLost", params: ({ event }) => ({ block: standing(event.output) }) },
              },
            ],
            onError: {
              target: "verifying",
              actions: {
                type: "endAsFailed",
                params: ({ event }) => ({ phase: "committingClaim", error: event.error }),
              },
            },
          },
          after: {
            commitMs: {
              target: "verifying",
              actions: { type: "endAsTimedOut", params: { phase: "committingClaim", delay: "commitMs" } },
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
                target: "#launch.claimed",
                actions: assign(({ event: { output } }) =>
                  output.kind === "ours" ? { claim: output.claim } : {},
                ),
              },
              {
                guard: ({ event }) => event.output.kind === "taken",
                target: "#launch.stopping",
                actions: { type: "endAsLost", params: ({ event }) => ({ block: standing(event.output) }) },
              },
              { target: "#launch.stopping" },
            ],
            onError: {
              target: "#launch.unresolved",
              actions: {
                type: "doubt",
                params: ({ event }) => ({ phase: "committingClaim", error: event.error }),
              },
            },
          },
          after: {
            verifyMs: {
              target: "#launch.unresolved",
              actions: {
                type: "doubt",
                params: ({ context }) => ({
                  phase: "committingClaim",
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
        input: ({ context }) => ({ adopted: context.adopted }),
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

    claimed: { type: "final" },
    blocked: { type: "final" },
    failed: { type: "final" },
    timedOut: { type: "final" },
    cancelled: { type: "final" },
    unresolved: { type: "final" },
  },
});

export type LaunchMachine = typeof launchMachine;

function unprovided<Output, Input>(name: string) {
  return fromPromise<Output, Input>(() =>
    Promise.reject(
      new Error(`the actor "${name}" is not provided: the launcher gives the machine its actors`),
    ),
  );
}

/** What an earlier state of this path has put into the context. */
function known<Value>(value: Value | undefined): Value {
  if (value === undefined)
    throw new Error("the launch machine reached a state before what it needs was known");
  return value;
}

/** The claim that stands in the place of ours. */
function standing(result: L.CommitResult | L.ReadBackResult): L.Block {
  return result.kind === "taken" ? result.block : { by: "unknown", reason: "another claim stands" };
}

function proven(stop: L.StopResult): Pick<L.LaunchContext, "proof"> {
  return stop.kind === "stopped" ? { proof: stop.proof } : {};
}
