/** Temporary directories on a real disk, and the children of a run: whatever way the run ends, nothing of them is left. */
import type { ChildProcess } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import { join } from "node:path";

/** `f_type` of file systems that have no disk below them, where an fsync costs nothing. */
const IN_MEMORY = new Set([0x01021994, 0x858458f6]);

const directories = new Set<string>();
const children = new Set<ChildProcess>();

/** A new empty directory. Durability is what is measured, so never one in memory. */
export function scratchDirectory(): string {
  const parent = [os.tmpdir(), "/var/tmp", process.cwd()].find(
    (candidate) => fs.existsSync(candidate) && !IN_MEMORY.has(fs.statfsSync(candidate).type),
  );
  if (parent === undefined) throw new Error("there is no directory on a disk for the benchmark's files");
  const directory = fs.mkdtempSync(join(fs.realpathSync(parent), "launch-claim-bench-"));
  directories.add(directory);
  return directory;
}

export function removeScratch(directory: string): void {
  fs.rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  directories.delete(directory);
}

/** Ends the child with the run, should it still be there. */
export function track<Child extends ChildProcess>(child: Child): Child {
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

/** Synchronous, so that it serves a signal as well. */
export function disposeAll(): void {
  for (const child of children) child.kill("SIGKILL");
  for (const directory of [...directories]) removeScratch(directory);
}
