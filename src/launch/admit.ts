import { setTimeout as delay } from "node:timers/promises";
import { LaunchClaimError } from "../errors.js";
import type { ClaimRegistry, LockState, PodRecord, StoredPod } from "../ports.js";
import { blockBy, judgePod, settledBy, type Judges } from "../registry/judge.js";
import { lifeOf } from "../processes.js";
import type { AdmitResult, Block, LaunchPlan, PodHandle, TicketRef } from "../../machines/launch.types.js";
import type { LaunchScope, LaunchTools } from "./scope.js";

/** How long a Pod whose launcher died may take to end by itself before it is called a survivor. */
const ON_ITS_WAY_OUT_MS = 1_000;

export interface Admission {
  /** Read last: a plan error must not hide what stands, and must not leave anything. */
  readonly readPlan: (options: { readonly adopting: boolean }) => Promise<LaunchPlan>;
  /** `adopt`: a launch that may only adopt, also a Pod whose launch ended as unresolved. */
  readonly adoptOnly: boolean;
}

/**
 * Takes the launch lock, THEN reads: what was read before the lock may be gone, or have come, when the lock is ours. Judges the
 * ticket's claim and every Pod record, and settles the plan.
 */
export async function admit<Pod extends PodHandle>(
  ticket: TicketRef,
  { readPlan, adoptOnly }: Admission,
  context: { scope: LaunchScope<Pod>; tools: LaunchTools<Pod>; signal: AbortSignal },
): Promise<AdmitResult> {
  const { scope, tools, signal } = context;
  const { registry } = tools;
  const judges = { ...tools, signal };

  const lock =
    (await registry.lockLaunch(ticket, { signal, patient: false })) ??
    (await explainBusy(ticket, judges)) ??
    (await registry.lockLaunch(ticket, { signal }));
  if (lock === undefined) return { kind: "blocked", block: inFlight(undefined) };
  if ("by" in lock) return { kind: "blocked", block: lock };
  scope.ownLock(lock);

  const claim = await registry.read(ticket);
  if (claim) return { kind: "blocked", block: await blockBy(claim, judges) };

  const found = await lookForPods(ticket, adoptOnly, judges);
  if (found.kind === "blocked") return found;
  const plan = await readPlan({ adopting: adoptOnly || found.kind === "adoptable" });
  if (found.kind === "adoptable") {
    scope.adopt(found.pod, found.record);
    return { kind: "adoptable", plan, pod: found.pod };
  }
  if (adoptOnly) {
    throw new LaunchClaimError(
      "nothing_to_adopt",
      "no living Pod of this ticket has accepted a run without being claimed",
    );
  }
  for (const record of found.ended) await forget(record, tools);
  return { kind: "admitted", plan };
}

/** A busy lock is first explained by what is on disk, and retried only if nothing explains it. */
async function explainBusy<Pod extends PodHandle>(
  ticket: TicketRef,
  judges: Judges<Pod>,
): Promise<Block | undefined> {
  const claim = await judges.registry.read(ticket);
  if (claim) {
    const block = await blockBy(claim, judges);
    if (block.by === "live") return block;
  }
  for (const stored of await judges.registry.pods(ticket)) {
    if (
      stored.kind === "pod" &&
      stored.record.state !== "ended" &&
      lifeOf(stored.record.launcher) === "alive"
    ) {
      return inFlight(stored.record);
    }
  }
  return undefined;
}

function inFlight(record: PodRecord | undefined): Block {
  if (record === undefined) {
    return { by: "inFlight", reason: "another process is changing this ticket's claim at this moment" };
  }
  const { launcher, startedAt, pod, launchId } = record;
  return {
    by: "inFlight",
    reason: `process ${launcher.pid} has been launching Pod ${pod} since ${startedAt}`,
    pod: { name: pod, launchId },
    holder: { ...launcher, since: startedAt },
  };
}

type Found<Pod> =
  | { readonly kind: "blocked"; readonly block: Block }
  | { readonly kind: "adoptable"; readonly pod: Pod; readonly record: PodRecord | undefined }
  /** Nothing stands. `ended`: the records of Pods that a dead launcher left, now known to be gone. */
  | { readonly kind: "free"; readonly ended: readonly PodRecord[] };

/**
 * Looks for Pods of the ticket that stand without a claim. A Pod whose launcher died before its run was accepted ends by
 * itself: it is given a moment.
 */
