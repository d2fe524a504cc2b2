import type { LaunchEffects } from "../launch/effects.js";
import type { ActorName } from "../launch/paths.js";
import type { RestoreEffects } from "../restore/effects.js";
import type { RestoreActorName } from "../restore/paths.js";

type Gated = ActorName | RestoreActorName;

/** An actor that the machine has invoked and that waits for what a path says of it. */
export interface Gate {
  readonly actor: Gated;
  /** Aborts when the machine has left the actor's state. */
  readonly signal: AbortSignal;
  /** Does what the actor does, once however often it is called, and tells nobody. */
  run(): Promise<unknown>;
  /** Settles the actor. */
  done(output: unknown): void;
  fail(error: unknown): void;
}

/**
 * Holds every actor of a launch at a gate until it is settled by hand: what the actors do is real, when and how they answer is the
 * path's to say.
 */
export class Gates {
  readonly #held = new Map<Gated, Gate>();

  /** For a launcher's `wrapEffects`. */
  readonly wrap = (effects: LaunchEffects): LaunchEffects => ({
    admit: this.#gated("admit", effects.admit),
    startPod: this.#gated("startPod", effects.startPod),
    connect: this.#gated("connect", effects.connect),
    registerPeers: this.#gated("registerPeers", effects.registerPeers),
    requestRun: this.#gated("requestRun", effects.requestRun),
    commitClaim: this.#gated("commitClaim", effects.commitClaim),
    readBackClaim: this.#gated("readBackClaim", effects.readBackClaim),
    stopPod: this.#gated("stopPod", effects.stopPod),
  });

  /** For a launcher's `wrapRestoreEffects`. */
  readonly wrapRestore = (effects: RestoreEffects): RestoreEffects => ({
    judgeClaim: this.#gated("judgeClaim", effects.judgeClaim),
    endSurvivors: this.#gated("endSurvivors", effects.endSurvivors),
    restorePod: this.#gated("restorePod", effects.restorePod),
    connect: this.#gated("connect", effects.connect),
    replaceClaim: this.#gated("replaceClaim", effects.replaceClaim),
    readBackClaim: this.#gated("readBackClaim", effects.readBackClaim),
    stopPod: this.#gated("stopPod", effects.stopPod),
  });

  /** The gate of an actor that was invoked. */
  at(actor: Gated): Gate {
    const gate = this.#held.get(actor);
    if (gate) return gate;
    throw new Error(
      `the machine has not invoked ${actor}; it has invoked ${[...this.#held.keys()].join(", ")}`,
    );
  }

  #gated<Input, Output>(actor: Gated, effect: (input: Input, signal: AbortSignal) => Promise<Output>) {
    return (input: Input, signal: AbortSignal): Promise<Output> =>
      new Promise<Output>((resolve, reject) => {
        let running: Promise<Output> | undefined;
        this.#held.set(actor, {
          actor,
          signal,
          run: () => (running ??= effect(input, signal)),
          done: (output) => resolve(output as Output),
          fail: reject,
        });
      });
  }
}
