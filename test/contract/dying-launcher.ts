/** A launcher in a process of its own: brings a Pod as far as it is told, says where it is, and waits to be killed. */
import { join } from "node:path";
import { OwnPods } from "../../examples/own-pods/runtime.js";
import type { LaunchInfo, PodLock } from "../../src/ports.js";
import { FileRegistry } from "../../src/registry/file-registry.js";
import { findWorkspace } from "../../src/registry/workspace.js";

export interface DyingLaunch {
  readonly launch: LaunchInfo;
  readonly when: "ready" | "accepted";
  /** The Pods' directory. */
  readonly directory: string;
  /** Where the workspace and the registry are. */
  readonly root: string;
}

async function main({ launch, when, directory, root }: DyingLaunch): Promise<void> {
  const { ticket, launchId, plan } = launch;
  const context = { signal: new AbortController().signal };
  const workspace = findWorkspace(join(root, "project"), join(root, "home"));
  const registry = new FileRegistry({ workspace });
  const lock = await registry.lockLaunch(ticket, context);
  let podLock: PodLock | undefined;
  const lockPod = async (): Promise<PodLock> => {
    podLock = lock && (await registry.lockPod(lock, context));
    if (podLock) return podLock;
    throw new Error(`the locks of ${ticket.id} are held by another`);
  };

  const runtime = new OwnPods({ directory });
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

await main(JSON.parse(process.argv[2] ?? "") as DyingLaunch);
