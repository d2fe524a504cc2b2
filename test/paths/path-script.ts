import type { LaunchClock, LaunchTimeouts } from "launch-claim";
import type { MachinePath, MachineStep } from "launch-claim/testing";

/** The one delay that the path says passes; everything else has all the time of a slow machine. */
const PASSES_MS = 150;
export const NEVER_MS = 30_000;

const DELAYS = [
  "admitMs",
  "readyMs",
  "connectMs",
  "peerMs",
  "runAckMs",
  "commitMs",
  "verifyMs",
  "stopMs",
] as const;

/** For launches that are not themselves what a path is about. */
export const PATIENT: LaunchTimeouts = timeoutsBy(() => NEVER_MS);

/** What a path asks of the Pod, the request and the ports. */
export class PathScript {
  readonly title: string;
  readonly end: string;
  /** What was injected on the way, in the words of `injectionsOf`. */
  readonly injected: string[] = [];
  /** Settles the deed that must be done before the delay passes which says that nobody heard of it. */
  deedIsDone: () => void = () => undefined;
  readonly #steps: readonly MachineStep[];

  constructor({ title, steps, end }: MachinePath) {
    this.title = title;
    this.end = end;
    this.#steps = steps;
  }

  passes(actor: string, result: string): boolean {
    return this.#steps.some(({ by }) => by.kind === "done" && by.actor === actor && by.result === result);
  }

  fails(actor: string): boolean {
    return this.#steps.some(({ by }) => by.kind === "error" && by.actor === actor);
  }

  outlasts(actor: string): boolean {
    return this.#steps.some(({ by }) => by.kind === "timeout" && by.actor === actor);
  }

  get cancelled(): string | undefined {
    return this.#steps.find(({ by }) => by.kind === "event" && by.type === "CANCEL")?.from;
  }

  cancelledIn(state: string): boolean {
    return this.cancelled === state;
  }

  /** Whether this actor must not answer: its delay passes, or the launch is cancelled in its state. */
  isStuck(actor: string, state: string): boolean {
    return this.outlasts(actor) || this.cancelledIn(state);
  }

  get adopts(): boolean {
    return this.passes("admit", "adoptable");
  }

  get endsUnresolved(): boolean {
    return this.end === "unresolved";
  }

  /** Whether the path gets as far as the hand-off. */
  get meetsPeers(): boolean {
    return this.#steps.some(({ from }) => from === "connecting.registeringPeers");
  }

  /** Real time; but a machine that is slow does its deeds as well, before the one delay that waits for one. */
  clockAwaitingDeed(isAwaited: boolean): LaunchClock {
    const deed = new Promise<void>((resolve) => {
      this.deedIsDone = resolve;
      if (!isAwaited) resolve();
    });
    return {
      now: () => Date.now(),
      setTimeout: (callback, delayMs) => {
        const fire = () => callback();
        return setTimeout(() => (delayMs === PASSES_MS ? void deed.then(fire) : fire()), delayMs);
      },
      clearTimeout: (id) => clearTimeout(id as NodeJS.Timeout),
    };
  }

  get timeouts(): LaunchTimeouts {
    const passing = new Set<string>(
      this.#steps.flatMap(({ by }) => (by.kind === "timeout" ? [by.delay] : [])),
    );
    return timeoutsBy((delay) => (passing.has(delay) ? PASSES_MS : NEVER_MS));
  }
}

function timeoutsBy(msOf: (delay: keyof LaunchTimeouts) => number): LaunchTimeouts {
  return Object.fromEntries(DELAYS.map((delay) => [delay, msOf(delay)])) as unknown as LaunchTimeouts;
}

/** A path's title for people, with what is injected on it. */
export function titleOf(path: MachinePath): string {
  const injected = injectionsOf(path);
  return injected.length === 0 ? path.title : `${path.title} [injected: ${injected.join("; ")}]`;
}

/** What is injected on this path, because no process can show it: told beforehand, for the test's title. */
export function injectionsOf(path: MachinePath): string[] {
  const script = new PathScript(path);
  return path.steps.flatMap(({ by, from }) => {
    if (by.kind === "event") {
      const held = by.type === "CANCEL" ? heldOnCancel[from] : undefined;
      return held === undefined ? [] : [`${held} does not answer`];
    }
    const { actor } = by;
    if (by.kind === "done") return injectedFor(from, by);
    if (by.kind === "timeout") return isInjected(actor) ? [`${actor} does not answer`] : [];
    const isShown = actor === "admit" || actor === "judgeClaim";
    return isInjected(actor) && !(isShown && script.fails(actor)) ? [`${actor} fails`] : [];
  });
}

function injectedFor(
  from: string,
  { actor, result }: { readonly actor: string; readonly result: string },
): string[] {
  // The claim that is to be restored stands there by itself, as long as nobody takes it away.
  const readsBackRestored = from === "replacingClaim.verifying";
  if (result === "taken") return readsBackRestored ? [] : [ANOTHER_CLAIM];
  if (result === "absent") return readsBackRestored ? [CLAIM_REMOVED] : [];
  return result === "unproven" ? [`${actor} cannot prove it`] : [];
}

export const ANOTHER_CLAIM = "another program writes its claim without the lock";
export const CLAIM_REMOVED = "another program removes the claim without the lock";

/** In these states nothing but the launcher itself is at work when the launch is cancelled. */
export const heldOnCancel: Readonly<Record<string, string>> = {
  "spawning.admitting": "admit",
  judging: "judgeClaim",
  endingSurvivors: "endSurvivors",
};

/** The launcher's own deeds; the others are the Pod's, which can show them. */
const launchersOwn = new Set([
  "admit",
  "commitClaim",
  "judgeClaim",
  "endSurvivors",
  "replaceClaim",
  "readBackClaim",
  "stopPod",
]);

function isInjected(actor: string): boolean {
  return launchersOwn.has(actor);
}
