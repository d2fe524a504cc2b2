import { getShortestPaths, getSimplePaths, getStateNodes, type StatePath } from "xstate/graph";
import type { EventObject, SnapshotFrom } from "xstate";
import { launchMachine, type LaunchMachine } from "../../machines/launch.machine.js";
import type {
  AdmitResult,
  Block,
  Claim,
  CommitResult,
  LaunchContext,
  LaunchInput,
  PodHandle,
  PodSnapshot,
  ReadBackResult,
  RunResult,
  StopResult,
} from "../../machines/launch.types.js";
import type { LaunchEffects } from "./effects.js";
import { dotted } from "./steps.js";

export type ActorName = keyof LaunchEffects;

/** One transition of a path. */
export interface PathStep {
  /** What makes the machine take it: an invoked actor that settles, its delay that runs out, or an event that is sent. */
  readonly by:
    | {
        readonly kind: "done";
        readonly actor: ActorName;
        /** The result's own kind, where it has one. */ readonly result: string;
      }
    | { readonly kind: "error"; readonly actor: ActorName }
    | { readonly kind: "timeout"; readonly delay: keyof LaunchInput["timeouts"]; readonly actor: ActorName }
    | { readonly kind: "event"; readonly type: "LAUNCH" | "CANCEL" };
  readonly from: string;
  /** The state that is reached, for example `connecting.dialing`. */
  readonly to: string;
}

/** One way through the launch machine, from `idle` to a final state. */
export interface LaunchPath {
  /** For people and for test titles: what happens on the way, and how it ends. Unique among the paths. */
  readonly title: string;
  readonly steps: readonly PathStep[];
  /** The final state. */
  readonly end: "claimed" | "blocked" | "failed" | "timedOut" | "cancelled" | "unresolved";
}

/** Every path from `idle` to a final state that enters no state twice. */
export function simplePaths(): LaunchPath[] {
  return getSimplePaths(
    launchMachine,
    traversal((snapshot) => snapshot.context),
  )
    .filter(isComplete)
    .map(asPath);
}

/**
 * The shortest path to every way in which a launch can end (final state, phase and reason, adopted or not), and for each
 * transition that none of them takes the shortest one that does.
 */
export function shortestPaths(): LaunchPath[] {
  const shortest = getShortestPaths(launchMachine, traversal(wayOfEnding)).filter(isComplete).map(asPath);
  const taken = new Set(shortest.flatMap(({ steps }) => steps.map(transitionOf)));
  for (const path of simplePaths().sort((a, b) => effort(a) - effort(b))) {
    const fresh = path.steps.map(transitionOf).filter((transition) => !taken.has(transition));
    if (fresh.length === 0) continue;
    shortest.push(path);
    for (const transition of fresh) taken.add(transition);
  }
  return shortest;
}

/** An adoption is shorter, but shows less: its Pod is not this launch's to stop. */
function effort({ steps }: LaunchPath): number {
  const adopted = steps.some(({ by }) => by.kind === "done" && by.result === "adoptable");
  return steps.length + (adopted ? 100 : 0);
}

/** A transition by source, cause and target: what coverage is counted in. */
export function transitionOf({ from, by, to }: PathStep): string {
  return `${from} ─ ${causeOf(by)} → ${to}`;
}

type Snapshot = SnapshotFrom<LaunchMachine>;

/** Only the payloads of actor results are written here. The events, and where they lead, come from the machine. */
const plan = { role: "intake", prompt: "", peers: ["peer"], cwd: "/" };
const pod: PodHandle = { name: "pod", launchId: "launch", locator: {} };
const acceptance = { level: "progress", kind: "model", at: "" } as const;
const snapshot: PodSnapshot = { protocol: 1, pod: "pod", launchId: "launch", status: "idle" };
const block: Block = { by: "live", reason: "another claim stands" };
const claim: Claim = {
  ticket: { id: "ticket" },
  role: "intake",
  pod: "pod",
  launchId: "launch",
  claimedAt: "",
  adopted: false,
  acceptance,
  runtime: { kind: "model", locator: {} },
};

interface Results {
  readonly admit: readonly AdmitResult[];
  readonly startPod: readonly PodHandle[];
  readonly connect: readonly PodSnapshot[];
  readonly registerPeers: readonly null[];
  readonly requestRun: readonly RunResult[];
  readonly commitClaim: readonly CommitResult[];
  readonly readBackClaim: readonly ReadBackResult[];
  readonly stopPod: readonly StopResult[];
}

