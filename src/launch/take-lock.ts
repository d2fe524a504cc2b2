import type { LaunchLock, PodRecord } from "../ports.js";
import { blockBy, type Judges } from "../registry/judge.js";
import { lifeOf } from "../processes.js";
import type { Block, PodHandle, TicketRef } from "../../machines/launch.types.js";

/** Takes the ticket's launch lock; a lock that is busy is explained by what is on disk, where anything explains it. */
export async function takeLaunchLock<Pod extends PodHandle>(
  ticket: TicketRef,
  judges: Judges<Pod>,
): Promise<{ readonly lock: LaunchLock } | { readonly block: Block }> {
  const { registry, signal } = judges;
  const atOnce = await registry.lockLaunch(ticket, { signal, patient: false });
  if (atOnce) return { lock: atOnce };
  const block = await explainBusy(ticket, judges);
  if (block) return { block };
  const lock = await registry.lockLaunch(ticket, { signal });
  return lock ? { lock } : { block: inFlight(undefined) };
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
