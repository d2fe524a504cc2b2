import { LaunchClaimError } from "../errors.js";
import type { ClaimRegistry, PodReference } from "../ports.js";
import type { Claim, PodHandle, TicketRef } from "../../machines/launch.types.js";
import { printable } from "../text.js";
import { podOfKey } from "../unticketed.js";
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
  const claim =
    podOfKey(ticket) === undefined
      ? await claimOf(ticket, launchId, registry)
      : await unticketedPod(ticket, registry);
  if (claim?.runtime.kind !== runtime.kind || !runtime.runEnded) {
    throw new LaunchClaimError(
      "pod_unreachable",
      `there is no Pod of ticket ${printable(ticket.id)} that could tell when its run ends`,
    );
  }
  return await runtime.runEnded(runtime.podAt(claim), { signal });
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
  if (stored?.kind === "claim" && (launchId === undefined || stored.claim.launchId === launchId))
    return stored.claim;
  if (launchId === undefined) return undefined;
  return (await registry.history(ticket))
    .map(({ claim }) => claim)
    .find((claim) => claim.launchId === launchId);
}
