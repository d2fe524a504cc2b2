import type { AwaitedPermission, ClaimRegistry } from "../ports.js";
import { podRecordOf } from "../pod-records.js";
import { judgeClaim, type ClaimState, type Evidence } from "../registry/judge.js";
import type { Claim, TicketRef } from "../../machines/launch.types.js";
import type { ReadingTools } from "./verb-tools.js";

export interface ClaimStatus {
  /** Absent if neither a damaged record nor its file's name tells. */
  readonly ticket?: TicketRef;
  readonly state: ClaimState;
  readonly claim?: Claim;
  readonly evidence: Evidence;
  /** `live`: what its agent waits to be permitted; absent if it waits for nothing. */
  readonly permissions?: readonly AwaitedPermission[];
  /** `unreadable`: the damaged file, and what `reclaim` must be told to expect. */
  readonly file?: string;
  readonly expect?: string;
}

/** Every claim, or that of one ticket, with its state as of now. Takes no launch lock and changes nothing. */
export async function status(
  ticket: TicketRef | undefined,
  { registry, runtime, timeouts }: ReadingTools,
): Promise<{ readonly claims: readonly ClaimStatus[] }> {
  // One limit for all: what has not answered by then is unknown.
  const judges = { registry, runtime, signal: AbortSignal.timeout(timeouts.admitMs) };
  const one = ticket && (await registry.read(ticket));
  const stored = ticket ? (one ? [one] : []) : await registry.list();
  const claims: ClaimStatus[] = [];
  for (const entry of stored) {
    const { state, evidence } = await judgeClaim(entry, judges);
    if (entry.kind === "claim") {
      const { claim } = entry;
      const permissions = state === "live" && runtime.recordsPods ? await awaitedBy(claim, registry) : [];
      const waits = permissions.length > 0 ? { permissions } : {};
      claims.push({ ticket: claim.ticket, state, claim, evidence, ...waits });
    } else {
      const { file, expect } = entry;
      claims.push({ ...(entry.ticket && { ticket: entry.ticket }), state, evidence, file, expect });
    }
  }
  return { claims };
}

/** From the Pod's record: a Pod that were asked might not answer. One that cannot be read is told of by `doctor`. */
async function awaitedBy(claim: Claim, registry: ClaimRegistry): Promise<readonly AwaitedPermission[]> {
  return (await podRecordOf(claim, registry))?.permissions ?? [];
}
