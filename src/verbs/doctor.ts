import type { Finding, LaunchLock, PodRecord, RoleSession } from "../ports.js";
import { judgeClaim, judgePod, type Judges } from "../registry/judge.js";
import { markEnded, podRecordOf } from "../pod-records.js";
import { isOfLaunch } from "../registry/continuation.js";
import { podOfKey } from "../unticketed.js";
import type { PodHandle, TicketRef } from "../../machines/launch.types.js";
import type { VerbTools } from "./verb-tools.js";

export interface Diagnosis {
  /** False if there are errors. */
  readonly healthy: boolean;
  readonly findings: readonly Finding[];
}

/** Everything that is not as it should be, and what mends it. With `fix`, mends what cannot lose anything. */
export async function doctor<Pod extends PodHandle>(
  { fix }: { readonly fix: boolean },
  tools: VerbTools<Pod>,
): Promise<Diagnosis> {
  const judges = { ...tools, signal: AbortSignal.timeout(tools.timeouts.admitMs) };
  const findings = [
    ...(await tools.registry.examine({ fix })),
    ...(await examineClaims(judges)),
    ...(await examinePods(judges, tools, fix)),
    ...(await examineSessions(judges, fix)),
  ];
  return { healthy: !findings.some(({ severity }) => severity === "error"), findings };
}

async function examineClaims<Pod extends PodHandle>(judges: Judges<Pod>): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const stored of await judges.registry.list()) {
    if (stored.kind === "unreadable") continue;
    const { ticket, launchId } = stored.claim;
    const { state, evidence } = await judgeClaim(stored, judges);
    if (state === "live" || state === "unreadable") continue;
    findings.push({
      severity: state === "lingering" ? "error" : "warning",
      code: `claim_${state}`,
      message: evidence.reason,
      ticket,
      mend: {
        lingering: `"stop" the Pod of ${ticket.id}, which ends its processes ${evidence.pids.join(", ")}`,
        restorable: `"reclaim" ${ticket.id}, expecting ${launchId}, if its session is not to be loaded again`,
        stale: `"reclaim" ${ticket.id}, expecting ${launchId}`,
        unknown: "Ask from the host that started its Pod",
      }[state],
      safe: false,
    });
  }
  return findings;
}

/** Pods that stand without a claim. Those of a launch that is in flight are as they should be. */
async function examinePods<Pod extends PodHandle>(
  judges: Judges<Pod>,
  tools: VerbTools<Pod>,
  fix: boolean,
): Promise<Finding[]> {
  const { registry, runtime, signal } = judges;
  const findings: Finding[] = [];
  for (const stored of await registry.pods()) {
    if (stored.kind !== "pod" || stored.record.state === "ended") continue;
    if (await isClaimed(stored.record, registry)) continue;
    const lock = await lockIfFree(stored.record.ticket, registry);
    if (lock === undefined) continue;
    try {
      // Whoever had the lock a moment ago may have claimed it, or ended it.
      const record = await podRecordOf(stored.record, registry);
      if (record === undefined || record.state === "ended" || (await isClaimed(record, registry))) continue;
      const { state, evidence } = await judgePod(record, judges);
      if (state === "live" && (await isRecorded(record, registry))) continue;
      if (state === "stale" || state === "restorable") {
        if (fix) await markEnded(record, tools);
        findings.push(leftRecord(record, fix));
        continue;
      }
      const accepted = await runtime.findAccepted?.(record.ticket, { signal });
      const adoptable = accepted?.launchId === record.launchId;
      findings.push({
        severity: "error",
        code: adoptable ? "pod_adoptable" : `pod_${state}`,
        message: evidence.reason,
        ticket: record.ticket,
        mend: adoptable
          ? `"adopt" ${record.ticket.id}, or "stop" it`
          : state === "unknown"
            ? `"reclaim" ${record.ticket.id}, expecting ${record.launchId}, if you know that the Pod is gone`
            : `"stop" ${record.ticket.id}`,
        safe: false,
      });
    } finally {
      lock.close();
    }
  }
  return findings;
}

async function isClaimed(
  { ticket, launchId }: PodRecord,
  registry: Judges<PodHandle>["registry"],
): Promise<boolean> {
  const claim = await registry.read(ticket);
  return claim?.kind === "claim" && claim.claim.launchId === launchId;
}

/**
 * The lock of a ticket that nobody is changing. The limit is for whoever is asked: one attempt waits for nobody, and a doctor who is late
 * still looks.
 */
async function lockIfFree(
  ticket: TicketRef,
  registry: Judges<PodHandle>["registry"],
): Promise<LaunchLock | undefined> {
  return await registry.lockLaunch(ticket, { signal: new AbortController().signal, patient: false });
}

/** A Pod that was launched without a ticket has a role session, and no claim. */
async function isRecorded(
  { ticket, launchId }: PodRecord,
  registry: Judges<PodHandle>["registry"],
): Promise<boolean> {
  if (podOfKey(ticket) === undefined) return false;
  return (await registry.sessions()).some((session) => session.launchId === launchId);
}

function leftRecord(record: PodRecord, mended: boolean): Finding {
  return {
    severity: "info",
    code: "pod_record_left",
    message: `Pod ${record.pod} is gone, but its record was not closed: its launcher died`,
    ticket: record.ticket,
    mend: "doctor with fix closes it, and so does the next launch",
    safe: true,
    mended,
  };
}

/** Role sessions that a launch wrote and then lost its claim, or died. */
async function examineSessions<Pod extends PodHandle>(
  { registry }: Judges<Pod>,
  fix: boolean,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const session of await registry.sessions()) {
    const [ticket] = session.tickets;
    if (session.origin !== "launch" || ticket === undefined) continue;
    const lock = await lockIfFree(ticket, registry);
    if (lock === undefined) continue;
    try {
      if (!(await isOrphaned(session, registry))) continue;
      if (fix) await registry.removeSession(session.pod, session.launchId);
      findings.push({
        severity: "warning",
        code: "session_orphaned",
        message: `Pod ${session.pod} has a role session, but its launch ended without a claim`,
        ticket,
        mend: "doctor with fix removes it",
        safe: true,
        mended: fix,
      });
    } finally {
      lock.close();
    }
  }
  return findings;
}

async function isOrphaned(session: RoleSession, registry: Judges<PodHandle>["registry"]): Promise<boolean> {
  const [ticket] = session.tickets;
  if (ticket === undefined) return false;
  const claim = await registry.read(ticket);
  if (claim?.kind === "unreadable" || (claim && isOfLaunch(claim.claim, session.launchId))) return false;
  if ((await registry.history(ticket)).some(({ claim }) => isOfLaunch(claim, session.launchId))) return false;
  // A Pod that may still be adopted keeps its session.
  const pods = await registry.pods(ticket);
  return pods.every(
    (pod) => pod.kind === "pod" && (pod.record.launchId !== session.launchId || pod.record.state === "ended"),
  );
}
