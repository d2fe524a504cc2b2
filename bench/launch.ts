/** What machine, locks and commit add to a launch, from the request to the claim. */
import { randomUUID } from "node:crypto";
import { createLauncher } from "../src/launcher.js";
import { DEFAULT_TIMEOUTS } from "../src/config/defaults.js";
import type { LaunchInfo, PodRuntime, StartContext } from "../src/ports.js";
import type { TicketRef } from "../machines/launch.types.js";
import { compare, cpuTimed, timed, type BenchOptions, type Comparison } from "./measure.js";
import { ObjectPods, type ObjectPod } from "./object-pods.js";
import { ProcessPods } from "./process-pods.js";
import { newTicket, workspaceIn } from "./records.js";
import { atMost, ratioRow, shownMs, type Row } from "./rows.js";
import { removeScratch, scratchDirectory } from "./scratch.js";

/** Launches in a row, for one sample: CPU time is counted in steps too coarse for a single one. */
const BATCH = 25;

const PLAIN = "plain code that starts the Pod, connects and sends the run";
const LESS_PLAIN = `less that of ${PLAIN}`;

type LaunchOne = (ticket: TicketRef) => Promise<unknown>;

export async function benchLaunch({ quick }: BenchOptions): Promise<Row[]> {
  const directory = scratchDirectory();
  try {
    const cpu = await ofObjects(directory, "cpu", quick ? 8 : 40, cpuTimed);
    const wall = await ofObjects(directory, "wall", quick ? 8 : 40, timed);
    const real = await ofProcesses(directory, quick ? 5 : 25);
    return [
      {
        what: "CPU of a launch to claimed, Pods are objects",
        against: LESS_PLAIN,
        measured: cpu.difference,
        unit: "ms",
        ...atMost(3),
        detail: `${shownMs(cpu.a)} - ${shownMs(cpu.b)}`,
      },
      {
        what: "time of the same",
        against: LESS_PLAIN,
        measured: wall.difference,
        unit: "ms",
        detail: `${shownMs(wall.a)} - ${shownMs(wall.b)}`,
      },
      ratioRow({ what: "launch to claimed, Pods are bare Node processes", against: PLAIN }, real),
    ];
  } finally {
    removeScratch(directory);
  }
}

async function ofObjects(
  directory: string,
  name: string,
  rounds: number,
  measured: typeof cpuTimed,
): Promise<Comparison> {
  const runtime = new ObjectPods();
  const sampleOf = (launchOne: LaunchOne) => async () => {
    const tickets = Array.from({ length: BATCH }, newTicket);
    const cost = await measured(BATCH, (index) => launchOne(tickets[index] as TicketRef));
    runtime.endAll();
    return cost;
  };
  return await compare(
    rounds,
    sampleOf(launching(directory, name, runtime)),
    sampleOf((ticket) => plainLaunch(runtime, ticket)),
  );
}

async function ofProcesses(directory: string, rounds: number): Promise<Comparison> {
  const runtime = new ProcessPods();
  const sampleOf = (launchOne: LaunchOne) => async () => {
    const ticket = newTicket();
    const cost = await timed(1, () => launchOne(ticket));
    await runtime.killAll();
    return cost;
  };
  return await compare(
    rounds,
    sampleOf(launching(directory, "processes", runtime)),
    sampleOf((ticket) => plainLaunch(runtime, ticket)),
  );
}

function launching(directory: string, name: string, runtime: PodRuntime<ObjectPod>): LaunchOne {
  const { root, home } = workspaceIn(directory, name);
  const launcher = createLauncher({ workspace: root, home, runtime });
  return async (ticket) => {
    const outcome = await launcher.launch({ ticket, prompt: "Clarify the ticket." }).outcome;
    if (outcome.status !== "claimed")
      throw new Error(`${ticket.id} was to be claimed, but is ${outcome.status}`);
  };
}

/** What a program does that wants a Pod and promises nothing. */
async function plainLaunch(runtime: PodRuntime<ObjectPod>, ticket: TicketRef): Promise<void> {
  const { signal } = new AbortController();
  const launchId = randomUUID();
  const plan = { role: "intake", prompt: "Clarify the ticket.", peers: [], cwd: process.cwd() };
  const podName = `intake-${ticket.id}`;
  const launch: LaunchInfo = { ticket, launchId, podName, plan, timeouts: DEFAULT_TIMEOUTS, environment: {} };
  const pod = await runtime.start(launch, withoutLock(signal));
  const snapshot = await runtime.connect(pod, { signal });
  if (snapshot.launchId !== launchId) throw new Error("another Pod answered");
  const input = [{ kind: "text" as const, content: plan.prompt }];
  const result = await runtime.requestRun(
    pod,
    { runId: launchId, launchId, input, adopted: false },
    { signal },
  );
  if (result.kind !== "accepted") throw new Error("the run was refused");
}

function withoutLock(signal: AbortSignal): StartContext<ObjectPod> {
  const nothing = { close: () => undefined };
  const own = () => undefined;
  return { signal, own, lockPod: async () => ({ ...nothing, fd: -1, keep: () => nothing }) };
}
