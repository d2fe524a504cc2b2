import { setTimeout as delay } from "node:timers/promises";
import { LaunchClaimError } from "../errors.js";
import type { ClaimRegistry, LockState, PodRecord, StoredPod } from "../ports.js";
import { markEnded } from "../pod-records.js";
import { isOfLaunch } from "../registry/continuation.js";
import { judgePod, settledBy, type Judges } from "../registry/judge.js";
import type { Block, PodHandle, TicketRef } from "../../machines/launch.types.js";
import type { LaunchTools } from "./scope.js";

/** How long a Pod whose launcher died may take to end by itself before it is called a survivor. */
const ON_ITS_WAY_OUT_MS = 1_000;

export type Found<Pod> =
  | { readonly kind: "blocked"; readonly block: Block }
  | { readonly kind: "adoptable"; readonly pod: Pod; readonly record: PodRecord | undefined }
  /** Nothing stands. `ended`: the records of Pods that a dead launcher left, now known to be gone. */
  | { readonly kind: "free"; readonly ended: readonly PodRecord[] };

export interface Looking {
  /** Which living Pods that have accepted a run may be adopted; `unresolved`: also one whose launch could not prove how it ended. */
  readonly adopts: "none" | "accepted" | "unresolved";
  /** The launch id of a Pod that is judged elsewhere: that of the claim. */
  readonly except?: string;
}

/**
 * Looks for Pods of the ticket that stand without a claim. A Pod whose launcher died before its run was accepted ends by
 * itself: it is given a moment.
 */
export async function lookForPods<Pod extends PodHandle>(
  ticket: TicketRef,
  { adopts, except }: Looking,
  judges: Judges<Pod>,
): Promise<Found<Pod>> {
  const deadline = performance.now() + ON_ITS_WAY_OUT_MS;
  for (let pauseMs = 5; ; pauseMs *= 2) {
    const { pod: podLock } = await judges.registry.probeLocks(ticket);
    const stored = (await judges.registry.pods(ticket)).filter(
      (entry) => entry.kind === "unreadable" || entry.record.launchId !== except,
    );
    const adoptable = adopts !== "none" && (await findAdoptable({ ticket, stored, adopts }, judges));
    if (adoptable) return adoptable;
    const found = await judgePods(stored, podLock, judges);
    if (found.kind !== "blocked" || !mayGoByItself(found.block, stored) || performance.now() >= deadline)
      return found;
    await delay(pauseMs, undefined, { signal: judges.signal });
  }
}

/** The launch lock is ours, so the launcher of whatever is found is gone: only such a Pod may be adopted. */
async function findAdoptable<Pod extends PodHandle>(
  { ticket, stored, adopts }: { ticket: TicketRef; stored: readonly StoredPod[]; adopts: Looking["adopts"] },
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
  if (record?.state === "unresolved" && adopts !== "unresolved") return undefined;
  // Claimed and ended once: that launch id is never claimed again.
  const ended = (await registry.history(ticket)).some(({ claim }) => isOfLaunch(claim, pod.launchId));
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
export async function forget<Pod extends PodHandle>(
  record: PodRecord,
  tools: LaunchTools<Pod>,
): Promise<void> {
  const { registry } = tools;
  const wasClaimed = (await registry.history(record.ticket)).some(({ claim }) =>
    isOfLaunch(claim, record.launchId),
  );
  if (!wasClaimed) await registry.removeSession(record.pod, record.launchId);
  await markEnded(record, tools);
}
