/** Disks that are files: made, mounted, and copied as they are at one moment. Only within the mount namespace of cut.ts. */
import { execFile } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { waitUntil } from "../../fixtures/processes.js";

export interface FileSystem {
  readonly name: "ext4" | "xfs" | "btrfs";
  /** `mkfs` and its arguments; the image comes last. */
  readonly make: readonly [program: string, ...args: string[]];
  readonly mebibytes: number;
  /** The kernel shall not write back by itself what nobody has synced, as far as it can be told so. */
  readonly options: string;
  /** Of the copy, which looks like the same disk a second time. */
  readonly copyOptions: string;
  /** How many writers it is given at most: a large image is slow to copy. */
  readonly mostWriters: number;
}

export const FILE_SYSTEMS: readonly FileSystem[] = [
  {
    name: "ext4",
    // Nothing may be initialised in the background: the image must stand still while it is copied.
    make: ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
    mebibytes: 32,
    options: "loop,commit=300",
    copyOptions: "loop",
    mostWriters: Infinity,
  },
  {
    name: "xfs",
    make: ["mkfs.xfs", "-q", "-f"],
    mebibytes: 320,
    options: "loop",
    copyOptions: "loop,nouuid",
    mostWriters: 4,
  },
  {
    name: "btrfs",
    make: ["mkfs.btrfs", "-q", "-f"],
    mebibytes: 128,
    options: "loop,commit=300",
    copyOptions: "loop",
    mostWriters: 4,
  },
];

const run = promisify(execFile);

/** What is needed to hold the images: what reached the block device counts, and no real disk has to sync for it. */
export const MEMORY = ["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs"] as const;

export async function mountMemory(on: string): Promise<void> {
  const [program, ...args] = MEMORY;
  await run(program, [...args, on]);
}

/** A new, empty disk, mounted. */
export async function newDisk(kind: FileSystem, image: string, on: string): Promise<void> {
  await run("truncate", ["-s", `${kind.mebibytes}M`, image]);
  const [program, ...args] = kind.make;
  await run(program, [...args, image]);
  await mount(kind.options, image, on);
}

export async function mountCopy(kind: FileSystem, copy: string, on: string): Promise<void> {
  await mount(kind.copyOptions, copy, on);
}

export async function unmount(on: string): Promise<void> {
  await waitUntil(
    async () =>
      await run("umount", [on])
        .then(() => true)
        .catch(() => false),
    {
      deadlineMs: 30_000,
      what: `${on} to be unmounted`,
    },
  );
}

/**
 * The image as it is right now: what reached the block device, and nothing of what the file system still has in memory. Done again
 * if the image was written meanwhile: a power cut has one moment.
 */
export async function copyAsItIs(image: string, copy: string): Promise<void> {
  const changedAt = () => fs.statSync(image, { bigint: true }).mtimeNs;
  await waitUntil(
    async () => {
      const before = changedAt();
      await run("cp", ["--sparse=always", "--reflink=never", image, copy]);
      return changedAt() === before;
    },
    { deadlineMs: 60_000, what: `${image} to stand still for the time of a copy` },
  );
}

/** Why disks of this kind cannot be made here; undefined if they can. Tried, not guessed. */
export async function whyNot(kind: FileSystem, directory: string): Promise<string | undefined> {
  const on = join(directory, "trial");
  const image = join(directory, "trial.img");
  fs.mkdirSync(on, { recursive: true });
  try {
    await newDisk(kind, image, on);
    await unmount(on);
    return undefined;
  } catch (error) {
    const { stderr, message } = error as Error & { readonly stderr?: string };
    return (stderr ?? message).trim().split("\n")[0] ?? message;
  } finally {
    fs.rmSync(image, { force: true });
  }
}

async function mount(options: string, image: string, on: string): Promise<void> {
  fs.mkdirSync(on, { recursive: true });
  await run("mount", ["-o", options, image, on]);
}
