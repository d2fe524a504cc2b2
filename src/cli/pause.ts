import { setTimeout as delay } from "node:timers/promises";

/** Waits, or ends early when the signal aborts. Rejects never. */
export async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  await delay(delayMs, undefined, { signal }).catch(() => undefined);
}
