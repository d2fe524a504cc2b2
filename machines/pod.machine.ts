import { assign, emit, fromPromise, setup } from "xstate";
import type * as P from "./pod.types.js";

/**
 * The life of a Pod, as its guardian leads it. What it guards: BEFORE a run counts as accepted its receipt is durable; a Pod whose
 * launcher goes away before that ends by itself, one whose launcher goes away after it stays and can be adopted; a restored one stays only if the claim carries its launch id; and whatever ends
 * a Pod, it ends through `draining`, which ends the agent and proves it gone.
 *
 * The machine decides and does nothing else. What a client is told is told by the guardian, from what the machine enters.
 */
export const podMachine = setup({
  types: {
    context: {} as P.PodContext,
    events: {} as P.PodMachineEvent,
    input: {} as P.PodInput,
    emitted: {} as P.PodTold,
  },
  actors: {
    bootAgent: unprovided<P.PodReady, null>("bootAgent"),
    confirmClaim: unprovided<P.ConfirmResult, null>("confirmClaim"),
    writeReceipt: unprovided<null, P.ReceiptInput>("writeReceipt"),
    settleClaim: unprovided<null, P.SettleInput>("settleClaim"),
    endAgent: unprovided<P.EndAgentResult, P.EndAgentInput>("endAgent"),
  },
  delays: {
    idleStopMs: ({ context }) => context.idleStopMs,
  },
  guards: {
    accepted: ({ context }) => context.accepted,
    launcherGone: ({ context }) => !context.launcherPresent,
    restored: ({ context }) => context.restored === true,
    // Its session was loaded by an agent that has died before the claim was this Pod's.
    restoredInVain: ({ context }) => context.restored === true && !context.accepted && context.agentGone,
    // A restored Pod awaits no first run: it takes one as soon as its claim was seen.
    takesRuns: ({ context }) => context.accepted || context.restored !== true,
    idleStops: ({ context }) => context.accepted && context.idleStopMs > 0,
    runHasEnded: ({ context }) => context.ending !== undefined,
    mustSettle: ({ context }) => mustSettle(context),
  },
  actions: {
    loseLauncher: assign({ launcherPresent: false }),
    loseAgent: assign({ agentGone: true }),
    drainBecause: assign((_, { cause }: { cause: P.DrainCause }) => ({ cause })),
    takeRun: assign(({ event }) =>
      event.type === "RUN"
        ? { run: event.run, acceptance: undefined, ending: undefined, trouble: undefined }
        : {},
    ),
    keepEvidence: assign(({ event }) => (event.type === "EVIDENCE" ? { acceptance: event.acceptance } : {})),
    keepEnding: assign(({ event }) => (event.type === "ENDED" ? { ending: event.end } : {})),
    tellRejected: emit(({ context }) => ({
      type: "runRejected" as const,
      runId: known(context.run).runId,
      ...refusalOf(context),
    })),
    tellEnded: emit(({ context }) => ({
      type: "runEnded" as const,
      runId: known(context.run).runId,
      ending: known(context.lastEnding),
    })),
    finishRun: assign(({ context, event }) => {
      const ending = event.type === "ENDED" ? event.end : context.ending;
      return ending === undefined ? {} : { lastEnding: ending };
    }),
  },
}).createMachine({
  id: "pod",
  context: ({ input }) => ({ ...input, launcherPresent: true, agentGone: false, accepted: false }),
  initial: "booting",
  on: {
    AGENT_GONE: { actions: "loseAgent" },
    LAUNCHER_GONE: { actions: "loseLauncher" },
    STOP: { target: ".draining", actions: { type: "drainBecause", params: { cause: "stopped" } } },
  },
  states: {
    booting: {
      invoke: {
        id: "bootAgent",
        src: "bootAgent",
        input: null,
        onDone: { target: "idle" },
        onError: {
          target: "draining",
          actions: [
            { type: "drainBecause", params: { cause: "notReady" } },
            assign(({ event }) => ({ trouble: troubleOf(event.error) })),
          ],
        },
      },
      on: {
        LAUNCHER_GONE: {
          target: "draining",
          actions: ["loseLauncher", { type: "drainBecause", params: { cause: "launcherGone" } }],
        },
      },
    },

    // Ready for a run: the first, or after an end the next.
    idle: {
      always: [
        { guard: "mustSettle", target: "settling" },
        {
          guard: "restoredInVain",
          target: "draining",
          actions: { type: "drainBecause", params: { cause: "agentGone" } },
        },
      ],
      after: {
        idleStopMs: {
          guard: "idleStops",
          target: "draining",
          actions: { type: "drainBecause", params: { cause: "idle" } },
        },
      },
      on: {
        RUN: { guard: "takesRuns", target: "running", actions: "takeRun" },
        LAUNCHER_GONE: [
          { guard: "accepted", actions: "loseLauncher" },
          { guard: "restored", target: "confirming", actions: "loseLauncher" },
          {
            target: "draining",
            actions: ["loseLauncher", { type: "drainBecause", params: { cause: "launcherGone" } }],
          },
        ],
      },
    },

    // Whoever restored this Pod is gone, or has ended. It stays only if the claim on disk is its own.
    confirming: {
      invoke: {
        id: "confirmClaim",
        src: "confirmClaim",
        input: null,
        onDone: [
          {
            guard: ({ event }) => event.output.kind === "ours",
            target: "idle",
            actions: assign({ accepted: true }),
          },
          { target: "draining", actions: { type: "drainBecause", params: { cause: "launcherGone" } } },
        ],
        onError: {
          target: "draining",
          actions: [
            { type: "drainBecause", params: { cause: "defect" } },
            assign(({ event }) => ({ trouble: troubleOf(event.error) })),
          ],
        },
      },
    },

    running: {
      initial: "pending",
      states: {
        // Sent to the agent, and not yet accepted.
        pending: {
          on: {
            EVIDENCE: { target: "recording", actions: "keepEvidence" },
            ENDED: { target: "#pod.refused", actions: ["keepEnding", "tellRejected"] },
            LAUNCHER_GONE: [
              { guard: "accepted", actions: "loseLauncher" },
              {
                target: "#pod.draining",
                actions: ["loseLauncher", { type: "drainBecause", params: { cause: "launcherGone" } }],
              },
            ],
          },
        },
        // Durable BEFORE anybody is told. What happens meanwhile waits: the receipt may already be on disk.
        recording: {
          invoke: {
            id: "writeReceipt",
            src: "writeReceipt",
            input: ({ context }) => ({
              run: known(context.run),
              acceptance: known(context.acceptance),
              first: !context.accepted,
            }),
            onDone: {
              target: "accepted",
              actions: [
                emit(({ context }) => ({
                  type: "runAccepted" as const,
                  runId: known(context.run).runId,
                  acceptance: known(context.acceptance),
                  first: !context.accepted,
                })),
                assign({ accepted: true }),
              ],
            },
            onError: {
              target: "#pod.refused",
              actions: [assign(({ event }) => ({ trouble: troubleOf(event.error) })), "tellRejected"],
            },
          },
          on: { ENDED: { actions: "keepEnding" } },
        },
        accepted: {
          always: { guard: "runHasEnded", target: "#pod.idle", actions: ["finishRun", "tellEnded"] },
          on: { ENDED: { target: "#pod.idle", actions: ["finishRun", "tellEnded"] } },
        },
      },
    },

    // The run was not taken. The launcher is told, and stops the Pod; without one the Pod ends by itself.
    refused: {
      always: [
        { guard: "accepted", target: "idle" },
        {
          guard: "launcherGone",
          target: "draining",
          actions: { type: "drainBecause", params: { cause: "launcherGone" } },
        },
      ],
      on: {
        RUN: { target: "running", actions: "takeRun" },
        LAUNCHER_GONE: {
          target: "draining",
          actions: ["loseLauncher", { type: "drainBecause", params: { cause: "launcherGone" } }],
        },
      },
    },

    // The work is over, and the Pod ends once its claim was seen under the launch lock; until then it may still be adopted.
    settling: {
      invoke: {
        id: "settleClaim",
        src: "settleClaim",
        input: ({ context }) => ({
          release: context.whenDone === "release" && context.lastEnding !== undefined,
          ending: context.lastEnding,
        }),
        onDone: {
          target: "draining",
          actions: { type: "drainBecause", params: { cause: "whenDone" } },
        },
        onError: {
          target: "draining",
          actions: [
            { type: "drainBecause", params: { cause: "defect" } },
            assign(({ event }) => ({ trouble: troubleOf(event.error) })),
          ],
        },
      },
      after: {
        idleStopMs: {
          guard: "idleStops",
          target: "draining",
          actions: { type: "drainBecause", params: { cause: "idle" } },
        },
      },
    },

    draining: {
      // A Pod that is ending takes nothing back.
      on: { STOP: {} },
      invoke: {
        id: "endAgent",
        src: "endAgent",
        input: ({ context }) => ({ accepted: context.accepted, cause: context.cause ?? "stopped" }),
        onDone: { target: "stopped" },
        onError: {
          target: "stopped",
          actions: assign(({ event }) => ({ trouble: troubleOf(event.error) })),
        },
      },
    },

    stopped: { type: "final" },
  },
});

