/** Looks at a race from outside: directory listings and the process table, and nothing of the code that races. */
import { join } from "node:path";
import { namesIn, textIfThere } from "../../fixtures/files.js";
import { environmentOf, isRunning, processAt, type RunningProcess } from "../../fixtures/processes.js";
import { claimFile, historyOf } from "../../paths/observe.js";
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

  /** @returns the processes of each launch of these tickets */
  look(): ReadonlyMap<string, readonly RunningProcess[]> {
    const from = now();
    const records = this.#tickets.map((ticket) => this.#recordsOf(ticket));
    const marked = markedProcesses();
    const tickets = records.map((seen): TicketSample => {
      const own = this.#podsOf(seen.ticket);
      return { ...seen, living: own.filter((launchId) => marked.has(launchId)) };
    });
    this.samples.push({ from, until: now(), tickets });
    const ours = new Set(tickets.flatMap(({ living }) => living));
    return new Map([...marked].filter(([launchId]) => ours.has(launchId)));
  }

  get launchIdOfPod(): ReadonlyMap<string, string> {
    for (const ticket of this.#tickets) this.#podsOf(ticket);
    return this.#launchIds;
  }

  /** Every history entry there is. */
  ended(): History["ended"] {
    return this.#tickets.flatMap((ticket) =>
      historyOf(this.#registry, ticket).flatMap((launchId) => {
        const entry = recordAt(join(this.#registry, "history", ticket, `${launchId}.json`));
        return entry ? [{ ticket, ...theClaim(entry["claim"] as TheClaim) }] : [];
      }),
    );
  }

  #recordsOf(ticket: string): Omit<TicketSample, "living"> {
    const record = recordAt(claimFile(this.#registry, ticket));
    const claim = record && theClaim(record as unknown as TheClaim);
    return { ticket, history: historyOf(this.#registry, ticket), ...(claim && { claim }) };
  }

  /** The launch ids of the ticket's Pod records; each is written before anything of it is started. */
  #podsOf(ticket: string): string[] {
    const directory = join(this.#registry, "pods", ticket);
    return namesIn(directory).flatMap((pod) => {
      const known = this.#launchIds.get(pod) ?? recordAt(join(directory, pod, "pod.json"))?.["launchId"];
      if (typeof known !== "string") return [];
      this.#launchIds.set(pod, known);
      return known;
    });
  }
}

/**
 * All that carries a launch's mark, and ran at one instant: what had ended when the last was found is left out, so that a Pod which
 * followed another is not taken for one beside it.
 */
function markedProcesses(): Map<string, RunningProcess[]> {
  const found = namesIn("/proc").flatMap((name) => {
    const pid = Number(name);
    const launchId = Number.isNaN(pid) ? undefined : launchIdIn(pid);
    const process = launchId === undefined ? undefined : processAt(pid);
    return launchId !== undefined && process ? [{ launchId, process }] : [];
  });
  const marked = new Map<string, RunningProcess[]>();
  for (const { launchId, process } of found) {
    // One that is ending gives up its memory first, and what it holds a moment later.
    if (!isRunning(process.pid, process.startTime) || launchIdIn(process.pid) !== launchId) continue;
    marked.set(launchId, [...(marked.get(launchId) ?? []), process]);
  }
  return marked;
}

function launchIdIn(pid: number): string | undefined {
  return environmentOf(pid)
    .find((variable) => variable.startsWith(MARKER))
    ?.slice(MARKER.length);
}

function recordAt(file: string): Record<string, unknown> | undefined {
  const text = textIfThere(file);
  return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>);
}
