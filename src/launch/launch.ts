import { createActor, type Actor, type InspectionEvent, type Observer, type SnapshotFrom } from "xstate";
import { messageOf } from "../errors.js";
import { launchMachine, type LaunchMachine } from "../../machines/launch.machine.js";
import type { Ending, LaunchInput, PodHandle, TicketRef } from "../../machines/launch.types.js";
import { outcomeOf, type Outcome } from "../outcome.js";
import { actorsOf, type LaunchEffects } from "./effects.js";
import { rescue, type Broken } from "./rescue.js";
import type { LaunchScope, LaunchTools } from "./scope.js";
import { StepLog, type LaunchStep } from "./steps.js";

/** Any XState inspector: a function, or an observer as `@statelyai/inspect` gives one. */
export type Inspector = ((event: InspectionEvent) => void) | Observer<InspectionEvent>;

/** A launch that is under way. Iterating over it gives every step from the first; any number of iterators may do so. */
export interface Launch<End = Outcome> extends AsyncIterable<LaunchStep> {
  readonly ticket: TicketRef;
  readonly launchId: string;
  /** How the launch ends. Does not reject: expected ends are values. */
  readonly outcome: Promise<End>;
  /** The XState actor. Stopping it is taken as a cancellation. */
  readonly actor: Actor<LaunchMachine>;
  /** Taken before the claim is being committed; from there on the launch finishes. */
  cancel(reason?: string): void;
}

/** The two timers that the machine's delays use, as XState defines them, and the time of day. */
export interface LaunchClock {
  /** Milliseconds since 1970. */
  now(): number;
  setTimeout(callback: (...args: unknown[]) => void, delayMs: number): unknown;
  clearTimeout(id: unknown): void;
}

interface LaunchParts<Pod extends PodHandle> {
  readonly input: LaunchInput;
  readonly effects: LaunchEffects;
  readonly scope: LaunchScope<Pod>;
  readonly tools: LaunchTools<Pod>;
  readonly clock: LaunchClock;
  readonly inspect: Inspector | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Runs one launch machine to its end, and gives up what the launch owns BEFORE anybody is told the outcome. */
export function runLaunch<Pod extends PodHandle>(parts: LaunchParts<Pod>): Launch {
  const { input, effects, scope, tools, clock, inspect, signal } = parts;
  const actor = createActor(launchMachine.provide({ actors: actorsOf(effects) }), {
    input,
    clock,
    id: input.launchId,
    ...(inspect && { inspect: undisturbed(inspect) }),
  });
  const steps = new StepLog(tools.now);
  const cancel = (reason?: string) => {
    // XState warns on the console of an event that comes after the end.
    if (actor.getSnapshot().status !== "active") return;
    actor.send({ type: "CANCEL", ...(reason !== undefined && { reason }) });
  };
  const onAbort = () => cancel(signal?.reason === undefined ? undefined : messageOf(signal.reason));

  const outcome = endOf(actor, steps)
    .then((end) => (end.kind === "final" ? settle(end.snapshot, scope) : rescue(end, parts)))
    .finally(() => {
      scope.close();
      steps.end();
      signal?.removeEventListener("abort", onAbort);
    });

  actor.start();
  if (signal?.aborted) onAbort();
  else {
    signal?.addEventListener("abort", onAbort, { once: true });
    actor.send({ type: "LAUNCH" });
  }
  return {
    ticket: input.ticket,
    launchId: input.launchId,
    outcome,
    actor,
    cancel,
    [Symbol.asyncIterator]: () => steps.iterate(),
  };
}

type End =
  | { readonly kind: "final"; readonly snapshot: SnapshotFrom<LaunchMachine> }
  | ({ readonly kind: "broken" } & Broken);

function endOf(actor: Actor<LaunchMachine>, steps: StepLog): Promise<End> {
  return new Promise((resolve) => {
    actor.subscribe({
      next: ({ value }) => steps.enter(value),
      error: (error) => resolve({ kind: "broken", by: "error", error, ending: endingOf(actor) }),
      complete: () => {
        const snapshot = actor.getSnapshot();
        if (snapshot.status === "done") resolve({ kind: "final", snapshot });
        else resolve({ kind: "broken", by: "stop", error: undefined, ending: endingOf(actor) });
      },
    });
  });
}

function endingOf(actor: Actor<LaunchMachine>): Ending | undefined {
  return actor.getSnapshot().context.ending;
}

async function settle<Pod extends PodHandle>(
  snapshot: SnapshotFrom<LaunchMachine>,
  scope: LaunchScope<Pod>,
): Promise<Outcome> {
  const pids = snapshot.matches("unresolved") ? await scope.livingPids() : scope.pids;
  const outcome = outcomeOf(snapshot, pids);
  // Durable BEFORE the lock is given up. Where even this fails, the record still says that the Pod was started.
  if (outcome.status === "unresolved") await scope.markUnresolved(outcome.pids).catch(() => undefined);
  return outcome;
}

/** A throw in an inspector would escape from `start` and `send`, or fail the machine. */
function undisturbed(inspect: Inspector): (event: InspectionEvent) => void {
  return (event) => {
    try {
      if (typeof inspect === "function") inspect(event);
      else inspect.next?.(event);
    } catch {
      // Somebody else's defect: an observer never disturbs a launch, and the library has no place to log to.
    }
  };
}
