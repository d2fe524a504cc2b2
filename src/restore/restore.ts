import { createActor, type Actor, type SnapshotFrom } from "xstate";
import { follow, undisturbed, type Broken } from "../launch/follow.js";
import type { RunParts } from "../launch/launch.js";
import { rescue } from "../launch/rescue.js";
import type { LaunchScope } from "../launch/scope.js";
import { StepLog, type LaunchStep } from "../launch/steps.js";
import { restoreOutcomeOf, type RestoreOutcome } from "../outcome.js";
import type { PodHandle, TicketRef } from "../../machines/launch.types.js";
import { restoreMachine, type RestoreMachine } from "../../machines/restore.machine.js";
import type { RestoreEnding } from "../../machines/restore.types.js";
import { actorsOf, type RestoreEffects } from "./effects.js";

/** A restore that is under way. Iterating over it gives every step from the first. */
export interface Restore extends AsyncIterable<LaunchStep> {
  readonly ticket: TicketRef;
  /** The new one, which the claim carries once it is restored. */
  readonly launchId: string;
  /** How the restore ends. Does not reject: expected ends are values. */
  readonly outcome: Promise<RestoreOutcome>;
  /** The XState actor. Stopping it is taken as a cancellation. */
  readonly actor: Actor<RestoreMachine>;
  /** Taken before the claim is being replaced; from there on the restore finishes. */
  cancel(reason?: string): void;
}

/** Runs one restore machine to its end. */
export function runRestore<Pod extends PodHandle>(parts: RunParts<RestoreEffects, Pod>): Restore {
  const { input, effects, scope, tools, clock, inspect, signal } = parts;
  const actor = createActor(restoreMachine.provide({ actors: actorsOf(effects) }), {
    input,
    clock,
    id: input.launchId,
    ...(inspect && { inspect: undisturbed(inspect) }),
  });
  const steps = new StepLog(tools.now);
  const { outcome, cancel } = follow({
    actor,
    begin: () => actor.send({ type: "RESTORE" }),
    steps,
    scope,
    signal,
    settle: (snapshot: SnapshotFrom<RestoreMachine>) => settle(snapshot, scope),
    rescue: (broken: Broken<RestoreEnding>): Promise<RestoreOutcome> =>
      rescue(broken, { ...parts, what: "restore" }, (claim) => ({ status: "restored" as const, claim })),
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
  snapshot: SnapshotFrom<RestoreMachine>,
  scope: LaunchScope<Pod>,
): Promise<RestoreOutcome> {
  const pids = snapshot.matches("unresolved") ? await scope.livingPids() : scope.pids;
  const outcome = restoreOutcomeOf(snapshot, pids);
  // Durable BEFORE the lock is given up.
  if (outcome.status === "unresolved") await scope.markUnresolved(outcome.pids).catch(() => undefined);
  return outcome;
}
