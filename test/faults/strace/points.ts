/** Every chosen point of a target, each in a world of its own. */
import { messageOf } from "../../../src/errors.js";
import { CliWorld } from "../../fixtures/cli-world.js";
import { inLanes } from "../lanes.js";
import { randomOf } from "../random.js";
import type { SweepOptions, SweepReport } from "../sweep.js";
import { LIVES } from "./lives.js";
import { see, type Seen } from "./seen.js";
import { SUBJECTS, type Subject } from "./subjects.js";
import type { Target } from "./target.js";
import {
  inject,
  pointsOf,
  tracedCommand,
  whyNoTrace,
  type Injected,
  type Injection,
  type Point,
} from "./trace.js";

/** Runs side by side. */
const LANES = 3;
/** How often a point is tried: before some calls the command makes others of their kind (wake-ups of its threads), once more or less. */
const TRIES = 4;

export interface Attack {
  /** In the counts: `kill points`. */
  readonly points: string;
  /** In the counts: `kills`. */
  readonly hits: string;
  /** Which targets, and how many points of each the quick part takes: 0 leaves it out. */
  readonly targets: Readonly<Partial<Record<Target["name"], number>>>;
  /** Calls that the quick part takes in any case, before it draws the others. */
  readonly always?: RegExp;
  /** What is done at this point; undefined if nothing. */
  injectionAt(
    point: Point,
    context: { readonly target: Target; below(limit: number): number },
  ): Injection | undefined;
  /** What a person does after a command, before the next; each promise broken by it. */
  readonly afterwards?: (world: CliWorld, injected: Injected) => Promise<string[]>;
  /** What the command itself must have said, seen before anything else is asked. */
  liesOfAnswer(world: CliWorld, context: Injected & { readonly before: Seen }): string[];
}

const TARGETS: readonly Target[] = [...SUBJECTS.map(commandOf), ...LIVES];

function commandOf({ name, about, exitCode, prepare, broken }: Subject): Target {
  return {
    name,
    about,
    exitCode,
    victim: "command",
    async prepare(world) {
      const words = await prepare(world);
      return { run: tracedCommand(world, words), broken: (ended) => broken(world, words, ended) };
    },
  };
}

/** Whole, every point is tried; what is random is only which injection a point gets. */
export async function attackAll(attack: Attack, options: SweepOptions): Promise<SweepReport> {
  const skipped = whyNoTrace();
  if (skipped !== undefined) return { counts: [], violations: [], skipped: [`${attack.points}: ${skipped}`] };
  const counts: [string, number][] = [];
  const violations: string[] = [];
  for (const target of TARGETS) {
    const { name, about } = target;
    const quickPoints = attack.targets[name];
    if (quickPoints === undefined || (options.quick && quickPoints === 0)) continue;
    const sweep = new TargetSweep(target, attack, options);
    const { aims, reached, hits, broken } = await sweep.run(quickPoints);
    const missed = aims.filter(({ point }) => !reached.has(point.call));
    counts.push([`${attack.points} of ${about}`, reached.size]);
    counts.push([`${attack.hits} of ${about}`, hits]);
    if (missed.length > 0) counts.push([`${attack.points} of ${about} not reached`, missed.length]);
    violations.push(...broken);
    for (const { point } of missed) options.tell(`${name}: not reached: ${point.call}`);
    if (reached.size === 0) violations.push(`${name}: not one ${attack.hits} came at a point`);
  }
  return { counts, violations };
}

interface Aim {
  readonly point: Point;
  readonly injection: Injection;
}

class TargetSweep {
  readonly broken: string[] = [];
  /** The calls that were hit, meant or not. */
  readonly reached = new Set<string>();
  hits = 0;
  aims: readonly Aim[] = [];
  readonly #target: Target;
  readonly #attack: Attack;
  readonly #options: SweepOptions;

  constructor(target: Target, attack: Attack, options: SweepOptions) {
    this.#target = target;
    this.#attack = attack;
    this.#options = options;
  }

