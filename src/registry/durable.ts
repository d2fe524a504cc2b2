import { randomBytes } from "node:crypto";
import fs from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { errnoOf, LaunchClaimError, messageOf } from "../errors.js";

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = fs.constants;

/** Brings a descriptor's bytes to stable storage. Asynchronous, so that a slow disk does not freeze the host. */
export type Sync = (fd: number) => Promise<void>;

const fsync: Sync = promisify(fs.fsync);

/** A file written and synced under a temporary name, not yet visible under its own. */
export interface StagedFile {
  readonly temp: string;
  readonly final: string;
}

/**
 * The durable writes of one registry. The order of the calls is the promise: bytes are synced BEFORE they get their name, and
 * the directory is synced BEFORE anybody is told. Everything but the syncs is synchronous: measured as the fastest, and it
 * makes "check, then link" one turn that nothing can come between.
 */
export class DurableWrites {
  readonly #sync: Sync;

  constructor(sync: Sync = fsync) {
    this.#sync = sync;
  }

  /** temp → write → fsync. `name` tells temporaries of one launch from those of another; random by default. */
  async stage(final: string, text: string, name = randomBytes(8).toString("hex")): Promise<StagedFile> {
    const temp = temporaryPath(final, name);
    let fd: number;
    try {
      fd = openNew(temp);
    } catch (cause) {
      throw ioFailed("create", temp, cause);
    }
    try {
      fs.writeFileSync(fd, text);
      // A failed fsync is never retried: the kernel may have dropped the pages and would report success.
      await this.#sync(fd);
    } catch (cause) {
      removeIfThere(temp);
      throw ioFailed("write", temp, cause);
    } finally {
      fs.closeSync(fd);
    }
    return { temp, final };
  }

  /**
   * Replaces whatever stands under the name. Durable on return.
   *
   * @param requireAllowed throws if it must not be done any more; asked in the same turn as the rename
   */
  async replace(final: string, text: string, requireAllowed: () => void = () => undefined): Promise<void> {
    const staged = await this.stage(final, text);
    try {
      requireAllowed();
      fs.renameSync(staged.temp, final);
    } catch (cause) {
      removeIfThere(staged.temp);
      throw ioFailed("rename to", final, cause);
    }
    await this.syncDirectory(dirname(final));
  }

  /** Creates the file, or finds that one stands already (`false`). Durable on return either way. */
  async create(final: string, text: string): Promise<boolean> {
    const staged = await this.stage(final, text);
    try {
      return link(staged);
    } finally {
      removeIfThere(staged.temp);
      await this.syncDirectory(dirname(final));
    }
  }

