import { messageOf } from "../errors.js";
import { markEnded, podRecordOf } from "../pod-records.js";
import type { PodRecord, PodReference, StoredClaim } from "../ports.js";
import { checkedStop } from "../launch/stop-pod.js";
import { isLockKept } from "../registry/kept-lock.js";
import { judgeClaim, settledBy, survivorsOf } from "../registry/judge.js";
import type { PodHandle, Proof, TicketRef } from "../../machines/launch.types.js";
import { underLock, type Refused, type Stopped, type VerbTools } from "./verb-tools.js";

export type StopOutcome =
  | {
      readonly status: "stopped";
      readonly pods: readonly string[];
      readonly proof: Proof;
      /** Nothing of them ran any more when they were to be stopped. */
      readonly wasGone: boolean;
      /** True if the ticket has a claim, which stays. */
      readonly claimed: boolean;
    }
  /** No Pod of this ticket is known. */
  | { readonly status: "absent" }
  | { readonly status: "unresolved"; readonly pids: readonly number[]; readonly reason: string }
  | Refused;

/** Stops the ticket's Pods, claimed or not, and proves them gone. The claim is kept. */
export async function stop<Pod extends PodHandle>(
  ticket: TicketRef,
  tools: VerbTools<Pod>,
): Promise<StopOutcome> {
  return await underLock(ticket, tools, async () => {
    const references = await podsOf(ticket, tools);
    if (references.length === 0) return { status: "absent" };
    const stored = await tools.registry.read(ticket);
    const wasGone = stored?.kind === "claim" && references.length === 1 ? await isGone(stored, tools) : false;
    let proof: Proof = "nothingStarted";
    // What another Pod of the ticket holds, agent lock or Pod lock, keeps one from being proven gone: they all are tried first.
    const unproven: PodReference[] = [];
    for (const reference of references) {
      const stopped = await stopByReference(reference, tools);
      if (stopped.kind === "unproven") unproven.push(reference);
      else proof = stopped.proof;
    }
    for (const reference of unproven) {
      const stopped = await stopByReference(reference, tools);
      if (stopped.kind === "unproven") {
        return { status: "unresolved", pids: stopped.pids, reason: stopped.reason };
      }
      proof = stopped.proof;
    }
    const pods = references.map(({ pod }) => pod);
    return { status: "stopped", pods, proof, wasGone, claimed: stored !== undefined };
  });
}

async function isGone<Pod extends PodHandle>(stored: StoredClaim, tools: VerbTools<Pod>): Promise<boolean> {
  const signal = AbortSignal.timeout(tools.timeouts.admitMs);
  const { state } = await judgeClaim(stored, { ...tools, signal });
  return state === "stale" || state === "restorable";
}

/** Ends a Pod that may have been started by another process. The caller holds the ticket's launch lock. */
export async function stopByReference<Pod extends PodHandle>(
  reference: PodReference,
  tools: VerbTools<Pod>,
): Promise<Stopped> {
  const { registry, runtime, timeouts } = tools;
  const pids = await survivorsOf(reference, registry);
  if (reference.runtime.kind !== runtime.kind) {
    const reason = `Pod ${reference.pod} was started by the runtime "${reference.runtime.kind}", which only its own host can stop`;
    return { kind: "unproven", pids, reason };
  }
  const signal = AbortSignal.timeout(timeouts.stopMs);
  try {
    const before = await registry.probeLocks(reference.ticket);
    const answer = checkedStop(
      await settledBy(signal, runtime.stop(runtime.podAt(reference), { signal, withinMs: timeouts.stopMs })),
    );
    if (!answer.stopped) {
      return { kind: "unproven", pids: answer.pids, reason: `processes of Pod ${reference.pod} still run` };
    }
    if (before.pod === "held" && (await isLockKept(reference.ticket, tools))) {
      return {
        kind: "unproven",
        pids,
        reason: `Pod ${reference.pod} is said to be stopped, but its Pod lock is still held`,
      };
    }
    // Best effort, as on a full disk: it is gone, which was proven, and the next admission finds out what this would have told it.
    await closeRecord(reference, tools).catch(() => undefined);
    return { kind: "stopped", proof: answer.proof ?? "host" };
  } catch (error) {
    return {
      kind: "unproven",
      pids,
      reason: `Pod ${reference.pod} could not be stopped: ${messageOf(error)}`,
    };
  }
}

/** Read again: until its end the Pod may have written it, the reason of its run's end among the rest. */
export async function closeRecord<Pod extends PodHandle>(
  launch: Pick<PodRecord, "ticket" | "launchId">,
  tools: VerbTools<Pod>,
): Promise<void> {
  const last = await podRecordOf(launch, tools.registry);
  if (last && last.state !== "ended") await markEnded(last, tools);
}

/** The Pod of the claim, and every other Pod of the ticket that is not known to have ended. */
async function podsOf<Pod extends PodHandle>(
  ticket: TicketRef,
  { registry }: VerbTools<Pod>,
): Promise<PodReference[]> {
  const stored = await registry.read(ticket);
  const claimed = stored?.kind === "claim" ? [stored.claim] : [];
  const unclaimed = (await registry.pods(ticket)).flatMap((entry): PodReference[] => {
    if (entry.kind !== "pod" || entry.record.state === "ended") return [];
    const { pod, launchId, runtime } = entry.record;
    if (runtime.locator === undefined || claimed.some((claim) => claim.launchId === launchId)) return [];
    return [{ ticket, pod, launchId, runtime: { kind: runtime.kind, locator: runtime.locator } }];
  });
  return [...claimed, ...unclaimed];
}
