import { attackAll, type Attack } from "../strace/points.js";
import type { Sweep } from "../sweep.js";

export const killPoints: Sweep = {
  name: "kill-points",
  title: "A command, and the guardian, killed at every call that changes something",
  about:
    "A launch, an adoption, a release of a living claim, a reclaim of a stale one and a restore are run through the built program under strace and SIGKILLed right before a call " +
    "that changes something: each `openat` that creates, `write`, `fsync`, `link`, `rename`, `unlink`, `mkdir`, write lock, fork, `kill` and connection that touches " +
    "the registry, the sockets, the Pod or standard output. After each death no record under its final name is torn; a claim that stands has a living Pod " +
    "that accepted its run; `status` and `doctor` say what the disk and the kernel show; a Pod that lives is claimed, adoptable, or ends by itself; the " +
    "ticket's next launch is claimed (adopting what is adoptable; blocked where the claim stands), with one Pod alive, one prompt to it and one accepted run; " +
    "a claim that was being ended stands or is in history, and the command given again ends it with exactly one entry; a claim that was being restored is the old one or goes on from it, with one agent at most and no further prompt. " +
    "In the same way the guardian alone is killed: while it is launched and released, while it is adopted after its launcher's death, while it restores a session, and where it " +
    "has no reaper and an agent that stays. Each command that has to do with it says what is so; no agent gets a second prompt; what outlives it is named by `status` or `doctor`, and " +
    "what they advise ends it; then the next launch is claimed, with one Pod alive and one accepted run.",
  notCovered: [
    "The guardian's first calls, before it touches the registry, are no points, nor are those that only read.",
    "Of an `fsync` of libuv's thread and one of the main thread that have the same number, only the latter is a point.",
    "Calls that only read are no points: a death before one leaves what a death before the next changing call leaves, apart from how far the Pod has come meanwhile.",
    "Closing a lock is no point of its own; the write to standard output after it is.",
    "A point is found by counting calls of its kind. After a scan of the process table that count differs from run to run: an `openat` or a `write` may be missed, and the counts tell how many were.",
    "What the command does before it first touches the registry is no point.",
    "A death is no power cut: what was written is still in the kernel's hands.",
  ],
  run: (options) => attackAll(kills, options),
};

const kills: Attack = {
  points: "kill points",
  hits: "kills",
  targets: {
    launch: 4,
    release: 2,
    adoption: 0,
    reclaim: 0,
    restore: 0,
    guardian: 3,
    adopted: 0,
    unreaped: 2,
    restoring: 0,
  },
  injectionAt: ({ changes }) => (changes ? "signal=KILL" : undefined),
  // What is dead says nothing.
  liesOfAnswer: () => [],
};
