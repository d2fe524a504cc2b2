import { join } from "node:path";
import { Layout } from "../../../src/registry/layout.js";
import { probeLockFile } from "../../../src/registry/locks.js";
import { namesIn } from "../../fixtures/files.js";
import { demand, Broken } from "./broken.js";
import { TICKET, type Told } from "./commands.js";
import { readJson, type OnDisk } from "./disk.js";
import type { Scenario } from "./scenarios.js";
import type { Process, World } from "./simulated/world.js";

/**
 * Looks at the disk and at the processes after every step, by means of its own, and knows what was there before: what may not
 * be, and what may not follow.
 */
export class Promises {
  readonly #layout: Layout;
  readonly #world: World;
  readonly #scenario: Scenario;
  #claim: OnDisk | undefined;
  /** By launch id: the step in which it came. */
  readonly #claims = new Map<string, number>();
  readonly #gone = new Set<string>();
  readonly #history = new Set<string>();
  /** The launches that have told somebody that they left no claim. */
  readonly #without = new Set<string>();
  readonly #toldClaimed = new Set<string>();
  readonly #guardiansSeen = new Set<Process>();
  unresolved = false;

  constructor(directory: string, world: World, scenario: Scenario) {
    this.#layout = new Layout(directory);
    this.#world = world;
    this.#scenario = scenario;
  }

  /** What stands: a claim that has a history entry was ended. */
  get standing(): OnDisk | undefined {
    return this.#claim && this.#history.has(this.#claim.launchId) ? undefined : this.#claim;
  }

  get isClaimedAndLive(): boolean {
    const { standing } = this;
    return (
      standing !== undefined && this.#livingOf(standing.launchId).some(({ kind }) => kind === "guardian")
    );
  }

  /** After a step. */
  see(told: readonly Told[]): void {
    if (this.#world.touched) {
      this.#world.touched = false;
      this.#seeHistory();
      this.#seeClaim();
    }
    this.#seeProcesses();
    for (const one of told) this.#seeTold(one);
  }

  // ── The disk ──

  #seeHistory(): void {
    for (const name of namesIn(this.#layout.historyOf(TICKET))) {
      const launchId = name.slice(0, -".json".length);
      if (!name.endsWith(".json") || name.startsWith(".") || this.#history.has(launchId)) continue;
      const entry = readJson(join(this.#layout.historyOf(TICKET), name));
      demand(this.#claims.has(launchId), `history has ${launchId}, which was never claimed`);
      this.#history.add(launchId);
      if (entry?.by === "guardian") continue;
      const alive = this.#livingOf(launchId);
      demand(alive.length === 0, `the claim of ${launchId} was ended while ${namesOf(alive)} lives`);
    }
  }

  #seeClaim(): void {
    const file = this.#layout.claim(TICKET);
    const now = readJson(file);
    const before = this.#claim;
    this.#claim = now;
    if (now?.launchId === before?.launchId) return;
    if (before) {
      this.#gone.add(before.launchId);
      const goesOn = now?.restoredFrom?.includes(before.launchId) ?? false;
      demand(
        goesOn || this.#history.has(before.launchId),
        `the claim of ${before.launchId} is gone, and history has nothing of it`,
      );
    }
    if (now === undefined) return;
    const { launchId, restoredFrom } = now;
    demand(
      !this.#gone.has(launchId) && !this.#history.has(launchId),
      `the claim of ${launchId} was ended and came back`,
    );
    demand(
      !this.#without.has(launchId),
      `the launch ${launchId} has ended without a claim, and now there is one`,
    );
    demand(
      restoredFrom !== undefined || this.#isAccepted(launchId),
      `there is a claim of ${launchId}, whose run has no receipt`,
    );
    this.#claims.set(launchId, this.#world.steps);
  }

  #recordOf(launchId: string): OnDisk | undefined {
    const pods = this.#layout.podsOf(TICKET);
    const records = namesIn(pods).map((name) => readJson(join(pods, name, "pod.json")));
    return records.find((record) => record?.launchId === launchId);
  }

  #isAccepted(launchId: string): boolean {
    return this.#recordOf(launchId)?.acceptance !== undefined;
  }

  #isProvenGone({ kind, mark = "" }: Process): boolean {
    return kind === "guardian" && this.#recordOf(mark)?.state === "ended";
  }

  // ── The processes ──

