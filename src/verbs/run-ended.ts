import { LaunchClaimError } from "../errors.js";
import type { ClaimRegistry, PodReference } from "../ports.js";
import type { Claim, PodHandle, TicketRef } from "../../machines/launch.types.js";
import { printable } from "../text.js";
import { podOfKey } from "../unticketed.js";
import { isOfLaunch } from "../registry/continuation.js";
import { podRecordOf } from "../pod-records.js";
import type { VerbTools } from "./verb-tools.js";

export interface RunEndedOptions {
  /** The launch whose run is meant: its claim may have ended, too. Default: that of the claim that stands. */
  readonly launchId?: string | undefined;
  readonly signal: AbortSignal;
}

/** Waits for the end of the first run of the ticket's claimed Pod. Takes no lock and changes nothing. */
export async function runEnded<Pod extends PodHandle>(
  ticket: TicketRef,
  { launchId, signal }: RunEndedOptions,
  { registry, runtime }: VerbTools<Pod>,
): Promise<string> {
  const isUnticketed = podOfKey(ticket) !== undefined;
  const claim = isUnticketed ? undefined : await claimOf(ticket, launchId, registry);
  const [first] = claim?.restoredFrom ?? [];
  if (first !== undefined) return await endKnownOf(first, ticket, registry);
  const pod = isUnticketed ? await unticketedPod(ticket, registry) : claim;
  if (pod?.runtime.kind !== runtime.kind || !runtime.runEnded) {
    throw new LaunchClaimError(
      "pod_unreachable",
      `there is no Pod of ticket ${printable(ticket.id)} that could tell when its run ends`,
    );
  }
  return await runtime.runEnded(runtime.podAt(pod), { signal });
}

/** The Pod of a restored claim was given no first run: that was another's, which is gone. */
async function endKnownOf(launchId: string, ticket: TicketRef, registry: ClaimRegistry): Promise<string> {
  const record = await podRecordOf({ ticket, launchId }, registry);
  if (record?.stopReason !== undefined) return record.stopReason;
  throw new LaunchClaimError(
    "pod_unreachable",
    `the Pod that was given the run of ticket ${printable(ticket.id)} was lost before the run ended; its claim was restored`,
  );
}

/** A Pod that was launched without a ticket has no claim to go by; its key is its own. */
async function unticketedPod(key: TicketRef, registry: ClaimRegistry): Promise<PodReference | undefined> {
  const [stored] = await registry.pods(key);
  if (stored?.kind !== "pod") return undefined;
  const { ticket, pod, launchId, runtime } = stored.record;
  const { kind, locator } = runtime;
  return locator && { ticket, pod, launchId, runtime: { kind, locator } };
}

/** The claim that stands, THEN the history: an end writes the history first. */
async function claimOf(
  ticket: TicketRef,
  launchId: string | undefined,
  registry: ClaimRegistry,
): Promise<Claim | undefined> {
  const stored = await registry.read(ticket);
  if (stored?.kind === "claim" && (launchId === undefined || isOfLaunch(stored.claim, launchId)))
    return stored.claim;
  if (launchId === undefined) return undefined;
  const ended = (await registry.history(ticket)).map(({ claim }) => claim);
  return ended.find((claim) => isOfLaunch(claim, launchId));
}
