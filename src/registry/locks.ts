import fs from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { errnoOf, LaunchClaimError } from "../errors.js";
import type { LockContext, LockState } from "../ports.js";
import { ioFailed } from "./durable.js";
import { nativeLocks } from "./native-locks.js";

const { O_CREAT, O_NOFOLLOW, O_RDONLY, O_RDWR } = fs.constants;

/**
 * How long a lock may look busy although nobody holds it: between fork and exec the child of any process has a copy of all its
 * descriptors. Up to 58 ms were measured under load.
 */
const FORK_WINDOW_MS = 150;
const FIRST_PAUSE_MS = 2;

/** An exclusive lock on an open file description. Node opens every descriptor close-on-exec, so that no child inherits it. */
export interface FileLock {
  readonly fd: number;
  readonly held: boolean;
  /** Gives the lock up by closing. Unlocking would drop it for a process that inherited it, too. */
  close(): void;
}

/** One attempt. `undefined`: another open file description holds it. */
export function tryLockFile(path: string): FileLock | undefined {
  // Lock files are never unlinked by us; should somebody else replace one, a lock on the old inode excludes nobody.
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const fd = open(path, O_RDWR | O_CREAT);
    if (fd === undefined) continue;
    try {
      if (!nativeLocks().tryLock(fd)) {
        fs.closeSync(fd);
        return undefined;
      }
      if (isStillAt(fd, path)) return held(fd);
      fs.closeSync(fd);
    } catch (cause) {
      fs.closeSync(fd);
      throw ioFailed("lock", path, cause);
    }
  }
  throw new LaunchClaimError("lock_lost", `the lock file ${path} is being replaced by somebody`, {
    hint: "Nothing may unlink or rename files in the registry's locks directory; find out what does.",
  });
}

/** As `tryLockFile`; a patient caller retries for as long as a fork elsewhere may make a free lock look busy. */
export async function takeLockFile(
  path: string,
  { signal, patient = true }: LockContext,
): Promise<FileLock | undefined> {
  const deadline = performance.now() + (patient ? FORK_WINDOW_MS : 0);
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
    if (signal.aborted) throw new LaunchClaimError("aborted", `gave up waiting for the lock ${path}`);
    const lock = tryLockFile(path);
    if (lock || performance.now() >= deadline) return lock;
    await delay(Math.min(pauseMs, deadline - performance.now()), undefined, { signal }).catch(
      () => undefined,
    );
  }
}

/** Asks with a shared lock, which two probes can hold at once, and which a holder never notices. */
export function probeLockFile(path: string): LockState {
  const fd = open(path, O_RDONLY);
  if (fd === undefined) return "free";
  try {
    return nativeLocks().tryLock(fd, { shared: true }) ? "free" : "held";
  } catch (cause) {
    throw ioFailed("probe the lock", path, cause);
  } finally {
    fs.closeSync(fd);
  }
}

function open(path: string, flags: number): number | undefined {
  try {
    return fs.openSync(path, flags | O_NOFOLLOW, 0o600);
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT" && (flags & O_CREAT) === 0) return undefined;
    throw ioFailed("open the lock file", path, cause);
  }
}

function isStillAt(fd: number, path: string): boolean {
  const ours = fs.fstatSync(fd);
  const there = fs.lstatSync(path, { throwIfNoEntry: false });
  return there?.ino === ours.ino && there.dev === ours.dev;
}

function held(fd: number): FileLock {
  let open = true;
  return {
    fd,
    get held() {
      return open;
    },
    close() {
      if (!open) return;
      open = false;
      fs.closeSync(fd);
    },
  };
}
