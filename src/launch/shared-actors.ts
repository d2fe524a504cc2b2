import { fromPromise } from "xstate";

/** What an actor does. Its signal aborts when the state is left that invoked it. */
export type Effect<Output, Input> = (input: Input, signal: AbortSignal) => Promise<Output>;

/**
 * The actors of one machine, for all its runs: each does the effect of its own run, found by the actor system that it runs in. A
 * machine of its own for each run would be built anew each time, state by state, and be most of what a run holds in memory.
 */
export class SharedActors<Effects extends object> {
  readonly #effectsIn = new WeakMap<object, Effects>();

  actor<Output, Input extends object>(effectOf: (effects: Effects) => Effect<Output, Input>) {
    return fromPromise<Output, Input>(async ({ input, signal, system }) => {
      const effects = this.#effectsIn.get(system);
      if (effects === undefined) throw new Error("a run without its effects");
      return await effectOf(effects)(input, signal);
    });
  }

  /** Once for each run, before it is started. Returns the run. */
  give<Run extends { readonly system: object }>(run: Run, effects: Effects): Run {
    this.#effectsIn.set(run.system, effects);
    return run;
  }
}
