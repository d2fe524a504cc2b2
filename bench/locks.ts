/** What a lock costs, and how long a dead holder stays in the way. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { lockSync } from "proper-lockfile";
import { tryLockFile } from "../src/registry/locks.js";
import { nativeLocks } from "../src/registry/native-locks.js";
import { compare, spreadOf, timed, type BenchOptions, type Spread } from "./measure.js";
import { atMost, ratioRow, shownMs, type Row } from "./rows.js";
import { removeScratch, scratchDirectory, track } from "./scratch.js";

const BATCH = 500;
/** proper-lockfile takes a lock over once it is 10 s old. */
const GIVE_UP_MS = 20_000;

export async function benchLocks({ quick }: BenchOptions): Promise<Row[]> {
  const directory = scratchDirectory();
  try {
    const acquire = await againstBareCalls(join(directory, "acquire"), quick ? 20 : 100);
    const kernel = spreadOf(await untilFree(directory, quick ? 5 : 25));
    const proper = spreadOf(await untilFreeProper(directory, quick ? 2 : 5));
    return [acquire, ...afterDeath(kernel, proper)];
  } finally {
    removeScratch(directory);
  }
}

async function againstBareCalls(path: string, rounds: number): Promise<Row> {
  const native = nativeLocks();
  const { O_CREAT, O_RDWR } = fs.constants;
  const library = () => timed(BATCH, () => tryLockFile(path)?.close());
  const bare = () =>
    timed(BATCH, () => {
      const fd = fs.openSync(path, O_RDWR | O_CREAT, 0o600);
      native.tryLock(fd);
      fs.closeSync(fd);
    });
  return ratioRow(
    { what: "take a lock and give it up", against: "open, tryLock, close", limit: 1.5 },
    await compare(rounds, library, bare),
  );
}

function afterDeath(kernel: Spread, proper: Spread): Row[] {
  const times = proper.median / kernel.median;
  return [
    {
      what: "from the holder's SIGKILL until another process has the lock",
      measured: kernel,
      unit: "ms",
      ...atMost(20),
      detail: "polled without a pause",
    },
    {
      what: "the same with proper-lockfile",
      against: "ours",
      measured: { p25: proper.p25 / kernel.median, median: times, p75: proper.p75 / kernel.median },
      unit: "ratio",
      target: { limit: 10, is: "least" },
      detail: `${shownMs(proper)} / ${shownMs(kernel)}`,
    },
  ];
}

async function untilFree(directory: string, rounds: number): Promise<number[]> {
  const samples: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const path = join(directory, `kernel-${round}`);
    const holder = await holding("kernel", path);
    const exited = once(holder, "exit");
    const start = performance.now();
    holder.kill("SIGKILL");
    let lock = tryLockFile(path);
    while (lock === undefined) {
      if (performance.now() - start > GIVE_UP_MS) throw new Error("the lock of a dead holder was never free");
      lock = tryLockFile(path);
    }
    samples.push(performance.now() - start);
    lock.close();
    await exited;
  }
  return samples;
}

/**
 * All at once, because each takes 10 s. A holder that dies just before it would have renewed its lock, which it does every 5 s,
 * is in the way for 5 s only.
 */
async function untilFreeProper(directory: string, holders: number): Promise<number[]> {
  return await Promise.all(
    Array.from({ length: holders }, async (_, index) => {
      const path = join(directory, `proper-${index}`);
      fs.writeFileSync(path, "");
      const holder = await holding("proper-lockfile", path);
      const start = performance.now();
      holder.kill("SIGKILL");
      while (!isFree(path)) {
        if (performance.now() - start > GIVE_UP_MS) break;
        await delay(1);
      }
      return performance.now() - start;
    }),
  );
}

function isFree(path: string): boolean {
  try {
    lockSync(path)();
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code === "ELOCKED") return false;
    throw error;
  }
}

async function holding(kind: "kernel" | "proper-lockfile", path: string): Promise<ChildProcess> {
  const program = fileURLToPath(new URL("lock-holder.js", import.meta.url));
  const child = track(
    spawn(process.execPath, [program, kind, path], { stdio: ["ignore", "pipe", "inherit"] }),
  );
  const held = await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
  if (typeof held[0] === "number") throw new Error(`the holder of ${path} ended with code ${held[0]}`);
  return child;
}
