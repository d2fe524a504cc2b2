import { setTimeout as delay } from "node:timers/promises";
import type { PodProcess } from "../ports.js";
import { lifeOf } from "../processes.js";
import type { AgentProcess } from "./agent-process.js";
import type { Proof } from "./reaper.js";
import { findSurvivors, killSurvivors, signalProcess, type Survivor } from "./survivors.js";

export type EndResult =
  /** Nothing of the launch runs any more, and by what that was proven. */
  | { readonly kind: "gone"; readonly proof: Proof }
  /** These still run. Empty if something does, but cannot be named. */
  | { readonly kind: "left"; readonly pids: readonly number[] };

export interface EndAgentOptions {
  /** For all of it, in milliseconds. 0: kill at once, and look once. */
  readonly withinMs: number;
  /** The polite part: resolves when the agent has answered. Not waited for beyond the abort of the signal. */
  readonly farewell: (signal: AbortSignal) => Promise<void>;
  readonly launchId: string;
  /**
   * How long the agent needs after the end of its stdin, in milliseconds. It has at least its share of the whole, and the later steps
   * keep at least two fifths. Default 0.
   */
  readonly stdinEndMs?: number;
  /** Its abort goes to SIGKILL at once. */
  readonly hurry?: AbortSignal;
  readonly log: (line: string) => void;
}

/** When each step but the last is over at the latest, as a share of the whole time: they have 10, 30, 20 and 40 % of it. */
const UNTIL = { farewell: 0.1, stdinEnd: 0.4, sigterm: 0.6, sigkill: 1 } as const;

const FIRST_PAUSE_MS = 4;
const LONGEST_PAUSE_MS = 32;
/** Between the two looks of a scan: who forked just before the first is there for the second. */
const SECOND_LOOK_MS = 5;

/**
 * Ends the agent and all that it started, and proves it: the farewell, the end of its stdin, SIGTERM, SIGKILL, each ended early when
 * nothing is left. For the guardian that started it. Never rejects.
 */
export async function endAgent(agent: AgentProcess, options: EndAgentOptions): Promise<EndResult> {
  const { withinMs, log, hurry } = options;
  const start = performance.now();
  const until = (share: number) => start + withinMs * share;
  const watch = new Watch(agent, options.launchId);

  await bidFarewell(options, watch, until(UNTIL.farewell));
  agent.stdin.end();
  const needed = performance.now() + (options.stdinEndMs ?? 0);
  const stdinEnd = Math.min(Math.max(needed, until(UNTIL.stdinEnd)), until(UNTIL.sigterm));
  if (await watch.isOverBy(stdinEnd, hurry)) return watch.proof();

  if (!hurry?.aborted) {
    const survivors = watch.survivors();
    log(`SIGTERM to ${namesOf(survivors)}`);
    killSurvivors(survivors, "SIGTERM");
    const sigterm = stdinEnd + until(UNTIL.sigterm) - until(UNTIL.stdinEnd);
    if (await watch.isOverBy(sigterm, hurry)) return watch.proof();
  }

  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const survivors = watch.survivors();
    if (pauseMs === FIRST_PAUSE_MS) log(`SIGKILL to ${namesOf(survivors)}`);
    if (watch.reaper) bidEndAll(watch.reaper);
    killSurvivors(survivors, "SIGKILL");
    const isLast = performance.now() >= until(UNTIL.sigkill);
    if (await watch.isOverBy(performance.now() + pauseMs)) return watch.proof();
    const pids = watch.whatIsLeft();
    if (isLast && pids.length > 0) return { kind: "left", pids };
  }
}

/** To the reaper: end all of it now. One that was stopped must be continued first, or it would never hear. */
export function bidEndAll(reaper: PodProcess): void {
  signalProcess(reaper, "SIGCONT");
  signalProcess(reaper, "SIGTERM");
}

/** A farewell that was abandoned at its deadline may settle whenever it likes. */
async function bidFarewell(options: EndAgentOptions, watch: Watch, deadline: number): Promise<void> {
  if (options.hurry?.aborted || watch.hasEnded) return;
  const over = new AbortController();
  const said = options.farewell(over.signal).catch(() => undefined);
  await within(deadline, [said, watch.gone], options.hurry);
  over.abort();
}

/** Looks whether anything of the agent is left. */
class Watch {
  readonly gone: Promise<void>;
  readonly reaper: PodProcess | undefined;
  /** The agent's own process has ended; at kernel level, the reaper. */
  hasEnded = false;
  readonly #agent: AgentProcess;
  readonly #launchId: string;

  constructor(agent: AgentProcess, launchId: string) {
    this.#agent = agent;
    this.#launchId = launchId;
    this.reaper = agent.processes.find(({ as }) => as === "reaper");
    this.gone = agent.gone.then(() => {
      this.hasEnded = true;
    });
  }

  /** Without the reaper, which ends last, and by itself. */
  survivors(): Survivor[] {
    const { processes } = this.#agent;
    // The first is the oldest: the reaper, or the agent where there is none.
    const [since] = processes;
    const found = findSurvivors({ launchId: this.#launchId, processes, ...(since && { since }) });
    return found.filter(({ pid }) => pid !== this.reaper?.pid);
  }

  /** Waits until nothing is left: true; or until the deadline, or for the signal. Looks at least once. */
  async isOverBy(deadline: number, signal?: AbortSignal): Promise<boolean> {
    await within(deadline, [this.gone], signal);
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      if (this.hasEnded && (await this.#isNothingFound())) return true;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0 || signal?.aborted) return false;
      await within(performance.now() + Math.min(pauseMs, leftMs), [], signal);
    }
  }

  proof(): EndResult {
    return { kind: "gone", proof: this.#agent.isProvenGone() ? "kernel" : "scan" };
  }

  whatIsLeft(): number[] {
    const pids = this.survivors().map(({ pid }) => pid);
    if (pids.length > 0 || !this.reaper || lifeOf(this.reaper) !== "alive") return pids;
    return [this.reaper.pid];
  }

  /** The kernel's word is about what descends from the agent; the mark is looked for all the same. */
  async #isNothingFound(): Promise<boolean> {
    if (this.survivors().length > 0) return false;
    if (this.#agent.isProvenGone()) return true;
    await delay(SECOND_LOOK_MS);
    return this.survivors().length === 0;
  }
}

/** Waits for the first of these, the deadline, or the signal; leaves no timer and no listener. */
async function within(
  deadline: number,
  events: readonly Promise<unknown>[],
  signal?: AbortSignal,
): Promise<void> {
  const settled = new AbortController();
  const stop = signal ? AbortSignal.any([signal, settled.signal]) : settled.signal;
  const timer = delay(Math.max(0, deadline - performance.now()), undefined, { signal: stop });
  await Promise.race([...events, timer.catch(() => undefined)]);
  settled.abort();
}

function namesOf(survivors: readonly Survivor[]): string {
  if (survivors.length === 0) return "nobody that a scan finds";
  return survivors.map(({ pid, as }) => (as ? `${as} ${pid}` : String(pid))).join(", ");
}
