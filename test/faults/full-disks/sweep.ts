import fs from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../../src/errors.js";
import { CliWorld, DEADLINE_MS, type EndedCommand } from "../../fixtures/cli-world.js";
import { temporariesIn } from "../../fixtures/files.js";
import { waitUntil } from "../../fixtures/processes.js";
import { canMount, mount, unmount } from "../../fixtures/registry-mounts.js";
import { afterDoubt, liesOfAnswer } from "../strace/answers.js";
import { inLanes } from "../lanes.js";
import { ID, see } from "../strace/seen.js";
import { killPods, launch, reclaim, release, SUBJECTS, type Subject } from "../strace/subjects.js";
import type { Sweep, SweepOptions, SweepReport } from "../sweep.js";
import { DISKS, runtimeDirectory, type Disk } from "./disks.js";

const LANES = 2;

export const fullDisks: Sweep = {
  name: "full-disks",
  title: "A registry that cannot be written, or of which a part is gone",
  about:
    "A launch, an adoption, a release, a reclaim and a restore are run through the built program on a registry whose disk has no free byte, no free inode, or became read-only, " +
    "and a launch whose agent removes the registry's claims, its Pods or the runtime directory before it is ready. Each fails with exit code 1 and a message that names the reason (5, a doubt, where the claims are gone), " +
    "changes no claim, leaves nothing running that did not run before and no temporary file; once there is room again the same command, or the next launch, does what it should; a runtime directory that was removed " +
    "hinders neither a release nor a reclaim.",
  notCovered: [
    "The disk is a tmpfs; quotas, network file systems and disks that fail only now and then are not here.",
    "A disk that its agent fills between acceptance and claim is in test/cli-agents/exhaustion.test.ts.",
  ],
  async run({ quick, tell }: SweepOptions): Promise<SweepReport> {
    const violations: string[] = [];
    const counts = new Map<string, number>();
    const skipped = canMount() ? [] : ["full disks: this user may not mount"];
    const cases = [...(skipped.length > 0 ? [] : onDisks(quick)), ...removals(quick)];
    await inLanes(LANES, cases, async ({ what, name, run }) => {
      tell(name);
      counts.set(what, (counts.get(what) ?? 0) + 1);
      const broken = await run().catch((error: unknown) => [messageOf(error)]);
      violations.push(...broken.map((promise) => `${name}: ${promise}`));
    });
    return { counts: [...counts], violations, skipped };
  },
};

interface Case {
  /** In the counts. */
  readonly what: string;
  readonly name: string;
  run(): Promise<string[]>;
}

function onDisks(quick: boolean): Case[] {
  return DISKS.flatMap((disk) =>
    SUBJECTS.filter(({ name }) => name !== "again" && (!quick || name === disk.quick)).map(
      (subject): Case => ({
        what: `commands on ${disk.name}`,
        name: `${subject.name} on ${disk.name}`,
        run: () => onDisk(subject, disk),
      }),
    ),
  );
}

async function onDisk(subject: Subject, disk: Disk): Promise<string[]> {
  await using world = new CliWorld();
  fs.mkdirSync(world.home);
  if (!mount("-t", "tmpfs", "-o", disk.options, "tmpfs", world.home)) throw new Error("could not mount");
  try {
    const words = await subject.prepare(world);
    // A registry that was never there cannot be told from one that cannot be made: it is.
    await world.run("status", "--json");
    const before = see(world);
    disk.spoil(world);
    let ended: EndedCommand;
    let lies: string[];
    try {
      ended = await world.run(...words);
      lies = liesOfAnswer(world, { ended, call: undefined, before });
    } finally {
      disk.relieve(world);
    }
    const broken = [...lies, ...unclear(ended, 1, disk.reason), ...(await temporariesLeft(world))];
    return [...broken, ...(await brokenAfter(world, { subject, words, ended }))];
  } finally {
    await killPods(world);
    unmount(world.home);
  }
}

async function brokenAfter(
  world: CliWorld,
  { subject, words, ended }: { subject: Subject; words: readonly string[]; ended: EndedCommand },
): Promise<string[]> {
  const doubted = await afterDoubt(world, ended);
  const broken = await subject.broken(world, words, ended).catch((error: unknown) => [messageOf(error)]);
  // What the command had said belongs to it.
  return [...doubted, ...broken].map(
    (promise) => `${promise}, after ${JSON.stringify(ended.results.at(-1))}`,
  );
}

/** Who could not write leaves nothing half written. A Pod that lives may be about to write: its file is gone in a moment. */
async function temporariesLeft(world: CliWorld): Promise<string[]> {
  return await waitUntil(() => temporariesIn(world.registry).length === 0 && [], {
    deadlineMs: DEADLINE_MS,
    what: () => `the removal of ${temporariesIn(world.registry).join(", ")}`,
  }).catch((error: unknown) => [messageOf(error)]);
}

/** The exit code that is pinned; and why, in one message. */
function unclear(ended: EndedCommand, code: number, reason = /./u): string[] {
  const answer = ended.results.at(-1) as { message?: string; error?: { message?: string } } | undefined;
  const message = answer?.error?.message ?? answer?.message;
  return [
    ...(ended.code === code ? [] : [`exit code ${ended.code}, not ${code}: ${JSON.stringify(ended)}`]),
    ...(code === 0 || reason.test(message ?? "")
      ? []
      : [`no message of ${reason.source}: ${JSON.stringify(ended)}`]),
  ];
}

function removals(quick: boolean): Case[] {
  // Without the directory of claims nobody can look whether the claim was written: a doubt.
  const parts = [
    ["claims", 5],
    ["pods", 1],
    ["the runtime directory", 1],
  ] as const;
  const during = parts.map(([part, code]): Case => ({
    what: "launches whose agent removes a part of the registry",
    name: `launch whose agent removes ${part}`,
    run: () => removedMeanwhile(part, code),
  }));
  const without = [release, reclaim].map((subject): Case => ({
    what: "commands without the runtime directory",
    name: `${subject.name} without the runtime directory`,
    run: () => withoutSockets(subject),
  }));
  return quick ? during.slice(0, 1) : [...during, ...without];
}

async function removedMeanwhile(part: string, code: number): Promise<string[]> {
  await using world = new CliWorld();
  const directory = part === "the runtime directory" ? runtimeDirectory(world) : join(world.registry, part);
  const agent = ["sh", "-c", 'rm -rf "$1"; shift; exec "$@"', "sh", directory, ...world.agent({})];
  const words = ["launch", ID, "--prompt", "begin", "--json", "--", ...agent];
  await world.run("status", "--json");
  const before = see(world);
  const ended = await world.run(...words);
  const lies = liesOfAnswer(world, { ended, call: undefined, before });
  const broken = await brokenAfter(world, { subject: launch, words, ended });
  return [...lies, ...unclear(ended, code), ...broken, ...(await temporariesLeft(world))];
}

async function withoutSockets(subject: Subject): Promise<string[]> {
  await using world = new CliWorld();
  const words = await subject.prepare(world);
  const before = see(world);
  fs.rmSync(runtimeDirectory(world), { recursive: true });
  const ended = await world.run(...words);
  const lies = liesOfAnswer(world, { ended, call: undefined, before });
  return [...lies, ...unclear(ended, 0), ...(await brokenAfter(world, { subject, words, ended }))];
}
