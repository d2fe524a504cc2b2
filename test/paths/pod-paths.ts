/** Every simple path through the Pod machine, enumerated from the machine itself, and taken by a running one. */
import { createActor, fromPromise, type EventObject, type SnapshotFrom } from "xstate";
import { getShortestPaths, getSimplePaths, getStateNodes } from "xstate/graph";
import { podMachine } from "../../machines/pod.machine.js";
import type {
  ConfirmResult,
  EndAgentInput,
  EndAgentResult,
  PodInput,
  PodReady,
  PodTold,
  ReceiptInput,
  SettleInput,
} from "../../machines/pod.types.js";

export type PodSnapshot = SnapshotFrom<typeof podMachine>;

export interface PodStep {
  readonly event: EventObject;
  /** What the machine was before it, and became by it. */
  readonly before: PodSnapshot;
  readonly after: PodSnapshot;
  /** What it told while it took the step. */
  readonly told: readonly PodTold[];
}

export interface PodPath {
  readonly title: string;
  readonly steps: readonly PodStep[];
}

const DONE = "xstate.done.actor.";
const ERROR = "xstate.error.actor.";
const acceptance = { level: "progress", kind: "model", at: "" } as const;
const trouble = { code: "io_failed", message: "the model has it fail" };

/** Only payloads are written here: which events there are, and where they lead, comes from the machine. */
const payloads: Readonly<Record<string, readonly object[]>> = {
  RUN: [{ run: { runId: "run", text: "text" } }],
  EVIDENCE: [{ acceptance }],
  ENDED: [{ end: { kind: "done", stopReason: "end_turn" } }, { end: { kind: "failed", ...trouble } }],
  [`${DONE}bootAgent`]: [{ output: { agent: { driver: "acp", name: "model" } } }],
  [`${DONE}confirmClaim`]: [{ output: { kind: "ours" } }, { output: { kind: "notOurs" } }],
  [`${DONE}writeReceipt`]: [{ output: null }],
  [`${DONE}settleClaim`]: [{ output: null }],
  [`${DONE}endAgent`]: [{ output: { kind: "gone" } }],
};

/** Every way from the start to the end that enters no state twice. */
export function podPaths(input: PodInput): PodPath[] {
  return getSimplePaths(
    podMachine,
    traversal(input, () => null),
  )
    .filter(({ state }) => state.status !== "active")
    .map(({ steps }) =>
      take(
        steps.slice(1).map(({ event }) => event),
        input,
      ),
    );
}

/** Every transition from every state with every knowledge that can be reached: the last step of a shortest path to it. */
export function podTransitions(input: PodInput): PodStep[] {
  const reached = getShortestPaths(podMachine, traversal(input, knowledgeIn));
  return reached
    .filter(({ state }) => state.status === "active")
    .flatMap(({ state, steps }) =>
      eventsIn(state).map((event) => {
        const way: EventObject[] = steps.slice(1).map((step) => step.event);
        return take([...way, event], input).steps.at(-1);
      }),
    )
    .filter((step) => step !== undefined);
}

function traversal(input: PodInput, distinguish: (state: PodSnapshot) => unknown) {
  return {
    input,
    limit: 10_000,
    events: (state: PodSnapshot) => eventsIn(state) as never[],
    serializeState: (state: PodSnapshot) => JSON.stringify([state.value, distinguish(state)]),
    serializeEvent: (event: EventObject) => JSON.stringify(event),
    stopWhen: (state: PodSnapshot) => state.status !== "active",
  };
}

function eventsIn(state: PodSnapshot): EventObject[] {
  const types = [...new Set(state._nodes.flatMap((node) => node.ownEvents as readonly string[]))];
  return types.flatMap((type) => {
    const known = payloads[type] ?? [type.startsWith(ERROR) ? { error: trouble } : {}];
    return known.map((payload) => ({ type, ...payload }));
  });
}

function knowledgeIn({ context }: PodSnapshot): unknown {
  const { launcherPresent, agentGone, accepted, ending, lastEnding } = context;
  return [launcherPresent, agentGone, accepted, ending !== undefined, lastEnding !== undefined];
}

/** A running machine takes the path: what it tells shows nowhere else. */
function take(events: readonly EventObject[], input: PodInput): PodPath {
  const actor = createActor(podMachine.provide({ actors: heldActors() }), { input });
  let told: PodTold[] = [];
  actor.on("*", (event) => told.push(event));
  actor.subscribe({ error: () => undefined });
  actor.start();
  const steps: PodStep[] = [];
  for (const event of events) {
    const before = actor.getSnapshot();
    told = [];
    actor.send(event as never);
    steps.push({ event, before, after: actor.getSnapshot(), told });
  }
  actor.stop();
  return { title: events.map(({ type }) => type.replace(/^xstate\./u, "")).join(", "), steps };
}

/** They never settle: the path says what they have come to. */
export function heldActors() {
  return {
    bootAgent: fromPromise<PodReady, null>(forever),
    confirmClaim: fromPromise<ConfirmResult, null>(forever),
    writeReceipt: fromPromise<null, ReceiptInput>(forever),
    settleClaim: fromPromise<null, SettleInput>(forever),
    endAgent: fromPromise<EndAgentResult, EndAgentInput>(forever),
  };
}

async function forever(): Promise<never> {
  return await new Promise<never>(() => undefined);
}

export function podStates(): string[] {
  return getStateNodes(podMachine.root)
    .filter(({ states }) => Object.keys(states).length === 0)
    .map(({ path }) => path.join("."));
}

export function podNodeAt(state: string) {
  return getStateNodes(podMachine.root).find(({ path }) => path.join(".") === state);
}
