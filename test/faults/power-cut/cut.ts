/**
 * The sweep itself, in a mount and PID namespace of its own (see sweep.ts): however this process ends, the kernel ends the writer,
 * unmounts the disks and detaches their loop devices with it. Says what it does as JSON lines on standard output.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { waitUntil } from "../../fixtures/processes.js";
import {
  copyAsItIs,
  FILE_SYSTEMS,
  mountCopy,
  mountMemory,
  newDisk,
  unmount,
  whyNot,
  type FileSystem,
} from "./disk.js";
import { toldBy } from "./log.js";
import { examineDisk } from "./examine-disk.js";
import { randomOf, type Random } from "../random.js";

/** What one kind of file system came to. */
export interface Tally {
  readonly fileSystem: FileSystem["name"];
  readonly notHere?: string;
  cuts: number;
  /** Operations that were acknowledged before a cut. */
  acknowledged: number;
  /** Cuts that had an operation under way. */
  underWay: number;
  /** Cuts that lost what was never synced. */
  lost: number;
  readonly violations: string[];
}

export type Word = { readonly tell: string } | { readonly tallies: readonly Tally[] };

/** Of one kind of file system: a defect that breaks every cut need not be told a thousand times. */
const ENOUGH_VIOLATIONS = 25;

interface Plan {
  readonly seed: number;
  readonly writers: number;
  readonly cutsOfWriter: number;
}

interface Writer {
  readonly child: ChildProcess;
  readonly logFile: string;
  readonly manner: "points" | "free";
  /** What it said on its way down. */
  stderr: string;
}

const WRITER = fileURLToPath(new URL("./writer.js", import.meta.url));
const [directory = "", json = "{}"] = process.argv.slice(2);
const plan = JSON.parse(json) as Plan;
const project = join(directory, "project");
const image = join(directory, "disk.img");
const disk = join(directory, "disk");
const copy = join(directory, "copy.img");
const copied = join(directory, "copy");

/** By the stream, which waits where the pipe is full. */
async function say(word: Word): Promise<void> {
  await new Promise((written) => process.stdout.write(`${JSON.stringify(word)}\n`, written));
}

/** Who started this wants no more of it. As the first process of its PID namespace it takes all others with it. */
process.stdin.once("end", () => process.exit(1)).resume();

function start(seed: number, number: number): Writer {
  // Each manner with one lane, where a sync hides nothing of another's, and with three.
  const manner = number % 2 === 0 ? "points" : "free";
  const lanes = number % 4 < 2 ? 1 : 3;
  const logFile = join(directory, `writer-${number}.log`);
  fs.writeFileSync(logFile, "");
  const args = [WRITER, disk, project, logFile, String(seed), manner, String(lanes)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  const writer: Writer = { child, logFile, manner, stderr: "" };
  child.stderr.on("data", (chunk: Buffer) => (writer.stderr += chunk.toString()));
  return writer;
}

/** Until no thread of it runs: a sync that is under way comes to its end first. */
async function stopped({ child, ...writer }: Writer): Promise<void> {
  await waitUntil(
    () => {
      if (child.exitCode !== null) throw new Error(`the writer ended: ${writer.stderr.trim()}`);
      const tasks = `/proc/${child.pid}/task`;
      return fs
        .readdirSync(tasks)
        .every((thread) => /\) T /u.test(fs.readFileSync(join(tasks, thread, "stat"), "latin1")));
    },
    { deadlineMs: 60_000, what: "the writer to stand still" },
  );
}

/** Lets the writer get somewhere, and stops it. */
async function stop(writer: Writer, random: Random): Promise<void> {
  if (writer.manner === "free") {
    const seen = fs.statSync(writer.logFile).size;
    await waitUntil(() => writer.child.exitCode !== null || fs.statSync(writer.logFile).size > seen, {
      deadlineMs: 60_000,
      what: "the writer to go on",
    });
    await delay(random.below(25));
    writer.child.kill("SIGSTOP");
  }
  await stopped(writer);
}

async function cutOnce(kind: FileSystem, writer: Writer, tally: Tally, where: string): Promise<void> {
  const told = toldBy(fs.readFileSync(writer.logFile, "utf8"));
  await copyAsItIs(image, copy);
  await mountCopy(kind, copy, copied);
  try {
    const unsynced = told.unsynced ?? "";
    const file = join(copied, unsynced);
    const isWhole = fs.existsSync(file) && fs.readFileSync(file, "utf8") === unsynced.repeat(100);
    if (!isWhole) tally.lost += 1;
    for (const broken of await examineDisk(project, copied, told)) {
      tally.violations.push(`${where}, stopped ${told.stoppedAt ?? "at some moment"}: ${broken}`);
    }
  } finally {
    await unmount(copied);
    fs.rmSync(copy, { force: true });
  }
  tally.cuts += 1;
  if ([...told.tickets.values()].some(({ underWay }) => underWay !== undefined)) tally.underWay += 1;
}

async function cutsOfOneWriter(kind: FileSystem, number: number, tally: Tally): Promise<void> {
  const seed = (plan.seed + number * 7919) >>> 0;
  const random = randomOf(seed);
  await newDisk(kind, image, disk);
  const writer = start(seed, number);
  const exited = once(writer.child, "exit");
  try {
    for (let cut = 0; cut < plan.cutsOfWriter && tally.violations.length < ENOUGH_VIOLATIONS; cut += 1) {
      const where = `${kind.name}, seed ${plan.seed}, writer ${number} (${writer.manner}), cut ${cut}`;
      try {
        await stop(writer, random);
        await cutOnce(kind, writer, tally, where);
      } catch (cause) {
        throw new Error(`${where}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
      }
      writer.child.kill("SIGCONT");
    }
    tally.acknowledged += toldBy(fs.readFileSync(writer.logFile, "utf8")).acknowledged;
  } finally {
    writer.child.kill("SIGKILL");
    await exited;
    await unmount(disk);
    fs.rmSync(image, { force: true });
  }
}

async function cutsOn(kind: FileSystem): Promise<Tally> {
  const notHere = await whyNot(kind, directory);
  const tally: Tally = {
    fileSystem: kind.name,
    cuts: 0,
    acknowledged: 0,
    underWay: 0,
    lost: 0,
    violations: [],
  };
  if (notHere !== undefined) return { ...tally, notHere };
  for (let number = 0; number < Math.min(plan.writers, kind.mostWriters); number += 1) {
    await cutsOfOneWriter(kind, number, tally);
    await say({
      tell: `${kind.name}: writer ${number}, ${tally.cuts} cuts, ${tally.violations.length} broken`,
    });
  }
  if (tally.lost === 0) {
    tally.violations.push(
      `${kind.name}: no cut lost anything that was never synced: these are no power cuts`,
    );
  }
  return tally;
}

await mountMemory(directory);
fs.mkdirSync(project);
const tallies: Tally[] = [];
for (const kind of FILE_SYSTEMS) tallies.push(await cutsOn(kind));
await say({ tallies });
process.exit(0);
