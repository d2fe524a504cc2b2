import { LaunchClaimError } from "../errors.js";
import type { EndResult, HistoryEntry, LaunchLock, StoredClaim } from "../ports.js";
import { markEnded, podRecordOf } from "../pod-records.js";
import { judgeClaim, judgePod, type Judgement } from "../registry/judge.js";
import type { Claim, PodHandle, TicketRef } from "../../machines/launch.types.js";
import { closeRecord, stopByReference } from "./stop.js";
import { underLock, whoAmI, type Refused, type VerbTools } from "./verb-tools.js";

interface EndOptions {
  /** Stop what still runs first, and prove it gone. Default false: what runs is refused. */
  readonly stop?: boolean;
  /** Kept in the history. */
  readonly reason?: string;
  /** Who ends it. Default `user@host`. */
  readonly by?: string;
}

export type ReleaseOptions = EndOptions;

export interface ReclaimOptions extends EndOptions {
  /** The launch id that must still stand, or `sha256:…` of an unreadable record: compare-and-delete. */
  readonly expect: string;
  /** Only judge: say what would be ended, and by what evidence. */
  readonly dryRun?: boolean;
}

export type EndOutcome =
  | {
      readonly status: "ended";
      /** Absent for an unreadable record, whose bytes are kept in `file`, and for a Pod that never had a claim. */
      readonly entry?: HistoryEntry;
      readonly file?: string;
    }
  /** `dryRun`: what would be ended. */
  | { readonly status: "wouldEnd"; readonly judgement: Judgement; readonly claim?: Claim }
  | { readonly status: "absent" }
  | { readonly status: "unresolved"; readonly pids: readonly number[]; readonly reason: string }
  | Refused;

/** The work is over: ends the claim into history. What still runs is refused, or stopped and proven gone first. */
export async function release<Pod extends PodHandle>(
  ticket: TicketRef,
  options: ReleaseOptions,
  tools: VerbTools<Pod>,
): Promise<EndOutcome> {
  return await underLock(ticket, tools, async (lock) => {
    const stored = await tools.registry.read(ticket);
    if (stored === undefined) return { status: "absent" };
    const judgement = await judge(stored, tools);
    if (stored.kind === "unreadable") {
      return refused(judgement, `Repair ${stored.file}, or "reclaim" it, expecting ${stored.expect}.`);
    }
    const running = await endWhatRuns(stored.claim, judgement, { tools, stop: options.stop ?? false });
    return (
      running ?? (await end(lock, { ...options, how: "released", expect: stored.claim.launchId }, tools))
    );
  });
}

/**
 * Ends a claim that nobody will end any more, by compare-and-delete on its launch id. Never a live one. Also clears the record of
 * a Pod that a launch without a claim could not prove gone.
 */
export async function reclaim<Pod extends PodHandle>(
  ticket: TicketRef,
  options: ReclaimOptions,
  tools: VerbTools<Pod>,
): Promise<EndOutcome> {
  return await underLock(ticket, tools, async (lock) => {
    const stored = await tools.registry.read(ticket);
    if (stored === undefined) return await clearPodRecord(ticket, options, tools);
    const standing = stored.kind === "claim" ? stored.claim.launchId : stored.expect;
    if (standing !== options.expect) {
      // Not the claim's own Pod, but one that an earlier launch could not prove gone.
      const cleared = await clearPodRecord(ticket, options, tools);
      if (cleared.status !== "absent") return cleared;
      return {
        status: "refused",
        by: "mismatch",
        reason: `${standing} stands, not ${options.expect}`,
        advice: "Look again: another launch has claimed the ticket since.",
      };
    }
    const judgement = await judge(stored, tools);
    if (judgement.state === "live")
      return refused(judgement, 'A living claim is never reclaimed: "stop" its Pod first.');
    if (options.dryRun) {
      return { status: "wouldEnd", judgement, ...(stored.kind === "claim" && { claim: stored.claim }) };
    }
    if (stored.kind === "claim") {
      const running = await endWhatRuns(stored.claim, judgement, { tools, stop: options.stop ?? false });
      if (running) return running;
    }
    return await end(lock, { ...options, how: "reclaimed" }, tools);
  });
}

async function judge<Pod extends PodHandle>(stored: StoredClaim, tools: VerbTools<Pod>): Promise<Judgement> {
  return await judgeClaim(stored, { ...tools, signal: AbortSignal.timeout(tools.timeouts.admitMs) });
}

/** Undefined once nothing of the claim's Pod runs; else why the claim stays. */
async function endWhatRuns<Pod extends PodHandle>(
  claim: Claim,
  judgement: Judgement,
  { tools, stop }: { tools: VerbTools<Pod>; stop: boolean },
): Promise<EndOutcome | undefined> {
  const { state } = judgement;
  if (state === "stale" || state === "restorable") return undefined;
  if (!stop) {
    const advice =
      state === "unknown"
        ? "Whether it runs cannot be told from here: end it from the host that started it."
        : 'Stop it first, or ask for it to be stopped ("stop").';
    return refused(judgement, advice);
  }
  const stopped = await stopByReference(claim, tools);
  return stopped.kind === "stopped"
    ? undefined
    : { status: "unresolved", pids: stopped.pids, reason: stopped.reason };
}

async function end<Pod extends PodHandle>(
  lock: LaunchLock,
  { how, expect, reason = how, by = whoAmI() }: EndOptions & { how: HistoryEntry["how"]; expect: string },
  tools: VerbTools<Pod>,
): Promise<EndOutcome> {
  const result: EndResult = await tools.registry.end(lock, { expect, how, reason, by });
  switch (result.kind) {
    case "ended": {
      // Nothing of it runs, or it could not have been ended: no later launch or doctor need ask again.
      await closeRecord({ ticket: lock.ticket, launchId: expect }, tools);
      return { status: "ended", ...(result.entry && { entry: result.entry }), file: result.file };
    }
    case "absent":
      return { status: "absent" };
    case "mismatch":
      // The launch lock is ours and the claim was read under it: somebody changes the registry without the lock.
      throw new LaunchClaimError("lock_lost", "the claim changed although its launch lock was held");
  }
}

/** A record that only a person can judge: its launch could not prove its Pod gone, and nobody can be asked. */
async function clearPodRecord<Pod extends PodHandle>(
  ticket: TicketRef,
  { expect, dryRun }: ReclaimOptions,
  tools: VerbTools<Pod>,
): Promise<EndOutcome> {
  const { registry, timeouts } = tools;
  const record = await podRecordOf({ ticket, launchId: expect }, registry);
  if (record === undefined || record.state === "ended") return { status: "absent" };
  const judgement = await judgePod(record, { ...tools, signal: AbortSignal.timeout(timeouts.admitMs) });
  if (judgement.state === "live" || judgement.state === "lingering") {
    return refused(judgement, 'What runs is never reclaimed: "stop" it first.');
  }
  if (dryRun) return { status: "wouldEnd", judgement };
  await markEnded(record, tools);
  return { status: "ended" };
}

function refused({ state, evidence }: Judgement, advice: string): Refused {
  return { status: "refused", by: state, reason: evidence.reason, advice };
}
