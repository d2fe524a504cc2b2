import type { InspectionEvent, Observer, StateValue } from "xstate";
import { messageOf } from "../errors.js";
import type { PodHandle } from "../../machines/launch.types.js";
import type { LaunchScope } from "./scope.js";
import type { StepLog } from "./steps.js";

/** Any XState inspector: a function, or an observer as `@statelyai/inspect` gives one. */
export type Inspector = ((event: InspectionEvent) => void) | Observer<InspectionEvent>;

/** The two timers that the machine's delays use, as XState defines them, and the time of day. */
export interface LaunchClock {
  /** Milliseconds since 1970. */
  now(): number;
  setTimeout(callback: (...args: unknown[]) => void, delayMs: number): unknown;
  clearTimeout(id: unknown): void;
}

/** How the machine broke off: by an error of its own, or stopped from outside; and why it was ending, if it was. */
export interface Broken<Ending> {
  readonly by: "error" | "stop";
  readonly error: unknown;
  readonly ending: Ending | undefined;
}

interface Snapshot<Ending> {
  readonly status: string;
  readonly value: StateValue;
  readonly context: { readonly ending?: Ending };
}

/** What is followed: the actor of a launch or of a restore. */
interface Followed<Ending, Seen extends Snapshot<Ending>> {
  start(): unknown;
  getSnapshot(): Seen;
  subscribe(observer: {
    next: (snapshot: Seen) => void;
    error: (error: unknown) => void;
    complete: () => void;
  }): unknown;
  send(event: { readonly type: "CANCEL"; readonly reason?: string }): void;
}

interface Following<Ending, Seen extends Snapshot<Ending>, Outcome, Pod extends PodHandle> {
  readonly actor: Followed<Ending, Seen>;
  /** Sends the machine's first event. */
  readonly begin: () => void;
  readonly steps: StepLog;
  readonly scope: LaunchScope<Pod>;
  /** Aborting it cancels. */
  readonly signal: AbortSignal | undefined;
  /** The machine has reached a final state. */
  readonly settle: (snapshot: Seen) => Promise<Outcome>;
  readonly rescue: (broken: Broken<Ending>) => Promise<Outcome>;
}

/** Leads a machine from its first event to its end, and gives up what it owns BEFORE anybody is told the outcome. */
export function follow<Ending, Seen extends Snapshot<Ending>, Outcome, Pod extends PodHandle>(
  following: Following<Ending, Seen, Outcome, Pod>,
): { readonly outcome: Promise<Outcome>; readonly cancel: (reason?: string) => void } {
  const { actor, begin, steps, scope, signal, settle, rescue } = following;
  const cancel = (reason?: string) => {
    // XState warns on the console of an event that comes after the end.
    if (actor.getSnapshot().status !== "active") return;
    actor.send({ type: "CANCEL", ...(reason !== undefined && { reason }) });
  };
  const onAbort = () => cancel(signal?.reason === undefined ? undefined : messageOf(signal.reason));

  const outcome = endOf(actor, steps)
    .then((end) => (end.kind === "final" ? settle(end.snapshot) : rescue(end)))
    .finally(() => {
      scope.close();
      steps.end();
      signal?.removeEventListener("abort", onAbort);
    });

  actor.start();
  if (signal?.aborted) onAbort();
  else {
    signal?.addEventListener("abort", onAbort, { once: true });
    begin();
  }
  return { outcome, cancel };
}

type End<Ending, Seen> =
  { readonly kind: "final"; readonly snapshot: Seen } | ({ readonly kind: "broken" } & Broken<Ending>);

function endOf<Ending, Seen extends Snapshot<Ending>>(
  actor: Followed<Ending, Seen>,
  steps: StepLog,
): Promise<End<Ending, Seen>> {
  const ending = () => actor.getSnapshot().context.ending;
  return new Promise((resolve) => {
    actor.subscribe({
      next: ({ value }) => steps.enter(value),
      error: (error) => resolve({ kind: "broken", by: "error", error, ending: ending() }),
      complete: () => {
        const snapshot = actor.getSnapshot();
        if (snapshot.status === "done") resolve({ kind: "final", snapshot });
        else resolve({ kind: "broken", by: "stop", error: undefined, ending: ending() });
      },
    });
  });
}

/** A throw in an inspector would escape from `start` and `send`, or fail the machine. */
export function undisturbed(inspect: Inspector): (event: InspectionEvent) => void {
  return (event) => {
    try {
      if (typeof inspect === "function") inspect(event);
      else inspect.next?.(event);
    } catch {
      // Somebody else's defect: an observer never disturbs a launch, and the library has no place to log to.
    }
  };
}