  async run(quickPoints: number): Promise<this> {
    const { seed, quick, tell } = this.#options;
    const { below } = randomOf(seed);
    const { points, from } = await this.#count();
    const all = points.slice(from).flatMap((point): Aim[] => {
      const injection = this.#attack.injectionAt(point, { target: this.#target, below });
      return injection === undefined ? [] : [{ point, injection }];
    });
    // How many files a scan of the process table opens is the machine's affair: the quick part leaves those counts alone.
    const steady = all.filter(({ point }) => !STRAYING.includes(point.kind));
    const certain = all.filter(({ point }) => this.#attack.always?.test(point.call));
    const others = steady.filter((aim) => !certain.includes(aim));
    this.aims = quick ? [...certain, ...sampleOf(others, quickPoints - certain.length, below)] : all;
    tell(`${this.#target.name}: ${this.aims.length} of ${all.length} points`);
    await inLanes(LANES, this.aims, async (aim) => await this.#try(aim, points.indexOf(aim.point)));
    return this;
  }

  async #count(): ReturnType<typeof pointsOf> {
    await using world = new CliWorld();
    const { run } = await this.#target.prepare(world);
    const counted = await pointsOf(world, run, this.#target.exitCode);
    if (counted.points.length === counted.from)
      throw new Error(`strace saw nothing of ${this.#target.about}`);
    return counted;
  }

  async #try({ point, injection }: Aim, index: number): Promise<void> {
    let { n } = point;
    for (let tried = 0; tried < TRIES && !this.reached.has(point.call); tried += 1) {
      const { passed, foundAt = n } = await this.#once({ ...point, n }, injection);
      if (foundAt !== n) n = foundAt;
      else n += passed > index ? -1 : 1;
    }
  }

  /** A run that nothing has hit after all must keep the same promises. */
  async #once(point: Point, injection: Injection): Promise<{ passed: number; foundAt?: number | undefined }> {
    const { name, victim, prepare } = this.#target;
    let where = `meant: ${injection} at ${point.call} (${point.kind} ${point.n})`;
    let came: { passed: number; foundAt?: number | undefined } = { passed: 0 };
    const found: string[] = [];
    try {
      await using world = new CliWorld();
      const { run, broken } = await prepare(world);
      const before = see(world);
      const injected = await inject(world, run, { ...point, injection });
      came = injected;
      if (injected.call === undefined) where = `not hit, ${where}`;
      else {
        where = `${injection} at ${injected.call} (${point.kind} ${point.n})`;
        this.hits += 1;
        if (injected.isPoint) this.reached.add(injected.call);
      }
      found.push(...injected.lies);
      // What strikes a call of Node's own, as its wake-up of a thread, is no concern of the command's: it may abort.
      const isOther = injected.call !== undefined && !injected.isPoint;
      // Whoever has to do with a guardian is asked while it happens.
      if (victim === "command") {
        if (!isOther) found.push(...this.#attack.liesOfAnswer(world, { ...injected, before }));
        found.push(...((await this.#attack.afterwards?.(world, injected)) ?? []));
      }
      found.push(...(await broken(injected.ended)));
    } catch (error) {
      found.push(messageOf(error));
    }
    this.broken.push(...found.map((promise) => `${name}, ${where}: ${promise}`));
    return came;
  }
}

/** Their counts differ from run to run, by what else runs on the machine. */
const STRAYING = ["openat", "write", "read", "statx", "newfstatat", "getdents64"];

/** One drawn from each of so many equal parts of the command's run, so that early, middle and late ones are among them. */
function sampleOf<Item>(items: readonly Item[], count: number, below: (limit: number) => number): Item[] {
  const drawn = Array.from({ length: count }, (_, part) => {
    const from = Math.floor((part * items.length) / count);
    const to = Math.floor(((part + 1) * items.length) / count);
    return items[from + below(to - from)];
  });
  return drawn.filter((item) => item !== undefined);
}
