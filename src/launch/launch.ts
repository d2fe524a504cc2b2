import type { Actor, SnapshotFrom } from "xstate";
import type { LaunchMachine } from "../../machines/launch.machine.js";
import type { Ending, LaunchInput, PodHandle, TicketRef } from "../../machines/launch.types.js";
import { outcomeOf, type Outcome } from "../outcome.js";
import { launchActor, type LaunchEffects } from "./effects.js";
import { follow, undisturbed, type Broken, type Inspector, type LaunchClock } from "./follow.js";
import { rescue } from "./rescue.js";
import type { LaunchScope, LaunchTools } from "./scope.js";
import { StepLog, type LaunchStep } from "./steps.js";

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

/** What a launch or a restore is run with. */
export interface RunParts<Effects, Pod extends PodHandle> {
  readonly input: LaunchInput;
  readonly effects: Effects;
  readonly scope: LaunchScope<Pod>;
  readonly tools: LaunchTools<Pod>;
  readonly clock: LaunchClock;
  readonly inspect: Inspector | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Runs one launch machine to its end. */
export function runLaunch<Pod extends PodHandle>(parts: RunParts<LaunchEffects, Pod>): Launch {
  const { input, effects, scope, tools, clock, inspect, signal } = parts;
  const actor = launchActor(effects, {
    input,
    clock,
    id: input.launchId,
    ...(inspect && { inspect: undisturbed(inspect) }),
  });
  const steps = new StepLog(tools.now);
  const { outcome, cancel } = follow({
    actor,
    begin: () => actor.send({ type: "LAUNCH" }),
    steps,
    scope,
    signal,
    settle: (snapshot: SnapshotFrom<LaunchMachine>) => settle(snapshot, scope),
    rescue: (broken: Broken<Ending>): Promise<Outcome> =>
      rescue(broken, { ...parts, what: "launch" }, (claim) => ({
        status: "claimed" as const,
        claim,
        adopted: claim.adopted,
        warnings: [],
      })),
  });
  return {
    ticket: input.ticket,
    launchId: input.launchId,
    outcome,
    actor,
    cancel,
    [Symbol.asyncIterator]: () => steps.iterate(),
  };
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
