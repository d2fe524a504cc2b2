import { LaunchClaimError, messageOf } from "../errors.js";
import { podRecordOf } from "../pod-records.js";
import type {
  ClaimRegistry,
  LockState,
  PodJudge,
  PodRecord,
  PodReference,
  PodRuntime,
  Probe,
  StoredClaim,
} from "../ports.js";
import type { Block, BlockedBy, PodHandle, TicketRef } from "../../machines/launch.types.js";
import { lifeOf } from "../processes.js";

/** Computed when asked and never stored. */
export type ClaimState = Exclude<BlockedBy, "inFlight">;

/** What a claim's state was judged by. */
export interface Evidence {
  /** The kernel's word. Absent for a record that cannot be read. */
  readonly podLock?: LockState;
  /** What the runtime said. Absent where it could not be asked. */
  readonly probe?: Probe;
  /** The processes of the Pod that still run, as far as its record names them. */
  readonly pids: readonly number[];
  /** The judgement in one sentence. */
  readonly reason: string;
}

export interface Judgement {
  readonly state: ClaimState;
  readonly evidence: Evidence;
}

/** Who is asked how a Pod stands. */
export interface Judging {
  readonly registry: ClaimRegistry;
  readonly runtime: PodJudge;
  readonly signal: AbortSignal;
  /** True if the Pod lock, should it be held, is held by the asker's own Pod: it then says nothing of any other. */
  readonly podLockIsOurs?: boolean;
}

/** As `Judging`, where more is done with the runtime than to ask it. */
export interface Judges<Pod extends PodHandle> extends Judging {
  readonly runtime: PodRuntime<Pod>;
}

const stateOf: Readonly<Record<Probe, ClaimState>> = {
  live: "live",
  lingering: "lingering",
  restorable: "restorable",
  gone: "stale",
  unknown: "unknown",
};

export async function judgeClaim(stored: StoredClaim, judges: Judging): Promise<Judgement> {
  if (stored.kind === "unreadable")
    return { state: "unreadable", evidence: { pids: [], reason: stored.reason } };
  const { claim } = stored;
  const podLock = judges.podLockIsOurs ? "free" : await podLockOf(claim.ticket, judges.registry);
  const { probe, reason, pids: named = [] } = await askRuntime(claim, podLock, judges);
  const state = stateOf[probe];
  // Most claims are live: the Pod's record is read only where its processes say more than the lock.
  const recorded = state === "live" ? [] : await survivorsOf(claim, judges.registry);
  return { state, evidence: { podLock, probe, pids: union(named, recorded), reason } };
}

/**
 * A Pod that stands without a claim, judged by what its record tells: the Pod lock, its processes, and its runtime. `stale`:
 * nothing of it runs.
 */
export async function judgePod(record: PodRecord, judges: Judging): Promise<Judgement> {
  const { pod: name, launchId, runtime, processes, state } = record;
  const podLock = await podLockOf(record.ticket, judges.registry);
  const lives = processes.map((recorded) => ({ pid: recorded.pid, life: lifeOf(recorded) }));
  const pids = lives.filter(({ life }) => life === "alive").map(({ pid }) => pid);
  const judgement = (state: ClaimState, reason: string): Judgement => ({
    state,
    evidence: { podLock, pids, reason },
  });

  if (pids.length > 0 && (state === "unresolved" || podLock === "free")) {
    return judgement(
      "lingering",
      `processes of Pod ${name}, which has no claim, still run: ${pids.join(", ")}`,
    );
  }
  const { locator, kind } = runtime;
  if (locator === undefined) {
    // Never published. The launcher's death ends such a Pod; but a launch that could not prove it must be believed.
    return state === "unresolved"
      ? judgement("unknown", `it could not be proven that Pod ${name} never started`)
      : judgement("stale", `Pod ${name} was never started`);
  }
  const {
    probe,
    reason,
    pids: named = [],
  } = await askRuntime(
    { ticket: record.ticket, pod: name, launchId, runtime: { kind, locator } },
    podLock,
    judges,
  );
  const allGone = lives.length > 0 && lives.every(({ life }) => life === "gone") && podLock === "free";
  // Every process of it is known to be gone: who cannot be asked need not be.
  if (probe === "unknown" && allGone)
    return judgement("stale", `Pod ${name} is gone, and nothing of it runs`);
  return {
    state: stateOf[probe],
    evidence: {
      podLock,
      pids: union(named, pids),
      reason: probe === "live" ? `${reason}, without a claim` : reason,
    },
  };
}

