/** What launches cost a process that has many of them in flight: descriptors and memory, each held where it waits longest. */
import fs from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { createLauncher } from "../src/launcher.js";
import type { Launch } from "../src/launch/launch.js";
import type { LaunchInfo, PodRuntime, StartContext } from "../src/ports.js";
import type { AgentRecipe, RunResult } from "../machines/launch.types.js";
import { built, guardianPath } from "./built.js";
import type { BenchOptions, Row } from "./measure.js";
import { ObjectPods, type ObjectPod } from "./object-pods.js";
import { newTicket, workspaceIn } from "./records.js";
import { removeScratch, scratchDirectory } from "./scratch.js";

const STATE = "awaitingRunAck";
/** The same number under the guardian would be three processes each. */
const GUARDIANS = 4;
const WARM_UP = 20;

export async function benchInFlight({ quick }: BenchOptions): Promise<Row[]> {
  const directory = scratchDirectory();
  try {
    const { root, home } = workspaceIn(directory, "inflight");
    const silent = createLauncher({ workspace: root, home, runtime: new SilentPods() });
    const launch = () => silent.launch({ ticket: newTicket(), prompt: "Clarify the ticket." });
    // Code is compiled and caches are filled by the first ones, at nobody's expense.
    await release(await hold(WARM_UP, launch));
    const count = quick ? 50 : 200;
    const ours = await measured(() => hold(count, launch));
    await release(ours.held);

    const guarded = createLauncher({ workspace: root, home, guardianPath });
    const guard = () => guarded.launch({ ticket: newTicket(), prompt: "Clarify the ticket.", recipe: MUTE });
    await release(await hold(1, guard));
    const real = await measured(() => hold(GUARDIANS, guard));
    await release(real.held);
    const where = `held in ${STATE}`;
    return [
      row("in flight: descriptors a launch", perLaunch(ours, "descriptors").toFixed(1), {
        detail: `${count} ${where} in one process; their Pods are objects that never answer`,
      }),
      row("in flight: JavaScript heap a launch", `${kibibytes(ours, "heap")} KiB`, {
        detail: "the same launches, after a collection",
      }),
      row("in flight: resident memory a launch", `${kibibytes(ours, "resident")} KiB`, {
        detail: "the same launches; what the process got from the system and kept",
      }),
      row("in flight: descriptors a launch under its guardian", perLaunch(real, "descriptors").toFixed(1), {
        detail: `${GUARDIANS} ${where}; real guardians whose agents never answer the prompt`,
      }),
    ];
  } finally {
    removeScratch(directory);
  }
}

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

/** Starts so many launches at once and returns when each of them waits for its acceptance. */
async function hold(count: number, launch: () => Launch): Promise<Launch[]> {
  const held = Array.from({ length: count }, launch);
  await Promise.all(
    held.map(async (one) => {
      for await (const { state } of one) if (state === STATE) return;
      throw new Error(`a launch that should be held has ended: ${JSON.stringify(await one.outcome)}`);
    }),
  );
  return held;
}

async function release(held: readonly Launch[]): Promise<void> {
  for (const launch of held) launch.cancel("measured");
  for (const { status } of await Promise.all(held.map(({ outcome }) => outcome))) {
    if (status !== "cancelled") throw new Error(`a launch that was cancelled is ${status}`);
  }
}

interface Measured {
  readonly held: readonly Launch[];
  readonly descriptors: number;
  /** In bytes. */
  readonly heap: number;
  readonly resident: number;
}

async function measured(start: () => Promise<Launch[]>): Promise<Measured> {
  const before = await taken();
  const held = await start();
  const after = await taken();
  return {
    held,
    descriptors: after.descriptors - before.descriptors,
    heap: after.heap - before.heap,
    resident: after.resident - before.resident,
  };
}

async function taken(): Promise<Omit<Measured, "held">> {
  // Twice, with a turn between them: what was finalised in the first is freed by the second.
  for (let round = 0; round < 2; round += 1) {
    globalThis.gc?.();
    await delay(50);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { descriptors: fs.readdirSync("/proc/self/fd").length, heap: heapUsed + external, resident: rss };
}

function perLaunch(measured: Measured, what: Exclude<keyof Measured, "held">): number {
  return measured[what] / measured.held.length;
}

function kibibytes(measured: Measured, what: "heap" | "resident"): string {
  return (perLaunch(measured, what) / 1024).toFixed(1);
}

function row(what: string, shown: string, { detail }: Pick<Row, "detail">): Row {
  return { what, measured: shown, detail };
}