  #livingOf(launchId: string): Process[] {
    return this.#world.processes.filter(
      (one) => one.alive && (one.mark === launchId || one.launchId === launchId),
    );
  }

  #seeProcesses(): void {
    const { processes, facts } = this.#world;
    const agents = processes.filter(({ kind, alive, runs }) => kind === "agent" && alive && runs);
    demand(agents.length <= 1, `${agents.length} agents run at once: ${namesOf(agents)}`);
    for (const [launchId, times] of facts.prompts) {
      demand(times <= 1, `the prompt of ${launchId} was given to its agent ${times} times`);
    }
    for (const guardian of processes) {
      if (guardian.kind !== "guardian" || guardian.alive || this.#guardiansSeen.has(guardian)) continue;
      this.#guardiansSeen.add(guardian);
      const launchId = guardian.mark ?? "";
      if (facts.asked.has(launchId) || facts.killed.has(launchId) || this.#claims.has(launchId)) continue;
      demand(
        !this.#isAccepted(launchId),
        `${guardian.name} has accepted its run, has no claim, and has ended by itself`,
      );
    }
  }

  // ── What was told ──

  #seeTold({ process, act, status, launchId, claimed, ended, said }: Told): void {
    const who = `${process.name} (${act})`;
    const itsOwn = launchId === undefined ? [] : this.#livingOf(launchId);
    switch (status) {
      case "claimed":
        this.#seeToldClaimed(who, claimed ?? "");
        break;
      case "failed":
      case "timedOut":
      case "cancelled":
      case "blocked":
        demand(itsOwn.length === 0, `${who} has ended as ${status} (${said}), and ${namesOf(itsOwn)} lives`);
        if (launchId === undefined) break;
        demand(
          !this.#claims.has(launchId),
          `${who} has ended as ${status} (${said}), and there is its claim`,
        );
        this.#without.add(launchId);
        break;
      case "unresolved":
        this.unresolved = true;
        break;
      case "ended":
        if (ended === undefined) break;
        demand(
          this.#history.has(ended),
          `${who} was told that ${ended} has ended, and history has nothing of it`,
        );
        demand(this.standing === undefined, `${who} was told that the claim has ended, and one stands`);
        break;
      case "stopped":
      case "absent":
        if (act === "stop") {
          const pods = this.#world.processes.filter((one) => one.alive && one.kind !== "command");
          // A guardian that has written down the proof needs a moment to exit.
          const alive = status === "stopped" ? pods : pods.filter((one) => !this.#isProvenGone(one));
          demand(alive.length === 0, `${who} was told "${status}", and ${namesOf(alive)} lives`);
        } else
          demand(
            this.standing === undefined || act === "reclaim",
            `${who} was told "absent", and a claim stands`,
          );
        break;
      case "threw":
        // An error with a code is an answer; this one has none.
        demand(false, `${who} threw: ${said}`);
    }
  }

  #seeToldClaimed(who: string, launchId: string): void {
    demand(!this.#toldClaimed.has(launchId), `two callers were told that ${launchId} is claimed`);
    this.#toldClaimed.add(launchId);
    const linked = this.#claims.get(launchId);
    if (linked === undefined)
      throw new Broken(`${who} was told "claimed", and there is no claim of ${launchId}`);
    const stands = this.#claim?.launchId === launchId || this.#history.has(launchId);
    demand(stands, `${who} was told "claimed", and the claim of ${launchId} is gone without a trace`);
    const synced = this.#world.facts.directoriesSynced.get("claims") ?? 0;
    demand(
      synced > linked,
      `${who} was told "claimed" BEFORE the directory of the claim of ${launchId} was synced`,
    );
  }

  // ── The end ──

  /** Nothing moves any more. */
  atEnd(told: readonly Told[]): void {
    const { processes, parked } = this.#world;
    const unended = processes.filter(
      (one) => one.kind === "command" && one.alive && !told.some(({ process }) => process === one),
    );
    demand(
      unended.length === 0,
      `${namesOf(unended)} never ends; it waits for: ${parked.map(({ process, what }) => `${process.name}: ${what}`).join(", ")}`,
    );
    demand(
      probeLockFile(this.#layout.launchLock(TICKET)) === "free",
      "all is over, and the launch lock is held",
    );
    for (const guardian of processes.filter(({ kind, alive }) => kind === "guardian" && alive)) {
      const launchId = guardian.mark ?? "";
      const isClaimed = this.standing?.launchId === launchId;
      const isAdoptable = this.#isAccepted(launchId) && !this.#history.has(launchId);
      demand(
        isClaimed || isAdoptable || this.unresolved,
        `${guardian.name} lives on, neither claimed nor adoptable`,
      );
      const isDone = this.#scenario.manners?.ends && this.#scenario.whenDone === "release";
      demand(
        !isClaimed || !isDone || this.unresolved,
        `the run of ${guardian.name} has ended, and its claim was not released`,
      );
    }
  }

  /** A launch that comes after all is claimed, or blocked by something that is true. */
  afterwards({ status, by, said, claimed }: Told): void {
    const { processes } = this.#world;
    const alive = processes.filter((one) => one.alive && one.kind !== "command");
    const agents = alive.filter(({ kind, runs }) => kind === "agent" && runs);
    const how = `a launch afterwards has ended as ${status}${by === undefined ? "" : ` by ${by}`} (${said})`;
    if (status === "claimed") {
      const isDone = this.#history.has(claimed ?? "");
      demand(isDone || this.standing?.launchId === claimed, `${how}, and the claim is not there`);
      demand(isDone || agents.length === 1, `${how}, and ${agents.length} agents run`);
      return;
    }
    if (this.#scenario.manners?.refuses && status === "failed") return;
    demand(status === "blocked", how);
    switch (by) {
      case "live":
      case "lingering":
        demand(alive.length > 0, `${how}, and nothing lives`);
        break;
      case "stale":
      case "restorable":
        demand(this.standing !== undefined && alive.length === 0, `${how}, which is not so`);
        break;
      case undefined:
      default:
        demand(this.unresolved, how);
    }
  }
}

function namesOf(processes: readonly Process[]): string {
  return processes.map(({ name }) => name).join(", ");
}
