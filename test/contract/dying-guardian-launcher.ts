/** A launcher in a process of its own: brings a guardian's Pod as far as it is told, says so, and waits to be killed. */
import type { LaunchInfo, PodLock } from "../../src/ports.js";
import { ownIdentity } from "../../src/processes.js";
import { guardianRuntimeIn } from "../fixtures/guardian-runtime.js";

export interface DyingGuardianLaunch {
  readonly launch: LaunchInfo;
  readonly when: "ready" | "accepted";
  /** Where the workspace and the registry are. */
  readonly root: string;
}

async function main({ launch, when, root }: DyingGuardianLaunch): Promise<void> {
  const { ticket, launchId, plan, podName } = launch;
  const context = { signal: new AbortController().signal };
  const { runtime, registry } = guardianRuntimeIn(root);
  const lock = await registry.lockLaunch(ticket, context);
  let podLock: PodLock | undefined;
  const lockPod = async (): Promise<PodLock> => {
    podLock = lock && (await registry.lockPod(lock, context));
    if (podLock) return podLock;
    throw new Error(`the locks of ${ticket.id} are held by another`);
  };
  const at = new Date().toISOString();
  await registry.writePod({
    ticket,
    role: plan.role,
    pod: podName,
    launchId,
    runtime: { kind: runtime.kind, locator: runtime.locatorOf(launch) },
    launcher: ownIdentity(),
    state: "starting",
    processes: [],
    startedAt: at,
    updatedAt: at,
  });
  const pod = await runtime.start(launch, { ...context, own: () => undefined, lockPod });
  podLock?.close();
  if (when === "accepted") {
    await runtime.connect(pod, context);
    const input = [{ kind: "text", content: plan.prompt } as const];
    await runtime.requestRun(pod, { runId: launchId, launchId, input, adopted: false }, context);
  }
  process.stdout.write(`${JSON.stringify(pod.locator)}\n`);
  // It is not this program's to end: whoever has started it kills it.
  setInterval(() => undefined, 60_000);
}

await main(JSON.parse(process.argv[2] ?? "") as DyingGuardianLaunch);