async function podLockOf(ticket: TicketRef, registry: ClaimRegistry): Promise<LockState> {
  return registry.probePodLock?.(ticket) ?? (await registry.probeLocks(ticket)).pod;
}

function union(some: readonly number[], more: readonly number[]): number[] {
  return [...new Set([...some, ...more])];
}

/** A claim in the way of a launch. */
export async function blockBy(stored: StoredClaim, judges: Judging): Promise<Block> {
  const { state, evidence } = await judgeClaim(stored, judges);
  const { reason, pids } = evidence;
  if (stored.kind === "unreadable") return { by: state, reason, file: stored.file, expect: stored.expect };
  return { by: state, reason, claim: stored.claim, ...(pids.length > 0 && { pids }) };
}

/** Asks the runtime about a Pod, bounded by the signal. What does not answer, or is not ours to ask, is `unknown`. */
async function askRuntime(
  reference: PodReference,
  podLock: LockState,
  { registry, runtime, signal }: Judging,
): Promise<{ readonly probe: Probe; readonly reason: string; readonly pids?: readonly number[] }> {
  const { pod } = reference;
  const { kind } = reference.runtime;
  if (kind !== runtime.kind) {
    // A held Pod lock is only *a* Pod's; it speaks for this one if its record says that it was started and has not ended.
    const record = podLock === "held" ? await podRecordOf(reference, registry) : undefined;
    return record && record.state !== "ended"
      ? { probe: "live", reason: reasons.live(pod, podLock) }
      : {
          probe: "unknown",
          reason: `Pod ${pod} was started by the runtime "${kind}", which only its own host can ask`,
        };
  }
  try {
    const answer = await settledBy(signal, runtime.probe(reference, { podLock, signal }));
    const { probe, pids = [] } = typeof answer === "string" ? { probe: answer } : answer;
    if (!Object.hasOwn(stateOf, probe)) throw new Error("its answer is none that a probe may give");
    const named = probe === "lingering" && pids.length > 0 ? `: ${pids.join(", ")}` : "";
    return { probe, reason: reasons[probe](pod, podLock) + named, pids };
  } catch (error) {
    return { probe: "unknown", reason: `the runtime could not tell about Pod ${pod}: ${messageOf(error)}` };
  }
}

const reasons: Readonly<Record<Probe, (pod: string, podLock: LockState) => string>> = {
  live: (pod, lock) =>
    `Pod ${pod} is alive${lock === "held" ? ": it holds the Pod lock" : ", says its runtime"}`,
  lingering: (pod) => `Pod ${pod} is gone, but processes of it still run`,
  restorable: (pod) => `Pod ${pod} is gone; its agent's session can be loaded again`,
  gone: (pod) => `Pod ${pod} is gone, and nothing of it runs`,
  unknown: (pod) => `its runtime cannot tell from here whether Pod ${pod} lives`,
};

/** The recorded processes of a Pod that still run. */
export async function survivorsOf(
  launch: Pick<PodRecord, "ticket" | "launchId">,
  registry: ClaimRegistry,
): Promise<number[]> {
  const record = await podRecordOf(launch, registry);
  return (record?.processes ?? []).filter((recorded) => lifeOf(recorded) === "alive").map(({ pid }) => pid);
}

/** Who waits under a signal. One listener a signal: adding and removing one for each claim took longer than judging it. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

function waitingUnder(signal: AbortSignal): Set<() => void> {
  const known = waiting.get(signal);
  if (known) return known;
  const waiters = new Set<() => void>();
  waiting.set(signal, waiters);
  const stopAll = () => {
    for (const stop of waiters) stop();
  };
  signal.addEventListener("abort", stopAll, { once: true });
  return waiters;
}

/** A promise that nobody may wait for longer than the signal allows. What it still rejects with afterwards is heard by nobody. */
export function settledBy<Value>(signal: AbortSignal, promise: Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    const waiters = waitingUnder(signal);
    const stop = () => reject(new LaunchClaimError("aborted", "it did not answer in time"));
    if (signal.aborted) stop();
    else waiters.add(stop);
    void promise.then(resolve, reject).then(() => waiters.delete(stop));
  });
}