async function lookForPods<Pod extends PodHandle>(
  ticket: TicketRef,
  adoptUnresolved: boolean,
  judges: Judges<Pod>,
): Promise<Found<Pod>> {
  const deadline = performance.now() + ON_ITS_WAY_OUT_MS;
  for (let pauseMs = 5; ; pauseMs *= 2) {
    const { pod: podLock } = await judges.registry.probeLocks(ticket);
    const stored = await judges.registry.pods(ticket);
    const adoptable = await findAdoptable({ ticket, stored, adoptUnresolved }, judges);
    if (adoptable) return adoptable;
    const found = await judgePods(stored, podLock, judges);
    if (found.kind !== "blocked" || !mayGoByItself(found.block, stored) || performance.now() >= deadline)
      return found;
    await delay(pauseMs, undefined, { signal: judges.signal });
  }
}

/** The launch lock is ours, so the launcher of whatever is found is gone: only such a Pod may be adopted. */
async function findAdoptable<Pod extends PodHandle>(
  {
    ticket,
    stored,
    adoptUnresolved,
  }: { ticket: TicketRef; stored: readonly StoredPod[]; adoptUnresolved: boolean },
  { runtime, registry, signal }: Judges<Pod>,
): Promise<Extract<Found<Pod>, { kind: "adoptable" }> | undefined> {
  const pod = await settledBy(signal, Promise.resolve(runtime.findAccepted?.(ticket, { signal })));
  if (pod === undefined) return undefined;
  if (!isHandle(pod)) {
    throw new LaunchClaimError(
      "runtime_contract",
      `the runtime "${runtime.kind}" found something that is no Pod`,
    );
  }
  const known = stored.find((entry) => entry.kind === "pod" && entry.record.launchId === pod.launchId);
  const record = known?.kind === "pod" ? known.record : undefined;
  // Without a record of this ticket it may be another ticket's, and claimed there.
  if (record === undefined && (await isClaimed(pod.launchId, registry))) return undefined;
  // Its launch may have begun to stop it: a person decides, by `adopt`.
  if (record?.state === "unresolved" && !adoptUnresolved) return undefined;
  // Claimed and ended once: that launch id is never claimed again.
  const ended = (await registry.history(ticket)).some(({ claim }) => claim.launchId === pod.launchId);
  return ended ? undefined : { kind: "adoptable", pod, record };
}

function isHandle(pod: unknown): pod is PodHandle {
  const { name, launchId } = (pod ?? {}) as { name?: unknown; launchId?: unknown };
  return typeof name === "string" && typeof launchId === "string";
}

async function isClaimed(launchId: string, registry: ClaimRegistry): Promise<boolean> {
  return (await registry.list()).some(
    (stored) => stored.kind === "claim" && stored.claim.launchId === launchId,
  );
}

async function judgePods<Pod extends PodHandle>(
  stored: readonly StoredPod[],
  podLock: LockState,
  judges: Judges<Pod>,
): Promise<Exclude<Found<Pod>, { kind: "adoptable" }>> {
  const ended: PodRecord[] = [];
  for (const entry of stored) {
    if (entry.kind === "unreadable") {
      return { kind: "blocked", block: { by: "unreadable", reason: entry.reason, file: entry.file } };
    }
    const { record } = entry;
    if (record.state === "ended") continue;
    const { state, evidence } = await judgePod(record, judges);
    if (state === "stale" || state === "restorable") {
      ended.push(record);
      continue;
    }
    const { reason, pids } = evidence;
    const pod = { name: record.pod, launchId: record.launchId };
    return { kind: "blocked", block: { by: state, reason, pod, ...(pids.length > 0 && { pids }) } };
  }
  if (podLock === "held") {
    return {
      kind: "blocked",
      block: { by: "live", reason: "a Pod that has no record holds the Pod lock of this ticket" },
    };
  }
  return { kind: "free", ended };
}

/** Only what a dead launcher left behind goes by itself; what a launch could not stop, stays. */
function mayGoByItself(block: Block, stored: readonly StoredPod[]): boolean {
  if (block.by !== "live" && block.by !== "lingering") return false;
  const known = stored.find((entry) => entry.kind === "pod" && entry.record.launchId === block.pod?.launchId);
  return known?.kind !== "pod" || known.record.state !== "unresolved";
}

/** Writes down that a Pod is gone, and removes the role session of a launch that died while committing. */
async function forget<Pod extends PodHandle>(
  record: PodRecord,
  { registry, now }: LaunchTools<Pod>,
): Promise<void> {
  const wasClaimed = (await registry.history(record.ticket)).some(
    ({ claim }) => claim.launchId === record.launchId,
  );
  if (!wasClaimed) await registry.removeSession(record.pod, record.launchId);
  await registry.writePod({ ...record, state: "ended", updatedAt: now() });
}
