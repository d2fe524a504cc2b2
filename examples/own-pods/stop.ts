import fs from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { StopAnswer } from "launch-claim";
import type { OwnPod } from "./own-pod.js";
import { isAlive, processesOf, type ProcessId } from "./processes.js";

/** Between two looks at the process table, doubled from the first to the second. */
const FIRST_LOOK_MS = 4;
const LATER_LOOK_MS = 32;

/** Each step's share of the time that a stop may take. The next one begins at once when nothing is left to wait for. */
const STEPS = [
  { how: "ask", share: 0.4 },
  { how: "SIGTERM", share: 0.3 },
  { how: "SIGKILL", share: 0.3 },
] as const;

/**
 * Ends everything that belongs to a Pod, and answers only what was seen: `stopped` means that the process table holds nothing of
 * it. Works without being its parent, so that any process can end any Pod. An aborted stop skips what is polite.
 */
export async function endPod(
  pod: OwnPod,
  options: { readonly ask: () => void; readonly graceMs: number; readonly signal: AbortSignal },
): Promise<StopAnswer> {
  const remains = new Remains(pod);
  for (const { how, share } of STEPS) {
    if (remains.look().length === 0) break;
    const withinMs = share * options.graceMs;
    if (how === "ask") {
      if (options.signal.aborted) continue;
      options.ask();
      // Only the Pod itself was asked: what it leaves behind needs a signal, not time.
      await until(() => !isAlive(pod.leader), { withinMs, signal: options.signal });
    } else {
      remains.signal(how);
      // After SIGKILL an abort cannot hurry anything any more, and the proof needs its moment.
      const signal = how === "SIGKILL" ? undefined : options.signal;
      await until(() => !remains.anyAlive(), { withinMs, signal });
    }
  }
  const left = remains.look();
  if (left.length > 0) return { stopped: false, pids: left.map(({ pid }) => pid) };
  // A Pod that was killed could not tidy up. Nobody binds this path again: each launch has its own directory.
  fs.rmSync(pod.socket, { force: true });
  return { stopped: true, proof: "scan" };
}

/** Nobody is told of the end of a process that is not its child, so this looks again and again, and less and less often. */
async function until(
  gone: () => boolean,
  { withinMs, signal }: { readonly withinMs: number; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (let pauseMs = FIRST_LOOK_MS; !gone(); pauseMs = Math.min(2 * pauseMs, LATER_LOOK_MS)) {
    if (signal?.aborted || performance.now() >= deadline) return;
    // Waking up early is what the abort is for.
    await delay(pauseMs, undefined, signal && { signal }).catch(() => undefined);
  }
}

/** What was seen of a Pod so far: a process that was in its group still belongs to it when the leader is gone. */
class Remains {
  readonly #pod: OwnPod;
  #seen: readonly ProcessId[] = [];

  constructor(pod: OwnPod) {
    this.#pod = pod;
  }

  /** Searches the whole process table. */
  look(): readonly ProcessId[] {
    const { launchId, leader } = this.#pod;
    const found = processesOf(launchId, leader);
    const known = this.#seen.filter((seen) => isAlive(seen) && !found.some(({ pid }) => pid === seen.pid));
    this.#seen = [...found, ...known];
    return this.#seen;
  }

  /** Asks only for those seen before, which is cheap. */
  anyAlive(): boolean {
    return this.#seen.some(isAlive);
  }

  signal(name: NodeJS.Signals): void {
    const { leader } = this.#pod;
    // The whole group at once, so that none of it can start another meanwhile; then each that has left it.
    const targets = isAlive(leader) ? [-leader.pid, ...this.#pidsBut(leader.pid)] : this.#pidsBut(leader.pid);
    for (const target of targets) {
      try {
        process.kill(target, name);
      } catch {
        // ESRCH: it was faster. EPERM: it is still there at the next look, and the answer will name it.
      }
    }
  }

  /** Compared once more by start time, just before the signal: a pid may have been reused since the look. */
  #pidsBut(leader: number): number[] {
    return this.#seen.filter((seen) => seen.pid !== leader && isAlive(seen)).map(({ pid }) => pid);
  }
}
