import { setTimeout as delay } from "node:timers/promises";
import type { TicketRef } from "../../machines/launch.types.js";
import type { ClaimRegistry } from "../ports.js";

/** A process that has ended may keep its descriptors for moments. */
const LOCK_KEPT_MS = 1_000;

/**
 * Whether the ticket's Pod lock stays held although its Pod is said to be stopped, or has hung up.
 *
 * @param forMs how long it may take to become free. Default: a second.
 */
export async function isLockKept(
  ticket: TicketRef,
  { registry }: { readonly registry: Pick<ClaimRegistry, "probeLocks"> },
  forMs = LOCK_KEPT_MS,
): Promise<boolean> {
  const deadline = performance.now() + forMs;
  for (let pauseMs = 2; ; pauseMs *= 2) {
    const { pod } = await registry.probeLocks(ticket);
    if (pod === "free") return false;
    if (performance.now() >= deadline) return true;
    await delay(pauseMs);
  }
}
