/** What the guardian and the command line cost: a launch, an idle guardian's memory, and the start of the commands that are used most. */
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { AgentRecipe, TicketRef } from "../machines/launch.types.js";
import { DEFAULT_TIMEOUTS } from "../src/config/defaults.js";
import { createLauncher, type Launcher } from "../src/launcher.js";
import { GuardianRuntime } from "../src/pod/guardian-runtime.js";
import { ownIdentity } from "../src/processes.js";
import { FileRegistry } from "../src/registry/file-registry.js";
import { built, guardianPath } from "./built.js";
import { compare, spreadOf, timed, type BenchOptions, type Comparison } from "./measure.js";
import { newTicket, workspaceIn } from "./records.js";
import { atMost, ratioRow, type Row } from "./rows.js";
import { removeScratch, scratchDirectory } from "./scratch.js";

const command = built("bin/launch-claim.js");
const recipe: AgentRecipe = {
  driver: "acp",
  command: [process.execPath, built("src/testing/scripted-agent.js"), "{}"],
  evidence: { level: "progress", settleMs: 0, requireMessageId: false, endTurnNeedsProgress: false },
};
const patient = { signal: new AbortController().signal };
const IDLE_MS = 3_000;
/** Claims that stand while "status" is timed. */
const LIVE = 2;

export async function benchGuardian({ quick }: BenchOptions): Promise<Row[]> {
  const directory = scratchDirectory();
  try {
    const world = worldIn(directory);
    const launch = await benchLaunches(world, quick ? 4 : 15);
    const memory = await idleMemory(world);
    return [
      ratioRow(
        {
          what: "launch to claimed, under its guardian",
          against: "the same guardian without machine, launch lock and commit",
          limit: 1.1,
        },
        launch,
      ),
      {
        what: "private memory of a guardian with an idle agent",
        measured: spreadOf(memory),
        unit: "MB",
        ...atMost(25),
        detail: `${memory.length} guardians, ${IDLE_MS / 1000} s after they were claimed`,
      },
      ...(await benchStarts(world, quick ? 6 : 25)),
    ];
  } finally {
    removeScratch(directory);
  }
}

interface World {
  readonly root: string;
  readonly home: string;
  readonly registry: FileRegistry;
  readonly runtime: GuardianRuntime;
  readonly launcher: Launcher;
}

function worldIn(directory: string): World {
  const workspace = workspaceIn(directory, "guardian");
  const { root, home } = workspace;
  const registry = new FileRegistry({ workspace });
  const runtime = new GuardianRuntime({ registry, workspace, nodePath: process.execPath, guardianPath });
  return { root, home, registry, runtime, launcher: createLauncher({ workspace: root, home, guardianPath }) };
}

async function benchLaunches(world: World, rounds: number): Promise<Comparison> {
  return await compare(
    rounds,
    async () => {
      const ticket = newTicket();
      const ms = await timed(1, () => claim(world, ticket));
      await world.launcher.release(ticket, { stop: true });
      return ms;
    },
    async () => {
      const ticket = newTicket();
      let stop = async (): Promise<void> => undefined;
      const ms = await timed(1, async () => {
        stop = await plainLaunch(ticket, world);
      });
      await stop();
      return ms;
    },
  );
}

async function claim({ launcher }: World, ticket: TicketRef): Promise<void> {
  const outcome = await launcher.launch({ ticket, prompt: "Clarify the ticket.", recipe }).outcome;
  if (outcome.status !== "claimed") throw new Error(`the launch was ${outcome.status}`);
}

/** Does something while tickets are claimed by living Pods. */
async function withLivePods<Value>(
  world: World,
  count: number,
  act: (tickets: readonly TicketRef[]) => Promise<Value>,
): Promise<Value> {
  const tickets = Array.from({ length: count }, newTicket);
  try {
    for (const ticket of tickets) await claim(world, ticket);
    return await act(tickets);
  } finally {
    for (const ticket of tickets) await world.launcher.release(ticket, { stop: true });
  }
}

/** In megabytes. */
async function idleMemory(world: World): Promise<number[]> {
  return await withLivePods(world, 3, async (tickets) => {
    await delay(IDLE_MS);
    const records = await Promise.all(tickets.map((ticket) => world.registry.pods(ticket)));
    return records.flat().map((stored) => {
      const processes = stored.kind === "pod" ? stored.record.processes : [];
      const guardian = processes.find(({ as }) => as === "guardian");
      if (!guardian) throw new Error("a Pod's record was to name its guardian");
      return privateMegabytes(guardian.pid);
    });
  });
}

async function benchStarts(world: World, rounds: number): Promise<Row[]> {
  const { root, home } = world;
  const env = { ...process.env, LAUNCH_CLAIM_HOME: home };
  const program = (...args: string[]) => {
    const run = () => {
      const { status } = spawnSync(process.execPath, args, { cwd: root, env, stdio: "ignore" });
      if (status !== 0) throw new Error(`node ${args.join(" ")} ended with ${status}`);
    };
    return () => timed(1, run);
  };
  const against = "node -e 0";
  const empty = program("-e", "0");
  // With claims to judge: what a command loads only for them counts as well.
  const status = await withLivePods(world, LIVE, () => compare(rounds, program(command, "status"), empty));
  const version = await compare(rounds, program(command, "--version"), empty);
  return [
    ratioRow({ what: `launch-claim status, ${LIVE} live claims`, against, limit: 1.3 }, status),
    ratioRow({ what: "launch-claim --version", against, limit: 1.2 }, version),
  ];
}

/** What a program does that wants this Pod and promises nothing: no machine, no launch lock, no claim. */
async function plainLaunch(
  ticket: TicketRef,
  { root, registry, runtime }: World,
): Promise<() => Promise<void>> {
  const launchId = randomUUID();
  const podName = `intake-${launchId.slice(-6)}`;
  const plan = { role: "intake", prompt: "Clarify the ticket.", peers: [], cwd: root, recipe };
  const launch = {
    ticket,
    launchId,
    podName,
    plan,
    timeouts: DEFAULT_TIMEOUTS,
    environment: { LAUNCH_CLAIM_LAUNCH_ID: launchId },
  };
  const at = new Date().toISOString();
  await registry.writePod({
    ticket,
    role: "intake",
    pod: podName,
    launchId,
    runtime: { kind: runtime.kind, locator: runtime.locatorOf(launch) },
    launcher: ownIdentity(),
    state: "starting",
    processes: [],
    startedAt: at,
    updatedAt: at,
  });
  const fd = fs.openSync("/dev/null", "r");
  const close = () => fs.closeSync(fd);
  const lock = { fd, close: () => undefined, keep: () => ({ close: () => undefined }) };
  const pod = await runtime.start(launch, { ...patient, own: () => undefined, lockPod: async () => lock });
  close();
  await runtime.connect(pod, patient);
  const input = [{ kind: "text", content: plan.prompt } as const];
  const answer = await runtime.requestRun(pod, { runId: launchId, launchId, input, adopted: false }, patient);
  if (answer.kind !== "accepted") throw new Error("the run was refused");
  return async () => {
    await runtime.stop(pod, { ...patient, withinMs: DEFAULT_TIMEOUTS.stopMs });
    runtime.detach(pod);
  };
}

/** What only this process has. Text that other Node processes share is not in it while one of them lives, as this one does. */
function privateMegabytes(pid: number): number {
  const rollup = fs.readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "mu").exec(rollup)?.[1] ?? 0);
  return ((kilobytes("Private_Clean") + kilobytes("Private_Dirty")) * 1024) / 1e6;
}
