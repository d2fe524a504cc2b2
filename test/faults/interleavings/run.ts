import fs from "node:fs";
import { join } from "node:path";
import { findWorkspace } from "../../../src/registry/workspace.js";
import { Command, type Act, type Place, type Told } from "./commands.js";
import { Broken } from "./broken.js";
import { Promises } from "./promises.js";
import type { Kill, Scenario } from "./scenarios.js";
import { guardiansUse } from "./simulated/guardian.js";
import { openFiles } from "./simulated/registry.js";
import { LIMIT } from "./simulated/timers.js";
import { enter, World, type Parked, type Process } from "./simulated/world.js";

/** What may come next: a call goes on, a timer goes off, or somebody is killed. */
type Option = { readonly parked: Parked } | { readonly kill: readonly Process[] };

/** Says which of so many comes next; 0 is what would come if nobody interfered. */
export type Choose = (step: number, options: number) => number;

/** How many kinds of interference are offered. */
export interface Offer {
  /**
   * `near`: the other processes' next calls, and what may happen to the process that has just moved: it is killed, a pause or limit of
   * its own is over. `all`: any call, timer and kill.
   */
  readonly reach: "near" | "all";
  readonly kills: number;
}

export interface Ran {
  /** How many options there were in each step. */
  readonly options: readonly number[];
  readonly broken?: string;
  readonly trace: readonly string[];
}

/** A run that is longer than this does not end. */
const LONGEST = 3_000;
/** How long everything is left to itself at the end, by the run's own clock. */
const AFTERMATH_MS = 10_000;
/** Of those that come last: a slot of its own. */
const AFTERWARDS = 9;

/** Runs scenarios in one directory, one after the other. */
export class Runner {
  readonly #place: Place;
  readonly #directory: string;
  readonly #commands = new Map<number, Command>();

  constructor(base: string) {
    this.#place = { workspace: join(base, "w"), home: join(base, "h") };
    process.env["LAUNCH_CLAIM_RUNTIME_DIR"] = join(base, "r");
    fs.mkdirSync(this.#place.workspace, { recursive: true });
    const workspace = findWorkspace(this.#place.workspace, this.#place.home);
    this.#directory = workspace.directory;
    guardiansUse(openFiles(workspace));
  }

  async run(scenario: Scenario, choose: Choose, offer: Offer): Promise<Ran> {
    this.#clear();
    const run = new Run(scenario, {
      choose,
      offer,
      directory: this.#directory,
      commandAt: (slot) => this.#commandAt(slot),
    });
    return await run.whole();
  }

  #commandAt(slot: number): Command {
    const command = this.#commands.get(slot) ?? new Command(slot, this.#place);
    this.#commands.set(slot, command);
    return command;
  }

  /** The directories stay: opening a registry costs as much as a run. */
  #clear(): void {
    for (const part of ["claims", "sessions", "history", "pods"]) {
      const directory = join(this.#directory, part);
      for (const name of fs.readdirSync(directory)) fs.rmSync(join(directory, name), { recursive: true });
    }
  }
}

interface Surroundings {
  readonly choose: Choose;
  readonly offer: Offer;
  readonly directory: string;
  readonly commandAt: (slot: number) => Command;
}

class Run {
  readonly #scenario: Scenario;
  readonly #around: Surroundings;
  readonly #world: World;
  readonly #promises: Promises;
  readonly #options: number[] = [];
  readonly #trace: string[] = [];
  readonly #told: Told[] = [];
  #news: Told[] = [];
  #last: Process | undefined;
  #kills: number;

  constructor(scenario: Scenario, around: Surroundings) {
    this.#scenario = scenario;
    this.#around = around;
    this.#world = new World(scenario.manners ?? {});
    this.#promises = new Promises(around.directory, this.#world, scenario);
    this.#kills = around.offer.kills;
    enter(this.#world);
  }

  async whole(): Promise<Ran> {
    let broken: string | undefined;
    try {
      await this.#before();
      this.#scenario.commands.forEach((act, index) => this.#begin(`${act} ${index + 1}`, act, index + 1));
      await this.#until(() => this.#isOver(), this.#around.choose);
      const end = this.#world.time + AFTERMATH_MS;
      await this.#until(() => !this.#world.parked.some((one) => isAwaited(one) && (one.dueAt ?? 0) <= end));
      this.#promises.atEnd(this.#told);
      if (!this.#promises.isClaimedAndLive) await this.#afterwards();
    } catch (error) {
      broken =
        error instanceof Broken
          ? error.message
          : `a defect of the run: ${error instanceof Error ? (error.stack ?? "") : String(error)}`;
    } finally {
      this.#world.dispose();
    }
    return { options: this.#options, trace: this.#trace, ...(broken !== undefined && { broken }) };
  }

  /** The launch that went before, undisturbed. */
  async #before(): Promise<void> {
    const { before } = this.#scenario;
    if (!before) return;
    const process = this.#begin("launch 0", "launch", 0);
    const reached = {
      spawn: () => this.#world.processes.some(({ kind }) => kind === "guardian"),
      commit: () => this.#world.parked.some((one) => one.process === process && one.what === "commit"),
      end: () => this.#told.length > 0,
    };
    await this.#until(reached[before.until]);
    this.#kill(this.#world.processes.filter(({ kind }) => before.killed.some((killed) => killed === kind)));
    this.#promises.see([]);
  }

  async #afterwards(): Promise<void> {
    const process = this.#begin("launch afterwards", "launch", AFTERWARDS);
    const answer = () => this.#told.find((told) => told.process === process);
    await this.#until(() => answer() !== undefined || !this.#world.parked.some(isAwaited));
    const told = answer();
    if (told === undefined) throw new Broken("a launch afterwards never ends");
    this.#promises.afterwards(told);
  }

  #begin(name: string, act: Act, slot: number): Process {
    const { whenDone = "keep" } = this.#scenario;
    return this.#around
      .commandAt(slot)
      .begin(this.#world, { name, act, whenDone }, (told) => this.#news.push(told));
  }

  #isOver(): boolean {
    const { processes, parked } = this.#world;
    if (parked.some(({ dueAt }) => dueAt === undefined)) return false;
    return processes.every(
      (one) => one.kind !== "command" || !one.alive || this.#told.some(({ process }) => process === one),
    );
  }

