/** A real guardian's Pod for one test: started as a launcher starts it, measured past the code, and ended with the test. */
import fs from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { v7 as newLaunchId } from "uuid";
import { onTestFinished } from "vitest";
import type { AcpEvidence, Claim, LaunchPlan } from "../../machines/launch.types.js";
import { DEFAULT_TIMEOUTS } from "../../src/config/defaults.js";
import type { GuardianPod } from "../../src/pod/guardian-pod.js";
import type { GuardianRuntime } from "../../src/pod/guardian-runtime.js";
import type { CallContext, LaunchInfo, PodLock, PodRecord } from "../../src/ports.js";
import { ownIdentity } from "../../src/processes.js";
import { lineOf } from "../../src/protocol/lines.js";
import type { Method } from "../../src/protocol/messages.js";
import type { AgentScript } from "../../src/testing/scripted-agent/script.js";
import { AT_ONCE, guardianRuntimeIn, scriptedRecipe } from "../fixtures/guardian-runtime.js";
import { claimOf, sessionOf } from "../fixtures/registry-bench.js";
import { processesOfLaunch, waitUntil } from "../fixtures/processes.js";
import { temporaryDirectory } from "../fixtures/temporary.js";

export const patient: CallContext = { signal: new AbortController().signal };
const DEADLINE_MS = 20_000;

export async function startPod({
  script = {},
  root = temporaryDirectory(),
  id = "T-1",
  more = {},
  evidence = AT_ONCE,
  own = () => undefined,
  restores,
}: {
  readonly script?: AgentScript;
  readonly root?: string;
  readonly id?: string;
  readonly more?: Partial<LaunchPlan>;
  readonly evidence?: AcpEvidence;
  readonly own?: (pod: GuardianPod, runtime: GuardianRuntime) => void;
  /** The claim whose session it loads; without it, it begins one. */
  readonly restores?: Claim;
}) {
  const { runtime, registry } = guardianRuntimeIn(root);
  const launchId = newLaunchId();
  const ticket = { id };
  const promptsFile = join(root, "prompts");
  const recipe = scriptedRecipe({ promptsFile, ...script }, evidence);
  const plan: LaunchPlan = {
    role: "coder",
    prompt: "the secret prompt",
    peers: [],
    cwd: root,
    recipe,
    ...more,
  };
  const environment = { LAUNCH_CLAIM_LAUNCH_ID: launchId };
  const podName = `coder-${launchId.slice(-6)}`;
  const info: LaunchInfo = { ticket, launchId, podName, plan, timeouts: DEFAULT_TIMEOUTS, environment };
  const at = new Date().toISOString();
  onTestFinished(() => killAllOf(launchId));
  const launchLock = await registry.lockLaunch(ticket, patient);
  if (!launchLock) throw new Error("the launch lock is held");
  onTestFinished(() => launchLock.close());
  await registry.writePod({
    ticket,
    role: plan.role,
    pod: podName,
    launchId,
    runtime: { kind: runtime.kind, locator: { pod: podName } },
    launcher: ownIdentity(),
    state: "starting",
    processes: [],
    startedAt: at,
    updatedAt: at,
  });
  let podLock: PodLock | undefined;
  const lockPod = async (): Promise<PodLock> => {
    podLock = await registry.lockPod(launchLock, patient);
    if (podLock) return podLock;
    throw new Error("the Pod lock is held");
  };
  let pod: GuardianPod;
  try {
    const context = { ...patient, own: (owned: GuardianPod) => own(owned, runtime), lockPod };
    pod = restores
      ? await runtime.restore({ ...info, restores }, context)
      : await runtime.start(info, context);
  } finally {
    podLock?.close();
  }
  onTestFinished(() => runtime.detach(pod));
  const record = async (): Promise<PodRecord> => {
    const found = (await registry.pods(ticket)).find(
      (stored) => stored.kind === "pod" && stored.record.launchId === launchId,
    );
    if (found?.kind !== "pod") throw new Error("the Pod has no record");
    return found.record;
  };
  const pidOf = async (as: "guardian" | "reaper" | "agent") => {
    const found = (await record()).processes.find((one) => one.as === as);
    if (!found) throw new Error(`the record names no ${as}`);
    return found.pid;
  };
  const { socket } = await record();
  if (socket === undefined) throw new Error("the record names no socket");
  const directory = registry.podDirectory(ticket, podName);
  return {
    runtime,
    registry,
    root,
    ticket,
    launchId,
    launchLock,
    pod,
    record,
    pidOf,
    socket,
    directory,
    promptsFile,
  };
}

/** A Pod that has loaded the session of a claim. `confirm`: its launcher commits the claim as the Pod's own, and goes. */
export async function startRestored(script: AgentScript = {}) {
  const restores = { ...claimOf("T-1"), session: { id: "scripted-session", restorable: true } };
  const pod = await startPod({ script: { loadSession: true, ...script }, restores });
  const confirm = async () => {
    const claim = { ...claimOf("T-1", pod.launchId), pod: pod.pod.name };
    await pod.registry.commit(pod.launchLock, { claim, session: sessionOf(claim) }, patient);
    pod.launchLock.close();
    pod.runtime.detach(pod.pod);
  };
  return { pod, confirm };
}

/** Until nothing is left: what was about to be started has been, by then. */
async function killAllOf(launchId: string): Promise<void> {
  await waitUntil(
    () => {
      const left = processesOfLaunch(launchId);
      for (const { pid } of left) {
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It has ended by itself meanwhile.
        }
      }
      return left.length === 0;
    },
    { deadlineMs: DEADLINE_MS, what: "the end of every process of the test's Pod" },
  );
}

export type TestPod = Awaited<ReturnType<typeof startPod>>;

/** A client that keeps every line that it is told. */
export function dial(path: string) {
  const socket = net.connect(path);
  socket.on("error", () => undefined);
  onTestFinished(() => void socket.destroy());
  let said = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  const lines = () =>
    said
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { event: string; data: Record<string, unknown> });
  return {
    send: (method: Method) => void socket.write(lineOf(method)),
    close: () => void socket.destroy(),
    all: (event: string) =>
      lines()
        .filter((line) => line.event === event)
        .map(({ data }) => data),
    first: (event: string) =>
      waitUntil(() => lines().find((line) => line.event === event)?.data, {
        deadlineMs: DEADLINE_MS,
        what: () => `the event ${event}; so far came ${said.slice(0, 2_000)}`,
      }),
    /** Everything sent before it was dealt with. */
    async roundTrip() {
      const before = lines().filter(({ event, data }) => event === "status" && data["status"]).length;
      socket.write('{"method":"status"}\n');
      await waitUntil(() => lines().filter(({ event }) => event === "status").length > before, {
        deadlineMs: DEADLINE_MS,
        what: "the status",
      });
    },
  };
}

export function runOf(launchId: string, content = "the secret prompt", runId = launchId): Method {
  return {
    method: "run",
    params: { run_id: runId, launch_id: launchId, input: [{ kind: "text", content }] },
  };
}

export function promptsIn(file: string): number {
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8").trimEnd().split("\n").length : 0;
}

export async function untilGone(launchId: string): Promise<void> {
  await waitUntil(() => processesOfLaunch(launchId).length === 0, {
    deadlineMs: DEADLINE_MS,
    what: () => `the end of ${JSON.stringify(processesOfLaunch(launchId))}`,
  });
}
