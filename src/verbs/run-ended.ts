import { LaunchClaimError } from "../errors.js";
import type { PodHandle, TicketRef } from "../../machines/launch.types.js";
import { printable } from "../text.js";
import type { VerbTools } from "./verb-tools.js";

/** Waits for the end of the first run of the ticket's claimed Pod. Takes no lock and changes nothing. */
export async function runEnded<Pod extends PodHandle>(
  ticket: TicketRef,
  { registry, runtime }: VerbTools<Pod>,
  signal: AbortSignal,
): Promise<string> {
  const stored = await registry.read(ticket);
  if (stored?.kind !== "claim" || stored.claim.runtime.kind !== runtime.kind || !runtime.runEnded) {
    throw new LaunchClaimError(
      "pod_unreachable",
      `there is no Pod of ticket ${printable(ticket.id)} that could tell when its run ends`,
    );
  }
  return await runtime.runEnded(runtime.podAt(stored.claim), { signal });
}
