/** What can be wrong with the place of a registry, and how it is put right. */
import fs from "node:fs";
import { dirname, join } from "node:path";
import type { CliWorld } from "../../fixtures/cli-world.js";
import { errnoOf } from "../../../src/errors.js";
import { bindReadOnly, unmount } from "../../fixtures/registry-mounts.js";
import type { Subject } from "../strace/subjects.js";

export interface Disk {
  readonly name: string;
  /** What a command that could not write says of it. */
  readonly reason: RegExp;
  /** The command that the quick part runs on it, if any. */
  readonly quick?: Subject["name"];
  /** Of `mount`: the disk that holds the home of the world. */
  readonly options: string;
  /** From now on nothing can be written, or something is missing. */
  spoil(world: CliWorld): void;
  relieve(world: CliWorld): void;
}

export const DISKS: readonly Disk[] = [
  {
    name: "a disk without a free byte",
    reason: /ENOSPC/u,
    quick: "launch",
    options: "size=512k,mode=0700",
    spoil: (world) => untilFull(() => fs.appendFileSync(join(world.home, "filler"), Buffer.alloc(4_096))),
    relieve: (world) => fs.unlinkSync(join(world.home, "filler")),
  },
  {
    name: "a disk without a free inode",
    reason: /ENOSPC/u,
    quick: "release",
    options: "size=4m,nr_inodes=160,mode=0700",
    spoil: (world) => {
      fs.mkdirSync(join(world.home, "filler"));
      untilFull((turn) => fs.writeFileSync(join(world.home, "filler", String(turn)), ""));
    },
    relieve: (world) => fs.rmSync(join(world.home, "filler"), { recursive: true }),
  },
  {
    name: "a disk that became read-only",
    reason: /EROFS/u,
    options: "size=4m,mode=0700",
    spoil: ({ home }) => bindReadOnly(home),
    relieve: ({ home }) => unmount(home),
  },
];

function untilFull(take: (turn: number) => void): void {
  try {
    for (let turn = 0; ; turn += 1) take(turn);
  } catch (error) {
    if (errnoOf(error) !== "ENOSPC") throw error;
  }
}

export function runtimeDirectory(world: CliWorld): string {
  return join(dirname(world.workspace), "r");
}