  /** @param choose without it, nobody interferes */
  async #until(isThere: () => boolean, choose?: Choose): Promise<void> {
    while (!isThere()) {
      const options = this.#optionsNow(choose !== undefined);
      if (options.length === 0) return;
      if (this.#world.steps > LONGEST) throw new Broken(`the run does not end within ${LONGEST} steps`);
      const chosen = choose ? choose(this.#options.length, options.length) : 0;
      if (choose) this.#options.push(options.length);
      const option = options[chosen];
      if (!option)
        throw new Error(
          `there is no option ${chosen} in step ${this.#options.length - 1}: the run is not as it was`,
        );
      await this.#take(option, chosen);
      const news = this.#news;
      this.#news = [];
      this.#told.push(...news);
      for (const told of news) this.#trace.push(`    ${told.process.name}: ${told.status} (${told.said})`);
      this.#promises.see(news);
    }
  }

  async #take(option: Option, chosen: number): Promise<void> {
    const mark = chosen === 0 ? " " : `*${chosen}`;
    if ("kill" in option) {
      this.#trace.push(`${mark} ${option.kill.map(({ name }) => name).join(" and ")}: killed`);
      this.#kills -= 1;
      this.#kill(option.kill);
      await this.#world.run(undefined, () => undefined);
      return;
    }
    const { parked } = option;
    this.#trace.push(`${mark} ${parked.process.name}: ${parked.what}`);
    this.#last = parked.process;
    await this.#world.letGo(parked);
  }

  #kill(processes: readonly Process[]): void {
    for (const process of processes) {
      if (process.mark !== undefined) this.#world.facts.killed.add(process.mark);
      this.#world.end(process);
    }
  }

  /** The first is what comes by itself: whoever has moved goes on; else another's call; else the next timer. */
  #optionsNow(interferes: boolean): Option[] {
    const { parked } = this.#world;
    const calls = parked.filter(({ dueAt }) => dueAt === undefined);
    const timers = parked
      .filter(({ dueAt }) => dueAt !== undefined)
      .sort((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0));
    // The latest first: an earlier one of the same process is one that nobody waits for any more, because it is slow.
    const own = calls.filter(({ process }) => process === this.#last).reverse();
    const others = calls.filter(({ process }) => process !== this.#last);
    const inOrder = [
      ...own,
      ...others,
      ...timers.filter(isAwaited),
      ...timers.filter((one) => !isAwaited(one)),
    ];
    if (!interferes) return inOrder.slice(0, 1).map((one) => ({ parked: one }));
    const offered =
      this.#around.offer.reach === "all"
        ? inOrder
        : inOrder.filter((one, index) => index === 0 || this.#isNear(one, others));
    return [...offered.map((one) => ({ parked: one })), ...this.#killsNow()];
  }

  #isNear(parked: Parked, others: readonly Parked[]): boolean {
    if (parked.process === this.#last) return isAwaited(parked);
    // The first call of each other process.
    return others.find(({ process }) => process === parked.process) === parked;
  }

  #killsNow(): Option[] {
    if (this.#kills === 0) return [];
    const { reach } = this.#around.offer;
    const alive = this.#world.processes.filter((one) => one.alive && (reach === "all" || one === this.#last));
    const may = (kill: Kill) => this.#scenario.kills.includes(kill);
    const options: Option[] = [];
    for (const process of alive) {
      if (process.kind === "agent") continue;
      // One that has been told how it ended is left alone: it is of no more interest.
      if (this.#told.some((told) => told.process === process)) continue;
      if (may(process.kind)) options.push({ kill: [process] });
      const guardian = this.#world.processes.find(
        (one) => one.alive && one.kind === "guardian" && one.parent === process,
      );
      if (process.kind === "command" && may("both") && guardian) options.push({ kill: [process, guardian] });
    }
    return options;
  }
}

/** The limits of single calls are never taken back, and go off long after anybody waits. */
function isAwaited({ what }: Parked): boolean {
  return what !== LIMIT;
}
