import { setTimeout as delay } from "node:timers/promises";
import type { PodProcess, PodRecord, StopAnswer } from "../ports.js";
import { podRecordOf } from "../pod-records.js";
import { PodConnection } from "../protocol/connection.js";
import { lifeOf } from "../processes.js";
import { endSurvivors } from "./end-survivors.js";
import type { GuardianPod } from "./guardian-pod.js";
import type { GuardianRegistry } from "./guardian-registry.js";

/** What the guardian gets of the time that a stop may take; the rest is for ending it, and for the proof. */
const GUARDIANS_SHARE = 0.85;
/** What the guardian itself takes at most to end its agent, of the launch's `stopMs`. */
export const AGENTS_SHARE = 0.8;
const FIRST_LOOK_MS = 4;
const LATER_LOOK_MS = 32;

/**
 * Ends a Pod and proves it gone, from any process. The guardian is asked first and SIGKILLed if it does not end. Only once it is
 * gone are survivors looked for: a living guardian may be about to start one.
 */
export async function stopGuardian(
  pod: GuardianPod,
  context: {
    readonly registry: GuardianRegistry;
    /** Known to the process that started it, before there is a record of it. */
    readonly started: PodProcess | undefined;
    readonly withinMs: number;
    readonly signal: AbortSignal;
  },
): Promise<StopAnswer> {
  const { registry, started, withinMs, signal } = context;
  const deadline = performance.now() + withinMs;
  const record = await podRecordOf(pod, registry);
  const guardian = record?.processes.find((one) => one.as === "guardian") ?? started;
  if (guardian) {
    const politeUntil = performance.now() + GUARDIANS_SHARE * withinMs;
    await endGuardian(guardian, { record, politeUntil, deadline, signal });
  }
  // Read again: until its end the guardian has written it.
  const last = await podRecordOf(pod, registry);
  const known = last?.processes ?? [];
  const answer = await endSurvivors({
    launchId: pod.launchId,
    processes: started && !known.some(({ pid }) => pid === started.pid) ? [...known, started] : known,
    withinMs: Math.max(deadline - performance.now(), 0.1 * withinMs),
    signal,
    agentLock: () => registry.probeAgentLock(pod.ticket),
  });
  if (answer.kind === "left") return { stopped: false, pids: answer.pids };
  // The guardian may have had the kernel's word before it ended.
  const proof = last?.state === "ended" ? last.proof : undefined;
  return { stopped: true, proof: proof ?? answer.proof };
}

async function endGuardian(
  guardian: PodProcess,
  how: {
    readonly record: PodRecord | undefined;
    readonly politeUntil: number;
    readonly deadline: number;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { record, politeUntil, deadline, signal } = how;
  if (lifeOf(guardian) === "unknown") {
    // In another PID namespace it can be told, but not signalled.
    if (record?.socket !== undefined) await askToShutDown(record.socket);
    return;
  }
  if (!signal.aborted) {
    kill(guardian, "SIGTERM");
    // One that was stopped would hear only SIGKILL, and could not end its agent by the polite steps.
    kill(guardian, "SIGCONT");
    await untilGone(guardian, politeUntil, signal);
  }
  kill(guardian, "SIGKILL");
  await untilGone(guardian, deadline, undefined);
}

/** Compared by start time just before: the pid may be another's by now. */
function kill(guardian: PodProcess, signal: NodeJS.Signals): void {
  if (lifeOf(guardian) !== "alive") return;
  try {
    process.kill(guardian.pid, signal);
  } catch {
    // It was faster, or is not ours to end: what is left is looked at afterwards.
  }
}

/** Nobody is told of the end of a process that is not its child: look again, less and less often. */
async function untilGone(
  guardian: PodProcess,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (
    let pauseMs = FIRST_LOOK_MS;
    lifeOf(guardian) === "alive";
    pauseMs = Math.min(2 * pauseMs, LATER_LOOK_MS)
  ) {
    if (signal?.aborted || performance.now() >= deadline) return;
    await delay(pauseMs, undefined, signal && { signal }).catch(() => undefined);
  }
}

async function askToShutDown(socket: string): Promise<void> {
  try {
    const { connection } = await PodConnection.open(socket, AbortSignal.timeout(1_000));
    connection.send({ method: "shutdown" });
    connection.finish();
  } catch {
    // Whoever cannot be asked is found by its locks.
  }
}