  /** Makes the names in a directory durable: what was linked, renamed or unlinked there before. */
  async syncDirectory(directory: string): Promise<void> {
    let fd: number | undefined;
    try {
      fd = fs.openSync(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      await this.#sync(fd);
    } catch (cause) {
      throw ioFailed("sync the directory", directory, cause);
    } finally {
      if (fd !== undefined) fs.closeSync(fd);
    }
  }
}

/** As `create`, but synchronous: for the one file that is written before there is anything to wait for. */
export function createDurablyNow(final: string, text: string): void {
  const temp = temporaryPath(final, randomBytes(8).toString("hex"));
  try {
    const fd = openNew(temp);
    try {
      fs.writeFileSync(fd, text);
      fs.fsyncSync(fd);
      link({ temp, final });
    } finally {
      fs.closeSync(fd);
      removeIfThere(temp);
    }
    const directory = fs.openSync(dirname(final), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      fs.fsyncSync(directory);
    } finally {
      fs.closeSync(directory);
    }
  } catch (cause) {
    throw ioFailed("create", final, cause);
  }
}

/** Gives a staged file its name, atomically and only if the name is free. Synchronous: the commit point of a claim. */
export function link(staged: StagedFile): boolean {
  try {
    fs.linkSync(staged.temp, staged.final);
    return true;
  } catch (cause) {
    if (errnoOf(cause) === "EEXIST") return false;
    throw ioFailed("link", staged.final, cause);
  }
}

/** Gives a staged file the name of one that stands, atomically. Synchronous: the commit point of a restored claim. */
export function rename(staged: StagedFile): void {
  try {
    fs.renameSync(staged.temp, staged.final);
  } catch (cause) {
    throw ioFailed("rename to", staged.final, cause);
  }
}

/** Keeps under another name whatever stands in a record's place; a directory, which cannot be linked, is moved there. */
export function setAside(path: string, kept: string): void {
  try {
    if (fs.lstatSync(path).isDirectory()) fs.renameSync(path, kept);
    else fs.linkSync(path, kept);
  } catch (cause) {
    if (errnoOf(cause) !== "EEXIST") throw ioFailed("set aside", path, cause);
  }
}

/** Temporaries start with a dot: no listing of records ever takes one for a record. */
export function temporaryPath(final: string, name: string): string {
  return join(dirname(final), `.${name}.tmp`);
}

/** A file in a directory's place, as some desktops leave them, holds none of our records. */
function isAbsent(cause: unknown): boolean {
  const errno = errnoOf(cause);
  return errno === "ENOENT" || errno === "ENOTDIR";
}

/** True if there was one. */
export function removeIfThere(path: string): boolean {
  try {
    fs.unlinkSync(path);
    return true;
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return false;
    throw ioFailed("remove", path, cause);
  }
}

/** The bytes of a file, or undefined if there is none. Follows no link. */
export function readIfThere(path: string): Buffer | undefined {
  return readAs(path, () => fs.readFileSync(path, { flag: READ }));
}

/** As `readIfThere`, but its text: which Node reads by one call instead of four. */
export function readTextIfThere(path: string): string | undefined {
  return readAs(path, () => fs.readFileSync(path, { encoding: "utf8", flag: READ }));
}

// A number serves as well, whatever the types say; no letters stand for not following a link.
const READ = (O_RDONLY | O_NOFOLLOW) as unknown as string;

function readAs<Content>(path: string, read: () => Content): Content | undefined {
  try {
    return read();
  } catch (cause) {
    if (isAbsent(cause)) return undefined;
    const errno = errnoOf(cause);
    if (errno === "EISDIR" || errno === "ELOOP") {
      const what = errno === "EISDIR" ? "a directory" : "a symbolic link";
      throw new LaunchClaimError("record_damaged", `${path} is damaged: it is ${what}, not a file`, {
        cause,
      });
    }
    throw ioFailed("read", path, cause);
  }
}

/** Unlike `existsSync`, never mistakes an error for absence. */
export function isThere(path: string): boolean {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (cause) {
    if (isAbsent(cause)) return false;
    throw ioFailed("examine", path, cause);
  }
}

/** A private directory, but never its parents: a registry that was removed is not brought back by a late write. */
export function makeDirectory(path: string): void {
  try {
    fs.mkdirSync(path, { mode: 0o700 });
  } catch (cause) {
    if (errnoOf(cause) === "EEXIST") return;
    throw ioFailed("create the directory", path, cause);
  }
}

/** The names in a directory, or none if there is no directory. */
export function listIfThere(directory: string): string[] {
  try {
    return fs.readdirSync(directory);
  } catch (cause) {
    if (isAbsent(cause)) return [];
    throw ioFailed("list", directory, cause);
  }
}

const hints: Readonly<Record<string, string>> = {
  ENOSPC: "The disk is full: free some space and try again.",
  EDQUOT: "The disk quota is used up: free some space and try again.",
  EROFS: "The file system is mounted read-only: set LAUNCH_CLAIM_HOME to a directory that can be written.",
  EACCES: "Make the directory yours, or set LAUNCH_CLAIM_HOME to one that is.",
  EPERM: "Make the directory yours, or set LAUNCH_CLAIM_HOME to one that is.",
  EMFILE: "Too many files are open in this process: raise the limit (ulimit -n).",
  ENFILE: "Too many files are open on this machine.",
  ELOOP: "It is a symbolic link, which the registry does not follow: replace it by the file itself.",
  ENOENT: "The registry's directories were removed while it was in use: create the launcher anew.",
  EIO: "The disk reported an error: check it before you trust what it holds.",
};

/** One shape for every failed system call: what, where, why, and what to do. */
export function ioFailed(what: string, path: string, cause: unknown): LaunchClaimError {
  if (LaunchClaimError.is(cause)) return cause;
  const errno = errnoOf(cause);
  return new LaunchClaimError("io_failed", `could not ${what} ${path}: ${messageOf(cause)}`, {
    hint: errno === undefined ? undefined : hints[errno],
    cause,
  });
}

function openNew(path: string): number {
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  try {
    return fs.openSync(path, flags, 0o600);
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    // Left by a launcher that died: an adoption commits under the same launch id. The launch lock keeps others away.
    fs.unlinkSync(path);
    return fs.openSync(path, flags, 0o600);
  }
}
