/** Looks at a race from outside: directory listings and the process table, and nothing of the code that races. */
import fs from "node:fs";
import { join } from "node:path";
import { environmentOf, isRunning, runningProcesses, type RunningProcess } from "../../fixtures/processes.js";
import { now, theClaim, type History, type Sample, type TheClaim, type TicketSample } from "./history.js";

const MARKER = "LAUNCH_CLAIM_LAUNCH_ID=";

export class Observer {
  readonly samples: Sample[] = [];
  readonly #registry: string;
  readonly #tickets: readonly string[];
  /** What never changes is read once. */
  readonly #launchIds = new Map<string, string>();

  constructor(registry: string, tickets: readonly string[]) {
    this.#registry = registry;
    this.#tickets = tickets;
  }

  look(): Sample {
    const from = now();
    const records = this.#tickets.map((ticket) => this.#recordsOf(ticket));
    const processes = this.processes();
    const tickets = records.map((seen): TicketSample => {
      const own = new Set(this.#podsOf(seen.ticket));
      return { ...seen, living: [...processes.keys()].filter((launchId) => own.has(launchId)) };
    });
    const sample = { from, until: now(), tickets };
    this.samples.push(sample);
    return sample;
  }

  /**
   * The processes of each launch of these tickets. All of them ran at one instant: those that had ended when the last was found are
   * left out, so that a Pod which followed another is not taken for one beside it.
   */
  processes(): Map<string, RunningProcess[]> {
    const marked = runningProcesses().flatMap((found) => {
      const entry = environmentOf(found.pid).find((variable) => variable.startsWith(MARKER));
      return entry === undefined ? [] : [{ launchId: entry.slice(MARKER.length), found }];
    });
    const ours = new Set(this.#tickets.flatMap((ticket) => this.#podsOf(ticket)));
    const processes = new Map<string, RunningProcess[]>();
    for (const { launchId, found } of marked) {
      if (!ours.has(launchId) || !hasMemory(found)) continue;
      processes.set(launchId, [...(processes.get(launchId) ?? []), found]);
    }
    return processes;
  }

  get launchIdOfPod(): ReadonlyMap<string, string> {
    for (const ticket of this.#tickets) this.#podsOf(ticket);
    return this.#launchIds;
  }

  /** Every history entry there is. */
  ended(): History["ended"] {
    return this.#tickets.flatMap((ticket) =>
      this.#historyOf(ticket).flatMap((launchId) => {
        const entry = recordAt(join(this.#registry, "history", ticket, `${launchId}.json`));
        return entry ? [{ ticket, ...theClaim(entry["claim"] as TheClaim) }] : [];
      }),
    );
  }

  #recordsOf(ticket: string): Omit<TicketSample, "living"> {
    const record = recordAt(join(this.#registry, "claims", `${ticket}.json`));
    const claim = record && theClaim(record as unknown as TheClaim);
    return { ticket, history: this.#historyOf(ticket), ...(claim && { claim }) };
  }

  #historyOf(ticket: string): string[] {
    return listed(join(this.#registry, "history", ticket))
      .filter((name) => name.endsWith(".json") && !name.startsWith("."))
      .map((name) => name.slice(0, -".json".length));
  }

  /** The launch ids of the ticket's Pod records; each is written before anything of it is started. */
  #podsOf(ticket: string): string[] {
    const directory = join(this.#registry, "pods", ticket);
    return listed(directory).flatMap((pod) => {
      const known = this.#launchIds.get(pod) ?? recordAt(join(directory, pod, "pod.json"))?.["launchId"];
      if (typeof known !== "string") return [];
      this.#launchIds.set(pod, known);
      return known;
    });
  }
}

/** Still the same process, and not one that is ending: that gives up its memory first, and what it holds a moment later. */
function hasMemory({ pid, startTime }: RunningProcess): boolean {
  return isRunning(pid, startTime) && environmentOf(pid).length > 1;
}

function recordAt(file: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8")) as Record<string, unknown>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function listed(directory: string): string[] {
  try {
    return fs.readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
