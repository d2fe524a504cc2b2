import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import { createInterface } from "node:readline";
import { built } from "../../fixtures/guardian-runtime.js";
import { disposableDirectory } from "../../fixtures/temporary.js";
import type { Sweep, SweepOptions, SweepReport } from "../sweep.js";
import type { Tally, Word } from "./cut.js";
import { MEMORY } from "./disk.js";

/** Everything that is mounted is so in here only, and goes with the last process in here. */
const NAMESPACE = ["--mount", "--pid", "--fork", "--mount-proc", "--kill-child"];
/** Of each kind of file system; an even share of each manner and number of lanes needs a multiple of 4. */
const WHOLE = { writers: 16, cutsOfWriter: 25 };
const QUICK = { writers: 4, cutsOfWriter: 10 };

export const powerCut: Sweep = {
  name: "power-cut",
  title: "Power cuts",
  about:
    "A process commits, replaces and ends claims on a disk image of its own and notes each acknowledgement elsewhere. It is stopped right before or after a sync or an acknowledgement, or at a random moment; the image is copied as it is then, without what the kernel still has in memory, mounted (the file system replays its journal), and compared: what was acknowledged is there whole, what was ended is not back, what was under way has happened or not, and the next launch finds its way.",
  notCovered: [
    "Disks that acknowledge a flush and lose it, or that reorder or tear writes: everything that reached the block device is taken as written.",
    "A missing sync of the history directory: ext4, xfs and btrfs happened to keep the entry without it in every cut tried.",
    "Pod records, and configuration: only claims, history and sessions are compared.",
    "The same moments again for a writer that is stopped at random or has three lanes: the seed fixes what it does, not the kernel's timing.",
    "An operation whose sync failed before the power went: every sync here succeeds.",
    "xfs and btrfs where their mkfs is not installed: the table says so.",
  ],
  run,
};

async function run({ quick, seed, tell }: SweepOptions): Promise<SweepReport> {
  using directory = disposableDirectory();
  const refused = whyNoMounts(directory.path);
  if (refused !== undefined) return { counts: [], violations: [], skipped: [refused] };
  const tallies = await cut(directory.path, { seed, ...(quick ? QUICK : WHOLE) }, tell);
  const sum = (of: (tally: Tally) => number) => tallies.reduce((total, tally) => total + of(tally), 0);
  const ext4 = tallies.find(({ fileSystem }) => fileSystem === "ext4")?.notHere;
  return {
    counts: [
      ["power cuts", sum(({ cuts }) => cuts)],
      ["of them with an operation under way", sum(({ underWay }) => underWay)],
      ["of them that lost what was never synced", sum(({ lost }) => lost)],
      ["operations acknowledged before them", sum(({ acknowledged }) => acknowledged)],
    ],
    violations: tallies.flatMap(({ violations }) => violations),
    // The others are a bonus of machines that have them.
    skipped: ext4 === undefined ? [] : [`no ext4 image can be mounted: ${ext4}`],
    details: tableOf(tallies),
  };
}

function whyNoMounts(directory: string): string | undefined {
  const args = [...NAMESPACE, ...MEMORY, directory];
  const { status, stderr, error } = spawnSync("unshare", args, { encoding: "utf8" });
  if (status === 0) return undefined;
  return `nothing can be mounted in a namespace of its own (needs Linux and root): ${error?.message ?? stderr.trim()}`;
}

/** Runs cut.ts from `dist`: its writer is compiled code. */
async function cut(directory: string, plan: object, tell: SweepOptions["tell"]): Promise<readonly Tally[]> {
  const program = built("test/faults/power-cut/cut.js");
  if (!fs.existsSync(program)) throw new Error(`${program} is not there: run "npm run build" before this`);
  const args = [...NAMESPACE, process.execPath, program, directory, JSON.stringify(plan)];
  // Its standard input ends with this process, however that ends.
  const child = spawn("unshare", args, { stdio: ["pipe", "pipe", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject).once("close", resolve);
  });
  let tallies: readonly Tally[] | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const word = JSON.parse(line) as Word;
    if ("tell" in word) tell(word.tell);
    else tallies = word.tallies;
  }
  const code = await closed;
  if (tallies === undefined)
    throw new Error(`the cuts ended with ${code} before their report: ${stderr.trim()}`);
  return tallies;
}

function tableOf(tallies: readonly Tally[]): string {
  return [
    "| file system | power cuts | operation under way | unsynced lost | acknowledged |",
    "| --- | --- | --- | --- | --- |",
    ...tallies.map(({ fileSystem, notHere, cuts, underWay, lost, acknowledged }) =>
      notHere === undefined
        ? `| ${fileSystem} | ${cuts} | ${underWay} | ${lost} | ${acknowledged} |`
        : `| ${fileSystem} | not on this machine | | | |`,
    ),
  ].join("\n");
}
