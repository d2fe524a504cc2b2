import { attackAll, type Attack } from "../strace/points.js";
import type { Injection, Point } from "../strace/trace.js";
import type { Sweep } from "../sweep.js";
import { afterDoubt, liesOfAnswer } from "../strace/answers.js";

export const errors: Sweep = {
  name: "errors",
  title: "A command, or a guardian, of which a system call fails",
  about:
    "A launch, a launch over a living claim, an adoption, a release, a reclaim and a restore are run through the built program under strace, and one call that " +
    "touches the registry, the sockets, the Pod or standard output fails: opening, reading, writing, syncing, linking, renaming, removing, examining, listing, " +
    "locking, connecting, forking or signalling, with an errno that such a call can have (ENOSPC, EIO, EACCES, EROFS, EMFILE, EINTR and others), drawn by the seed. " +
    "After each the command has ended with an exit code of the contract and without a stack trace; `claimed`, `restored` or `ended` is on disk, and every " +
    "other answer has changed no claim and left nothing running that it does not name; then everything holds that holds after a death at that point. " +
    "(An end whose history entry was written before the error may still be told as failed: given again, the command finishes it.) " +
    "In the same way calls of the guardian alone fail, while it is launched and released, adopted, and while it restores a session.",
  notCovered: [
    "Of the calls that only read, a quarter is tried, drawn by the seed; all of them in a launch over a living claim.",
    "Each point is tried with one errno a run; another seed draws others.",
    "One call fails and those after it succeed; a disk that stays full is the sweep of full disks.",
    "Closing a file never fails here: strace would keep the descriptor open, which no kernel does.",
    "What is done before the registry is first touched does not fail.",
    "A read of the process table does not fail; reads from the Pod and the wake-ups of threads do not either.",
    "A point is found by counting calls of its kind. After a scan of the process table that count differs from run to run: some are missed, and the counts tell how many were.",
    "Each thread counts for itself: where a wake-up of Node's threads has the same number, it fails as well, and Node may abort. Such a point counts as not reached; only what is left is judged.",
  ],
  run: (options) => attackAll(failures, options),
};

/** One read of so many is tried. */
const READS_SHARE = 4;

const failures: Attack = {
  points: "failing calls",
  hits: "injected errors",
  targets: {
    launch: 5,
    again: 1,
    adoption: 0,
    release: 2,
    reclaim: 0,
    restore: 0,
    guardian: 2,
    adopted: 0,
    restoring: 0,
  },
  // The commit; and the look that tells whether there is a claim, the first being for one that was half ended.
  always: /^link claims\/|^openat claims\/T-1\.json \(2\)$/u,
  injectionAt(point, { target, below }): Injection | undefined {
    // Where a claim stands, each read may hide it; elsewhere there are many more than a run has time for.
    if (!point.changes && target.name !== "again" && below(READS_SHARE) > 0) return undefined;
    const errnos = errnosOf(point);
    return errnos.length === 0 ? undefined : `error=${errnos[below(errnos.length)]}`;
  },
  liesOfAnswer,
  afterwards: (world, { ended }) => afterDoubt(world, ended),
};

/** What the call can fail with, apart from what our own doing would cause. */
function errnosOf({ kind, call, changes }: Point): readonly string[] {
  switch (kind) {
    case "openat":
      return changes ? ["ENOSPC", "EACCES", "EROFS", "EMFILE", "EIO"] : ["EIO", "EACCES", "EMFILE"];
    case "write":
    case "writev":
    case "pwrite64":
    case "sendmsg":
    case "sendto":
      return call.includes(" to ") ? ["EPIPE", "ECONNRESET"] : ["ENOSPC", "EIO", "EINTR"];
    case "fsync":
    case "fdatasync":
      return ["EIO", "ENOSPC", "EINTR"];
    case "unlink":
    case "unlinkat":
      return ["EIO", "EACCES", "EROFS"];
    case "fcntl":
      return changes ? ["ENOLCK", "EIO", "EINTR"] : ["EIO"];
    case "socketpair":
      return ["EMFILE"];
    case "bind":
    case "listen":
      return ["EACCES", "EADDRINUSE", "ENOMEM"];
    case "connect":
      return ["ECONNREFUSED", "EACCES"];
    case "kill":
      return ["EPERM"];
    case "clone":
    case "clone3":
    case "fork":
    case "vfork":
      return ["EAGAIN", "ENOMEM"];
    case "read":
    case "pread64":
    case "getdents64":
      return ["EIO"];
    case "stat":
    case "lstat":
    case "statx":
    case "newfstatat":
    case "statfs":
      return ["EIO", "EACCES"];
    default:
      return ["ENOSPC", "EIO", "EACCES", "EROFS"];
  }
}