const results: Results = {
  admit: [
    { kind: "admitted", plan },
    { kind: "adoptable", plan, pod },
    { kind: "blocked", block },
  ],
  startPod: [pod],
  connect: [snapshot],
  registerPeers: [null],
  requestRun: [
    { kind: "accepted", acceptance },
    { kind: "rejected", code: "rejected", message: "the run was rejected" },
  ],
  commitClaim: [
    { kind: "committed", claim },
    { kind: "taken", block },
  ],
  readBackClaim: [{ kind: "ours", claim }, { kind: "absent" }, { kind: "taken", block }],
  stopPod: [
    { kind: "stopped", proof: "host" },
    { kind: "unproven", pids: [1], reason: "a process is left" },
  ],
};

const input: LaunchInput = {
  ticket: { id: "ticket" },
  launchId: "launch",
  timeouts: {
    admitMs: 1,
    readyMs: 1,
    connectMs: 1,
    peerMs: 1,
    runAckMs: 1,
    commitMs: 1,
    verifyMs: 1,
    stopMs: 1,
  },
};

const DONE = "xstate.done.actor.";
const ERROR = "xstate.error.actor.";
const AFTER = "xstate.after.";

function traversal(distinguish: (snapshot: Snapshot) => unknown) {
  const variants = new Map<string, EventObject[]>();
  const nodes = [launchMachine.root, ...getStateNodes(launchMachine.root)];
  for (const { id, src } of nodes.flatMap((node) => node.invoke)) {
    const outputs: readonly unknown[] = results[src as ActorName];
    variants.set(
      DONE + id,
      outputs.map((output) => ({ type: DONE + id, output, actorId: id })),
    );
    // A plain object: an Error would serialize to nothing, and all errors would look the same.
    const error = { code: `${id}_failed`, message: `${id} failed` };
    variants.set(ERROR + id, [{ type: ERROR + id, error, actorId: id } as EventObject]);
  }
  return {
    input,
    limit: 100_000,
    events: (state: Snapshot) =>
      [...new Set(state._nodes.flatMap((node) => node.ownEvents))].flatMap(
        (type) => variants.get(type) ?? [{ type }],
      ) as never[],
    serializeState: (state: Snapshot) => JSON.stringify([state.value, state.status, distinguish(state)]),
    serializeEvent: (event: EventObject) => JSON.stringify(event),
    // Without it, final states go on taking events.
    stopWhen: (state: Snapshot) => state.status !== "active",
  };
}

function wayOfEnding({ context: { adopted, ending, doubt } }: { context: LaunchContext }): unknown {
  return [adopted, ending?.kind, ending?.phase, ending?.code, doubt?.phase, doubt?.message];
}

type ModelPath = StatePath<Snapshot, EventObject>;

function isComplete({ state }: { state: Snapshot }): boolean {
  return state.status !== "active";
}

function asPath(path: unknown): LaunchPath {
  const { steps, state } = path as ModelPath;
  const taken: PathStep[] = [];
  let from = "idle";
  // The first step is the machine's own start, the event of each further one is what led to its state.
  for (const step of steps) {
    const to = dotted(step.state.value);
    if (step.event.type.startsWith("xstate.init")) continue;
    taken.push({ by: causeIn(step.event), from, to });
    from = to;
  }
  const end = dotted(state.value) as LaunchPath["end"];
  const told = taken.map(({ by }) => causeOf(by));
  // Every path but one begins with it.
  if (told[0] === "LAUNCH") told.shift();
  else told[0] = `${told[0] ?? ""} before LAUNCH`;
  return { title: `${told.join(", ")} → ${end}`, steps: taken, end };
}

function causeIn(event: EventObject): PathStep["by"] {
  const { type } = event;
  if (type.startsWith(DONE)) {
    const { output } = event as EventObject & { output: { kind?: string } | null };
    return { kind: "done", actor: type.slice(DONE.length) as ActorName, result: output?.kind ?? "done" };
  }
  if (type.startsWith(ERROR)) return { kind: "error", actor: type.slice(ERROR.length) as ActorName };
  if (type.startsWith(AFTER)) {
    const [delay, , ...state] = type.slice(AFTER.length).split(".");
    return {
      kind: "timeout",
      delay: delay as keyof LaunchInput["timeouts"],
      actor: invokedIn(state.join(".")),
    };
  }
  return { kind: "event", type: type as "LAUNCH" | "CANCEL" };
}

function invokedIn(state: string): ActorName {
  const node = getStateNodes(launchMachine.root).find(({ path }) => path.join(".") === state);
  return node?.invoke[0]?.src as ActorName;
}

function causeOf(by: PathStep["by"]): string {
  switch (by.kind) {
    case "done":
      return by.result === "done" ? by.actor : `${by.actor} ${by.result}`;
    case "error":
      return `${by.actor} fails`;
    case "timeout":
      return `${by.delay} passes`;
    case "event":
      return by.type;
  }
}
