/** What launches cost a process that has many of them in flight: descriptors and memory, each held where it waits longest. */
import fs from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { createLauncher } from "../src/launcher.js";
import type { Launch } from "../src/launch/launch.js";
import type { LaunchInfo, PodRuntime, StartContext } from "../src/ports.js";
import type { AgentRecipe, RunResult } from "../machines/launch.types.js";
import { built, guardianPath } from "./built.js";
import { spreadOf, type BenchOptions } from "./measure.js";
import { ObjectPods, type ObjectPod } from "./object-pods.js";
import { newTicket, workspaceIn } from "./records.js";
import { atMost, type Row } from "./rows.js";
import { removeScratch, scratchDirectory } from "./scratch.js";

const STATE = "awaitingRunAck";
/** Started or cancelled at a time: more at once would wait for each other until they time out. */
const WAVE = 25;
/** The same number under the guardian would be three processes each. */
const GUARDIANS = 4;
const WARM_UP = 20;
const MOST_COLLECTIONS = 20;

export async function benchInFlight({ quick }: BenchOptions): Promise<Row[]> {
  const directory = scratchDirectory();
  try {
    const { root, home } = workspaceIn(directory, "inflight");
    const silent = createLauncher({ workspace: root, home, runtime: new SilentPods() });
    const launch = () =>
      silent.launch({ ticket: newTicket(), prompt: "Clarify the ticket.", timeouts: LONG });
    const count = quick ? 100 : 1_000;
    const ours = await held({ count, launch, warmUp: WARM_UP, rounds: quick ? 2 : 3 });

    const guarded = createLauncher({ workspace: root, home, guardianPath });
    const guard = () => guarded.launch({ ticket: newTicket(), prompt: "Clarify the ticket.", recipe: MUTE });
    const real = await held({ count: GUARDIANS, launch: guard, warmUp: 1, rounds: 1 });
    return rowsOf(ours, real, count);
  } finally {
    removeScratch(directory);
  }
}

function rowsOf(ours: readonly Taken[], real: readonly Taken[], count: number): Row[] {
  const total = count.toLocaleString("en");
  const where = `held in ${STATE} in one process`;
  const kilobytes = (taken: readonly Taken[], of: "heap" | "resident") =>
    spreadOf(taken.map((one) => one[of] / 1000));
  const descriptors = (taken: readonly Taken[]) => spreadOf(taken.map((one) => one.descriptors));
  return [
    {
      what: `heap of a launch, ${total} in flight`,
      measured: kilobytes(ours, "heap"),
      unit: "KB",
      ...atMost(35),
      detail: `${where}; no sockets: their Pods are objects that never answer; after a collection`,
    },
    {
      what: "resident memory of the same",
      measured: kilobytes(ours.slice(0, 1), "resident"),
      unit: "KB",
      detail: "what the process got from the system for the first round, and keeps for the next",
    },
    {
      what: "descriptors of the same",
      measured: descriptors(ours),
      unit: "count",
      detail: "the launch lock",
    },
    {
      what: "descriptors of a launch in flight under its guardian",
      measured: descriptors(real),
      unit: "count",
      detail: `${GUARDIANS} ${where}; their agents never answer the prompt`,
    },
  ];
}

/** None of them ends of itself while it is measured. */
const LONG = { admitMs: 60_000, runAckMs: 600_000 };

const MUTE: AgentRecipe = {
  driver: "acp",
  command: [process.execPath, built("src/testing/scripted-agent.js"), '{"prompt":[{"stall":true}]}'],
  evidence: { level: "progress", settleMs: 0, requireMessageId: false, endTurnNeedsProgress: false },
};

/** Pods that take every run and never say so. */
class SilentPods extends ObjectPods implements PodRuntime<ObjectPod> {
  /** Takes the Pod lock as every runtime must, and does not keep it: a real Pod has it in its own process. */
  override async start(
    { podName, launchId }: LaunchInfo,
    context: StartContext<ObjectPod>,
  ): Promise<ObjectPod> {
    await context.lockPod();
    const pod = { name: podName, launchId, locator: { pod: podName } };
    context.own(pod);
    return pod;
  }

  override async requestRun(): Promise<RunResult> {
    return await new Promise<RunResult>(() => undefined);
  }
}

interface Holding {
  readonly count: number;
  readonly launch: () => Launch;
  /** Launches before, at nobody's expense: they compile code and fill caches. */
  readonly warmUp: number;
  readonly rounds: number;
}

/** What one launch in flight takes, in bytes where it is memory. */
interface Taken {
  readonly descriptors: number;
  readonly heap: number;
  readonly resident: number;
}

/** What one of so many launches takes while they are held, measured in each round. */
async function held({ count, launch, warmUp, rounds }: Holding): Promise<Taken[]> {
  await cancelled(await hold(warmUp, launch));
  const taken: Taken[] = [];
  // A round is a call: what one has held is forgotten before the next begins.
  for (let round = 0; round < rounds; round += 1) taken.push(await heldOnce(count, launch));
  return taken;
}

async function heldOnce(count: number, launch: () => Launch): Promise<Taken> {
  const before = await takenNow();
  const launches = await hold(count, launch);
  const after = await takenNow();
  const each = (of: keyof Taken) => (after[of] - before[of]) / count;
  await cancelled(launches);
  return { descriptors: each("descriptors"), heap: each("heap"), resident: each("resident") };
}

/** Starts so many launches and returns when each of them waits for its acceptance. */
async function hold(count: number, launch: () => Launch): Promise<Launch[]> {
  const launches: Launch[] = [];
  while (launches.length < count) {
    const wave = Array.from({ length: Math.min(WAVE, count - launches.length) }, launch);
    await Promise.all(wave.map(untilHeld));
    launches.push(...wave);
  }
  return launches;
}

async function untilHeld(launch: Launch): Promise<void> {
  for await (const { state } of launch) if (state === STATE) return;
  throw new Error(`a launch that should be held has ended: ${JSON.stringify(await launch.outcome)}`);
}

async function cancelled(launches: readonly Launch[]): Promise<void> {
  for (let first = 0; first < launches.length; first += WAVE) {
    const wave = launches.slice(first, first + WAVE);
    for (const launch of wave) launch.cancel("measured");
    for (const { status } of await Promise.all(wave.map(({ outcome }) => outcome))) {
      if (status !== "cancelled") throw new Error(`a launch that was cancelled is ${status}`);
    }
  }
}

/** What launches that were cancelled still held goes bit by bit: it is waited until a collection finds no more. */
async function takenNow(): Promise<Taken> {
  let taken = taking();
  for (let round = 0; round < MOST_COLLECTIONS; round += 1) {
    globalThis.gc?.();
    await delay(50);
    const before = taken;
    taken = taking();
    if (round > 0 && taken.heap > before.heap * 0.999) break;
  }
  return taken;
}

function taking(): Taken {
  const { heapUsed, external, rss } = process.memoryUsage();
  return { descriptors: fs.readdirSync("/proc/self/fd").length, heap: heapUsed + external, resident: rss };
}
