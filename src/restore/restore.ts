import type { Actor, SnapshotFrom } from "xstate";
import { follow, undisturbed, type Broken } from "../launch/follow.js";
import type { RunParts } from "../launch/launch.js";
import { rescue } from "../launch/rescue.js";
import type { LaunchScope } from "../launch/scope.js";
import { StepLog, type LaunchStep } from "../launch/steps.js";
import type { ClaimRegistry } from "../ports.js";
import { survivorsOf } from "../registry/judge.js";
import { restoreOutcomeOf, type RestoreOutcome } from "../outcome.js";
import type { PodHandle, TicketRef } from "../../machines/launch.types.js";
import type { RestoreMachine } from "../../machines/restore.machine.js";
import type { RestoreContext, RestoreEnding } from "../../machines/restore.types.js";
import { restoreActor, type RestoreEffects } from "./effects.js";

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
  const actor = restoreActor(effects, {
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
    settle: (snapshot: SnapshotFrom<RestoreMachine>) => settle(snapshot, { scope, registry: tools.registry }),
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
  { scope, registry }: { readonly scope: LaunchScope<Pod>; readonly registry: ClaimRegistry },
): Promise<RestoreOutcome> {
  const left = snapshot.matches("unresolved")
    ? await leftBy(snapshot.context, { scope, registry })
    : scope.pids;
  const outcome = restoreOutcomeOf(snapshot, left);
  // Durable BEFORE the lock is given up.
  if (outcome.status === "unresolved") await scope.markUnresolved(outcome.pids).catch(() => undefined);
  return outcome;
}

/** An end of the survivors that was not awaited has told the machine of nobody: the old Pod's record names them. */
async function leftBy<Pod extends PodHandle>(
  { doubt, restores }: RestoreContext,
  { scope, registry }: { readonly scope: LaunchScope<Pod>; readonly registry: ClaimRegistry },
): Promise<readonly number[]> {
  if (doubt?.phase !== "endingSurvivors" || restores === undefined) return await scope.livingPids();
  // What cannot be read names nobody.
  return await survivorsOf(restores, registry).catch(() => []);
}
