import { setTimeout as delay } from "node:timers/promises";
import type { LockState, PodProcess } from "../ports.js";
import { lifeOf } from "../processes.js";
import { bidEndAll, type EndResult } from "./end-agent.js";
import { findSurvivors, killSurvivors } from "./survivors.js";

export interface EndSurvivorsOptions {
  readonly launchId: string;
  /** As recorded. */
  readonly processes: readonly PodProcess[];
  /** In milliseconds. 0: kill, and look once. */
  readonly withinMs: number;
  /** Its abort says to hurry: there is nothing to leave out, so it only waits no longer than half a second more. */
  readonly signal: AbortSignal;
  /** The kernel's word, asked anew each time. `free` where there is no reaper. */
  readonly agentLock: () => LockState;
}

const FIRST_PAUSE_MS = 4;
const LONGEST_PAUSE_MS = 32;
const HURRIED_MS = 500;

/**
 * Ends what is left of a Pod whose guardian is gone, and proves it. From any process; the caller has made sure BEFORE that the guardian
 * is gone, because a living one may be about to start something. At kernel level a caller that itself descends from the agent
 * dies with it.
 */
export async function endSurvivors(options: EndSurvivorsOptions): Promise<EndResult> {
  const { launchId, processes, withinMs, signal, agentLock } = options;
  let until = performance.now() + withinMs;
  const reaper = processes.find((recorded) => recorded.as === "reaper" && lifeOf(recorded) === "alive");
  let cleanLooks = 0;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const found = findSurvivors({ launchId, processes });
    const others = found.filter(({ as }) => as !== "reaper");
    const isClean = found.length === 0 && agentLock() === "free";
    cleanLooks = isClean ? cleanLooks + 1 : 0;
    // A reaper that was alive and is gone has seen its last descendant end. If it was gone before, nobody knows why.
    if (cleanLooks === 2) return { kind: "gone", proof: reaper ? "kernel" : "scan" };

    if (reaper) bidEndAll(reaper);
    killSurvivors(others, "SIGKILL");
    const now = performance.now();
    if (signal.aborted) until = Math.min(until, now + HURRIED_MS);
    // One clean look is not proof yet, and the second costs a pause.
    if (now >= until && !isClean) {
      return { kind: "left", pids: (others.length > 0 ? others : found).map(({ pid }) => pid) };
    }
    await delay(pauseMs);
  }
}
