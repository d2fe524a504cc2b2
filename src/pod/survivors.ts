import type { ProcessIdentity } from "../../machines/launch.types.js";
import { errnoOf } from "../errors.js";
import type { PodProcess } from "../ports.js";
import { lifeOf, ownIdentity } from "../processes.js";
import { readProcessTable, type ProcessTable, type TableEntry } from "./process-table.js";

export interface SurvivorQuery {
  readonly launchId: string;
  /** The processes of the Pod as far as they are known. */
  readonly processes: readonly PodProcess[];
  /** Nothing of the launch is older: makes the search cheaper. */
  readonly since?: ProcessIdentity;
  /** Never among the survivors, as this process is not: the guardian, where it lives. What descends from them may be. */
  readonly except?: readonly number[];
}

/** A living process of the launch. `as` is known of recorded ones. */
export interface Survivor extends PodProcess {
  readonly group: number;
  /** It leads its process group, and everybody in the group is a survivor. */
  readonly leadsGroup: boolean;
}

/**
 * Every living process of the launch: the recorded ones, the agent's group, what descends from any of them, and what carries the
 * launch's mark. Never what carries another launch's mark, nor what descends from that: a nested Pod is not part of this one.
 *
 * A process that leaves its group, outlives its parent *and* scrubs its environment is not found, unless a reaper lives.
 */
export function findSurvivors(query: SurvivorQuery): Survivor[] {
  return survivorsIn(readProcessTable(query.since?.startTime), query, process.pid);
}

/** The judgement, without the look: `self` is who asks. */
export function survivorsIn(table: ProcessTable, query: SurvivorQuery, self: number): Survivor[] {
  const { launchId, processes, except = [] } = query;
  const { bootId, pidNamespace } = ownIdentity();
  const known = processes.filter(
    (recorded) => recorded.bootId === bootId && recorded.pidNamespace === pidNamespace,
  );
  const roles = new Map(known.map((recorded) => [recorded.pid, recorded] as const));
  const isRecorded = (entry: TableEntry) => roles.get(entry.pid)?.startTime === entry.startTime;
  const spared = new Set([self, ...except]);

  const search = new Search(table, launchId, spared);
  search.add([...table.values()].filter((entry) => isRecorded(entry) || entry.launchId === launchId));
  for (const recorded of known) if (recorded.as === "agent") search.addGroupOf(recorded);

  const found = search.found.filter(({ zombie }) => !zombie);
  const pids = new Set(found.map(({ pid }) => pid));
  const sharedGroups = new Set(
    [...table.values()].filter(({ pid, zombie }) => !zombie && !pids.has(pid)).map(({ group }) => group),
  );
  return found.map((entry) => {
    const as = isRecorded(entry) ? roles.get(entry.pid)?.as : undefined;
    return {
      pid: entry.pid,
      startTime: entry.startTime,
      bootId,
      pidNamespace,
      ...(as && { as }),
      group: entry.group,
      leadsGroup: entry.group === entry.pid && !sharedGroups.has(entry.group),
    };
  });
}

class Search {
  readonly #table: ProcessTable;
  readonly #launchId: string;
  readonly #spared: ReadonlySet<number>;
  readonly #children: ReadonlyMap<number, readonly TableEntry[]>;
  readonly #found = new Map<number, TableEntry>();

  constructor(table: ProcessTable, launchId: string, spared: ReadonlySet<number>) {
    this.#table = table;
    this.#launchId = launchId;
    this.#spared = spared;
    const children = new Map<number, TableEntry[]>();
    for (const entry of table.values()) {
      const siblings = children.get(entry.parent);
      if (siblings) siblings.push(entry);
      else children.set(entry.parent, [entry]);
    }
    this.#children = children;
  }

  get found(): TableEntry[] {
    return [...this.#found.values()];
  }

  /** These, and all that descends from them. */
  add(entries: readonly TableEntry[]): void {
    const open = [...entries];
    for (let entry = open.pop(); entry; entry = open.pop()) {
      if (this.#spared.has(entry.pid) || this.#found.has(entry.pid) || this.#isNested(entry)) continue;
      this.#found.set(entry.pid, entry);
      open.push(...(this.#children.get(entry.pid) ?? []));
    }
  }

  /**
   * The agent's process group. No pid is given away while a group has its number: so as long as the leader is there, be it as a
   * zombie, or one member is known otherwise, the group is ours. If another has the leader's pid, it is not.
   */
  addGroupOf(leader: ProcessIdentity): void {
    const members = [...this.#table.values()].filter(({ group }) => group === leader.pid);
    const now = this.#table.get(leader.pid);
    if (now && now.startTime !== leader.startTime) return;
    if (!now && !members.some(({ pid }) => this.#found.has(pid))) return;
    this.add(members);
  }

  #isNested({ launchId }: TableEntry): boolean {
    return launchId !== undefined && launchId !== this.#launchId;
  }
}

/**
 * Signals each once: the whole group where one of them leads it, which cannot fork away between two signals, then the others. Each
 * is compared by its start time just before. What cannot be signalled is passed over, and found again by the next search.
 */
export function killSurvivors(survivors: readonly Survivor[], signal: NodeJS.Signals): void {
  const groups = new Set<number>();
  for (const leader of survivors) {
    if (!leader.leadsGroup || lifeOf(leader) !== "alive") continue;
    send(-leader.pid, signal);
    groups.add(leader.pid);
  }
  for (const survivor of survivors) if (!groups.has(survivor.group)) signalProcess(survivor, signal);
}

/** Signals the process if it is still the recorded one. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (lifeOf(identity) === "alive") send(identity.pid, signal);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // ESRCH: it has ended. EPERM: it has become another user's, and stays among the survivors.
    if (errnoOf(error) !== "ESRCH" && errnoOf(error) !== "EPERM") throw error;
  }
}