export type PodMachine = typeof podMachine;

/** After a run that was accepted: what `whenDone` asks for, or an agent that is gone and can take no other run. */
function mustSettle({ accepted, lastEnding, whenDone, agentGone }: P.PodContext): boolean {
  return accepted && (agentGone || (lastEnding !== undefined && whenDone !== "keep"));
}

/** Why a run was not taken: the receipt could not be written, or how the agent has ended it. */
function refusalOf({ trouble, ending }: P.PodContext): { readonly code: string; readonly message: string } {
  if (trouble) return trouble;
  if (ending?.kind === "failed") return { code: ending.code, message: ending.message };
  const how = ending?.stopReason ?? "nothing";
  return { code: "agent_refused", message: `the agent ended the turn with "${how}" before it had begun` };
}

function unprovided<Output, Input>(name: string) {
  return fromPromise<Output, Input>(() =>
    Promise.reject(
      new Error(`the actor "${name}" is not provided: the guardian gives the machine its actors`),
    ),
  );
}

function known<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error("the Pod machine reached a state before what it needs was known");
  return value;
}

function troubleOf(error: unknown): { readonly code: string; readonly message: string } {
  const { code, message } = (typeof error === "object" && error !== null ? error : {}) as {
    code?: unknown;
    message?: unknown;
  };
  return {
    code: typeof code === "string" ? code : "internal",
    message: typeof message === "string" ? message : String(error),
  };
}
