import { CliWorld } from "../../fixtures/cli-world.js";
import { randomOf } from "../random.js";
import type { Sweep, SweepOptions, SweepReport } from "../sweep.js";
import { SUBJECTS, type Subject } from "./subjects.js";
import { killAt, pointsOf, whyNoTrace, type KillPoint } from "./trace.js";

/** Runs side by side: most of a run is waiting. */
const LANES = 3;
/** How often a point is tried: before some calls the command makes others of their kind (wake-ups of its threads), once more or less. */
const TRIES = 4;

export const killPoints: Sweep = {
  name: "kill-points",
  title: "A command killed at every call that changes something",
  about:
    "A launch, a release of a living claim and a reclaim of a stale one are run through the built program under strace and SIGKILLed right before a call " +
    "that changes something: each `openat` that creates, `write`, `link`, `rename`, `unlink`, `mkdir`, write lock, fork, `kill` and connection that touches " +
    "the registry, the sockets, the Pod or standard output. After each death no record under its final name is torn; a claim that stands has a living Pod " +
    "that accepted its run; `status` and `doctor` say what the disk and the kernel show; a Pod that lives is claimed, adoptable, or ends by itself; the " +
    "ticket's next launch is claimed (adopting what is adoptable; blocked where the claim stands), with one Pod alive, one prompt to it and one accepted run; " +
    "a claim that was being ended stands or is in history, and the command given again ends it with exactly one entry.",
  notCovered: [
    "The guardian is not killed in this sweep; only the command's own process is.",
    "The calls of libuv's threads are no points: these are the asynchronous `fsync`s. Errors of each of them are injected in test/registry/commit.test.ts.",
    "Calls that only read are no points: a death before one leaves what a death before the next changing call leaves, apart from how far the Pod has come meanwhile.",
    "Closing a lock is no point of its own; the write to standard output after it is.",
    "Adoption and restore are not killed in this sweep.",
    "A point is found by counting calls of its kind. After a scan of the process table that count differs from run to run: an `openat` or a `write` may be missed, and the counts tell how many were.",
    "What the command does before it first touches the registry is no point.",
    "A death is no power cut: what was written is still in the kernel's hands.",
  ],
  async run(options: SweepOptions): Promise<SweepReport> {
    const skipped = whyNoTrace();
    if (skipped !== undefined) return { counts: [], violations: [], skipped: [`kill points: ${skipped}`] };
    const counts: [string, number][] = [];
    const violations: string[] = [];
    for (const subject of SUBJECTS) {
      if (options.quick && subject.quickPoints === 0) continue;
      const result = await sweepOf(subject, options);
      const { points, reached, kills } = result;
      const missed = points.filter(({ call }) => !reached.has(call));
      counts.push([`kill points of a ${subject.name}`, reached.size], [`kills of a ${subject.name}`, kills]);
      if (missed.length > 0) counts.push([`points of a ${subject.name} that no kill reached`, missed.length]);
      violations.push(...result.violations);
      for (const { call } of missed) options.tell(`${subject.name}: not reached: ${call}`);
      if (reached.size === 0) violations.push(`${subject.name}: not one kill came at a point`);
    }
    return { counts, violations };
  },
};

interface Swept {
  readonly points: readonly KillPoint[];
  /** The points at which the command was killed, meant or not. */
  readonly reached: Set<string>;
  kills: number;
  readonly violations: string[];
}

async function sweepOf(subject: Subject, { quick, seed, tell }: SweepOptions): Promise<Swept> {
  const all = await countPoints(subject);
  // How many files a scan of the process table opens is the machine's affair: the quick part leaves those counts alone.
  const steady = all.filter(({ kind }) => kind !== "openat");
  const points = quick ? sampleOf(steady, subject.quickPoints, seed) : all;
  tell(`${subject.name}: ${points.length} of ${all.length} points`);
  const swept: Swept = { points, reached: new Set(), kills: 0, violations: [] };
  const queue = [...points];
  const lane = async () => {
    for (let point = queue.shift(); point; point = queue.shift()) {
      const index = all.indexOf(point);
      let { n } = point;
      for (let tried = 0; tried < TRIES && !swept.reached.has(point.call); tried += 1) {
        const passed = await killOnce(subject, { ...point, n }, swept);
        n += passed > index ? -1 : 1;
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return swept;
}

async function countPoints(subject: Subject): Promise<KillPoint[]> {
  await using world = new CliWorld();
  const points = await pointsOf(world, await subject.prepare(world));
  if (points.length === 0) throw new Error(`strace saw nothing of a ${subject.name}`);
  return points;
}

/**
 * A run that nobody killed after all must keep the same promises.
 *
 * @returns how many points the command has passed
 */
async function killOnce(subject: Subject, point: KillPoint, swept: Swept): Promise<number> {
  let where = `meant: before ${point.call}`;
  let passed = 0;
  try {
    await using world = new CliWorld();
    const words = await subject.prepare(world);
    const killed = await killAt(world, words, point);
    ({ passed } = killed);
    if (killed.call === undefined) {
      where = `not killed, ${where}`;
    } else {
      where = `killed before ${killed.call} (${point.kind} ${point.n})`;
      swept.kills += 1;
      if (killed.isPoint) swept.reached.add(killed.call);
    }
    const broken = await subject.broken(world, words);
    swept.violations.push(...broken.map((promise) => `${subject.name}, ${where}: ${promise}`));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    swept.violations.push(`${subject.name}, ${where}: ${message}`);
  }
  return passed;
}

/** One point drawn from each of so many equal parts of the command's run, so that early, middle and late ones are among them. */
function sampleOf(points: readonly KillPoint[], count: number, seed: number): KillPoint[] {
  const random = randomOf(seed);
  const drawn = Array.from({ length: count }, (_, part) => {
    const from = Math.floor((part * points.length) / count);
    const to = Math.floor(((part + 1) * points.length) / count);
    return points[from + random.below(to - from)];
  });
  return drawn.filter((point) => point !== undefined);
}
