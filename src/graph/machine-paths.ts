import { getShortestPaths, getSimplePaths, getStateNodes } from "xstate/graph";
import type { AnyStateMachine, EventObject, StateValue } from "xstate";
import { dotted } from "../launch/steps.js";

/** One transition of a path. */
export interface MachineStep<Actor extends string = string, Delay extends string = string> {
  /** What makes the machine take it: an invoked actor that settles, its delay that runs out, or an event that is sent. */
  readonly by:
    | {
        readonly kind: "done";
        readonly actor: Actor;
        /** The result's own kind, where it has one. */
        readonly result: string;
      }
    | { readonly kind: "error"; readonly actor: Actor }
    | { readonly kind: "timeout"; readonly delay: Delay; readonly actor: Actor }
    | { readonly kind: "event"; readonly type: string };
  readonly from: string;
  /** The state that is reached, for example `connecting.dialing`. */
  readonly to: string;
}

/** One way through a machine, from `idle` to a final state. */
export interface MachinePath<Step extends MachineStep = MachineStep, End extends string = string> {
  /** For people and for test titles: what happens on the way, and how it ends. Unique among the paths. */
  readonly title: string;
  readonly steps: readonly Step[];
  /** The final state. */
  readonly end: End;
}

/** What a machine's own definition does not tell: the results that its actors can have, and what tells two states apart. */
export interface PathModel<Snapshot> {
  readonly machine: AnyStateMachine;
  /** The event that begins a run. */
  readonly begin: string;
  readonly input: unknown;
  /** By the actor's name. Only the payloads are written here: the events, and where they lead, come from the machine. */
  readonly results: Readonly<Record<string, readonly unknown[]>>;
  /** In how many ways a run can end, beyond the final state. */
  readonly wayOfEnding: (snapshot: Snapshot) => unknown;
  /** Added to the length of a path that shows less than a longer one would. */
  readonly penalty?: (path: MachinePath) => number;
}

interface ModelSnapshot {
  readonly value: StateValue;
  readonly status: string;
  readonly context: unknown;
  readonly _nodes: readonly { readonly ownEvents: readonly string[] }[];
}

/** Every path from `idle` to a final state that enters no state twice. */
export function simplePathsOf<Snapshot>(model: PathModel<Snapshot>): MachinePath[] {
  const found = getSimplePaths(
    model.machine,
    traversal(model, (snapshot) => snapshot.context),
  );
  return found.filter(isComplete).map((path) => asPath(path, model));
}

/**
 * The shortest path to every way in which a run can end, and for each transition that none of them takes the shortest one that does.
 */
export function shortestPathsOf<Snapshot>(model: PathModel<Snapshot>): MachinePath[] {
  const { penalty = () => 0 } = model;
  const found = getShortestPaths(
    model.machine,
    traversal(model, (snapshot) => model.wayOfEnding(snapshot as Snapshot)),
  );
  const shortest = found.filter(isComplete).map((path) => asPath(path, model));
  const taken = new Set(shortest.flatMap(({ steps }) => steps.map(transitionOf)));
  const effort = (path: MachinePath) => path.steps.length + penalty(path);
  for (const path of simplePathsOf(model).sort((a, b) => effort(a) - effort(b))) {
    const fresh = path.steps.map(transitionOf).filter((transition) => !taken.has(transition));
    if (fresh.length === 0) continue;
    shortest.push(path);
    for (const transition of fresh) taken.add(transition);
  }
  return shortest;
}

/** A transition by source, cause and target: what coverage is counted in. */
export function transitionOf({ from, by, to }: MachineStep): string {
  return `${from} ─ ${causeOf(by)} → ${to}`;
}

const DONE = "xstate.done.actor.";
const ERROR = "xstate.error.actor.";
const AFTER = "xstate.after.";

function traversal<Snapshot>(
  { machine, results, input }: PathModel<Snapshot>,
  distinguish: (snapshot: ModelSnapshot) => unknown,
) {
  const variants = new Map<string, EventObject[]>();
  for (const { id, src } of [machine.root, ...getStateNodes(machine.root)].flatMap((node) => node.invoke)) {
    const outputs = results[src as string] ?? [];
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
    events: (state: ModelSnapshot) =>
      [...new Set(state._nodes.flatMap((node) => node.ownEvents))].flatMap(
        (type) => variants.get(type) ?? [{ type }],
      ) as never[],
    serializeState: (state: ModelSnapshot) => JSON.stringify([state.value, state.status, distinguish(state)]),
    serializeEvent: (event: EventObject) => JSON.stringify(event),
    // Without it, final states go on taking events.
    stopWhen: (state: ModelSnapshot) => state.status !== "active",
  } as never;
}

function isComplete({ state }: { state: { readonly status: string } }): boolean {
  return state.status !== "active";
}

interface ModelPath {
  readonly state: ModelSnapshot;
  readonly steps: readonly { readonly state: ModelSnapshot; readonly event: EventObject }[];
}

function asPath<Snapshot>(path: unknown, model: PathModel<Snapshot>): MachinePath {
  const { steps, state } = path as ModelPath;
  const taken: MachineStep[] = [];
  let from = "idle";
  // The first step is the machine's own start, the event of each further one is what led to its state.
  for (const step of steps) {
    const to = dotted(step.state.value);
    if (step.event.type.startsWith("xstate.init")) continue;
    taken.push({ by: causeIn(step.event, model.machine), from, to });
    from = to;
  }
  const end = dotted(state.value);
  const told = taken.map(({ by }) => causeOf(by));
  // Every path but one begins with it.
  if (told[0] === model.begin) told.shift();
  else told[0] = `${told[0] ?? ""} before ${model.begin}`;
  return { title: `${told.join(", ")} → ${end}`, steps: taken, end };
}

function causeIn(event: EventObject, machine: AnyStateMachine): MachineStep["by"] {
  const { type } = event;
  if (type.startsWith(DONE)) {
    const { output } = event as EventObject & { output: { kind?: string } | null };
    return { kind: "done", actor: type.slice(DONE.length), result: output?.kind ?? "done" };
  }
  if (type.startsWith(ERROR)) return { kind: "error", actor: type.slice(ERROR.length) };
  if (type.startsWith(AFTER)) {
    const [delay = "", , ...state] = type.slice(AFTER.length).split(".");
    return { kind: "timeout", delay, actor: invokedIn(state.join("."), machine) };
  }
  return { kind: "event", type };
}

function invokedIn(state: string, machine: AnyStateMachine): string {
  const node = getStateNodes(machine.root).find(({ path }) => path.join(".") === state);
  return node?.invoke[0]?.src as string;
}

function causeOf(by: MachineStep["by"]): string {
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
