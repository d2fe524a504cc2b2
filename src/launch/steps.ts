import type { StateValue } from "xstate";

/** A state that a launch has entered. */
export interface LaunchStep {
  /** The path of the state, for example `connecting.dialing`. */
  readonly state: string;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** The states of one launch, in order, for any number of readers. A launch enters a dozen at most. */
export class StepLog {
  readonly #steps: LaunchStep[] = [];
  readonly #now: () => string;
  #ended = false;
  #wake: () => void = () => undefined;
  #changed: Promise<void> = this.#rearm();

  constructor(now: () => string) {
    this.#now = now;
  }

  enter(value: StateValue): void {
    const state = dotted(value);
    if (this.#steps.at(-1)?.state === state) return;
    this.#steps.push({ state, at: this.#now() });
    this.#notify();
  }

  end(): void {
    this.#ended = true;
    this.#notify();
  }

  async *iterate(): AsyncGenerator<LaunchStep, void, undefined> {
    for (let next = 0; ;) {
      const step = this.#steps[next];
      if (step) {
        next += 1;
        yield step;
      } else if (this.#ended) return;
      else await this.#changed;
    }
  }

  #notify(): void {
    this.#wake();
    this.#changed = this.#rearm();
  }

  #rearm(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}

/** `connecting.dialing` */
export function dotted(value: StateValue): string {
  if (typeof value === "string") return value;
  return Object.entries(value)
    .map(([state, child]) => (child === undefined ? state : `${state}.${dotted(child)}`))
    .join(", ");
}
