import { setTimeout as delay } from "node:timers/promises";
import { legible } from "../text.js";
import { podOfKey } from "../unticketed.js";
import type { SettleInput } from "../../machines/pod.types.js";
import type { TicketRef } from "../../machines/launch.types.js";
import type { GuardianRegistry } from "./guardian-registry.js";

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;

export interface Settling {
  readonly registry: GuardianRegistry;
  readonly ticket: TicketRef;
  readonly launchId: string;
  /** Resolves when the launcher has let go of the control channel: until then its launch may still be committing. */
  readonly launcherGone: Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Resolves once the claim of this launch was seen under the launch lock; with `release` it is ended into history first. A Pod that
 * was accepted and has no claim yet waits: it may still be adopted. A claim that was ended by somebody else was seen, too. Of a Pod
 * without a ticket the role session is what is waited for; there is nothing to end.
 */
export async function settleClaim(
  { release, ending }: SettleInput,
  { registry, ticket, launchId, launcherGone, signal }: Settling,
): Promise<null> {
  await launcherGone;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    signal.throwIfAborted();
    const lock = await registry.lockLaunch(ticket, { signal });
    if (lock !== undefined) {
      try {
        if (podOfKey(ticket) !== undefined) {
          if ((await registry.sessions()).some((session) => session.launchId === launchId)) return null;
        }
        const stored = await registry.read(ticket);
        if (stored?.kind === "claim" && stored.claim.launchId === launchId) {
          if (release) {
            await registry.end(lock, {
              expect: launchId,
              how: "released",
              reason: reasonOf(ending),
              by: "guardian",
            });
          }
          return null;
        }
        const ended = await registry.history(ticket);
        if (ended.some(({ claim }) => claim.launchId === launchId)) return null;
      } finally {
        lock.close();
      }
    }
    await delay(pauseMs, undefined, { signal });
  }
}

function reasonOf(ending: SettleInput["ending"]): string {
  if (ending === undefined) return "the run ended";
  return ending.kind === "done"
    ? `the run ended: ${legible(ending.stopReason, 100)}`
    : `the run failed: ${legible(ending.message, 300)}`;
}
