/** What the guardian and the command line cost: a launch, an idle guardian's memory, and the start of the commands that are used most. */
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { AgentRecipe, TicketRef } from "../machines/launch.types.js";
import { DEFAULT_TIMEOUTS } from "../src/config.js";
import { createLauncher } from "../src/launcher.js";
import { GuardianRuntime } from "../src/pod/guardian-runtime.js";
import { ownIdentity } from "../src/processes.js";
import { FileRegistry } from "../src/registry/file-registry.js";
import { findWorkspace } from "../src/registry/workspace.js";
import { built, guardianPath } from "./built.js";
import {
  atMost,
  compare,
  shownMs,
  shownRatio,
  spreadOf,
  timed,
  type BenchOptions,
  type Comparison,
  type Row,
} from "./measure.js";
import { newTicket, workspaceIn } from "./records.js";
import { removeScratch, scratchDirectory } from "./scratch.js";

const command = built("bin/launch-claim.js");
const recipe: AgentRecipe = {
  driver: "acp",
  command: [process.execPath, built("src/testing/scripted-agent.js"), "{}"],
  evidence: { level: "progress", settleMs: 0, requireMessageId: false, endTurnNeedsProgress: false },
};
const patient = { signal: new AbortController().signal };
const IDLE_MS = 3_000;

export async function benchGuardian({ quick }: BenchOptions): Promise<Row[]> {
  const directory = scratchDirectory();
  try {
    const { root, home } = workspaceIn(directory, "guardian");
    const memory: number[] = [];
    const launch = await benchLaunches({ root, home, memory }, quick ? 4 : 15);
    const env = { ...process.env, LAUNCH_CLAIM_HOME: home };
    const rounds = quick ? 6 : 25;
    const program =
      (...args: string[]) =>
      () =>
        timed(1, () => spawnSync(process.execPath, args, { cwd: root, env, stdio: "ignore" }));
    const empty = program("-e", "0");
    return [
      ratioRow(
        "guardian: launch to claimed / the same without machine, launch lock and commit",
        launch,
        1.15,
      ),
      memoryRow(memory),
      ratioRow(
        "launch-claim status / node -e 0",
        await compare(rounds, program(command, "status"), empty),
        1.5,
      ),
      ratioRow(
        "launch-claim --version / node -e 0",
        await compare(rounds, program(command, "--version"), empty),
        1.2,
      ),
    ];
  } finally {
    removeScratch(directory);
  }
}

interface Bench {
  readonly root: string;
  readonly home: string;
  /** Takes the private memory of idle guardians, in MB. */
  readonly memory: number[];
}

async function benchLaunches({ root, home, memory }: Bench, rounds: number): Promise<Comparison> {
  const workspace = findWorkspace(root, home);
  const registry = new FileRegistry({ workspace });
  const runtime = new GuardianRuntime({ registry, workspace, nodePath: process.execPath, guardianPath });
  const launcher = createLauncher({ workspace: root, home, guardianPath });
  return await compare(
    rounds,
    async () => {
      const ticket = newTicket();
      const ms = await timed(1, async () => {
        const outcome = await launcher.launch({ ticket, prompt: "Clarify the ticket.", recipe }).outcome;
        if (outcome.status !== "claimed") throw new Error(`the launch was ${outcome.status}`);
      });
      const [pod] = await registry.pods(ticket);
      const guardian =
        pod?.kind === "pod" ? pod.record.processes.find(({ as }) => as === "guardian") : undefined;
      if (guardian && memory.length < 3) {
        await delay(IDLE_MS);
        memory.push(privateMegabytes(guardian.pid));
      }
      await launcher.release(ticket, { stop: true });
      return ms;
    },
    async () => {
      const ticket = newTicket();
      let stop = async (): Promise<void> => undefined;
      const ms = await timed(1, async () => {
        stop = await plainLaunch({ ticket, root }, registry, runtime);
      });
      await stop();
      return ms;
    },
  );
}

/** What a program does that wants this Pod and promises nothing: no machine, no launch lock, no claim. */
async function plainLaunch(
  { ticket, root }: { readonly ticket: TicketRef; readonly root: string },
  registry: FileRegistry,
  runtime: GuardianRuntime,
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
  return (kilobytes("Private_Clean") + kilobytes("Private_Dirty")) / 1024;
}

function ratioRow(what: string, { a, b, ratio }: Comparison, limit: number): Row {
  return {
    what,
    measured: shownRatio(ratio),
    detail: `${shownMs(a)} / ${shownMs(b)}`,
    target: atMost(limit, ratio),
  };
}

function memoryRow(memory: readonly number[]): Row {
  const spread = spreadOf(memory);
  return {
    what: "guardian with an idle agent, private memory",
    measured: `${spread.median.toFixed(1)} MB`,
    detail: `${memory.length} guardians, ${IDLE_MS / 1000} s after they were claimed`,
    target: atMost(25, spread, " MB"),
  };
}
