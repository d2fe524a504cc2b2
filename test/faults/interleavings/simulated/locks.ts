/** Lock files of the run: the kernel's own locks, and in the place of processes that are objects, who of them has the descriptor. */
import {
  probeLockFile as probeRealLock,
  takeLockFile as takeRealLock,
  type FileLock,
} from "../../../../src/registry/locks.js";
import type { LockContext, LockState } from "../../../../src/ports.js";
import { world, type Process, type SharedLock } from "./world.js";

/** An open file description with a lock on it. */
class Sharing implements SharedLock {
  readonly #real: FileLock;
  readonly #holders = new Set<Process>();

  constructor(real: FileLock) {
    this.#real = real;
    world().locks.add(this);
  }

  get fd(): number {
    return this.#real.fd;
  }

  has(process: Process): boolean {
    return this.#holders.has(process);
  }

  join(process: Process): void {
    this.#holders.add(process);
  }

  leave(process: Process): void {
    if (!this.#holders.delete(process) || this.#holders.size > 0) return;
    world().locks.delete(this);
    this.#real.close();
  }
}

/** In the place of the function of this name in the product. */
export async function takeLockFile(path: string, context: LockContext): Promise<FileLock | undefined> {
  const real = await takeRealLock(path, context);
  if (real === undefined) return undefined;
  const owner = world().running;
  const sharing = new Sharing(real);
  sharing.join(owner);
  return {
    fd: real.fd,
    get held() {
      return sharing.has(owner);
    },
    close: () => sharing.leave(owner),
  };
}

export function probeLockFile(path: string): LockState {
  return probeRealLock(path);
}

/** What a child inherits by this descriptor. */
export function sharingOf(fd: unknown): SharedLock {
  const found = [...world().locks].find((lock) => lock.fd === fd);
  if (found) return found;
  throw new Error(`no lock is held by descriptor ${String(fd)}`);
}
