/** The least that a runtime can be: its Pods are objects of this process, and take every run at once. */
import type {
  LaunchInfo,
  PodReference,
  PodRuntime,
  Probe,
  ProbeContext,
  Run,
  StartContext,
  StopAnswer,
} from "../src/ports.js";
import type { JsonObject, PodSnapshot, RunResult } from "../machines/launch.types.js";

export interface ObjectPod {
  readonly name: string;
  readonly launchId: string;
  readonly locator: JsonObject;
}

export class ObjectPods implements PodRuntime<ObjectPod> {
  readonly kind = "objects";
  readonly #locks: { close(): void }[] = [];

  podAt({ pod, launchId, runtime }: PodReference): ObjectPod {
    return { name: pod, launchId, locator: runtime.locator };
  }

  async start({ podName, launchId }: LaunchInfo, context: StartContext<ObjectPod>): Promise<ObjectPod> {
    const pod = { name: podName, launchId, locator: { pod: podName } };
    this.#locks.push((await context.lockPod()).keep());
    context.own(pod);
    return pod;
  }

  async connect({ name, launchId }: ObjectPod): Promise<PodSnapshot> {
    return { protocol: 1, pod: name, launchId, status: "idle" };
  }

  async registerPeer(): Promise<void> {
    // There is nobody to tell.
  }

  async requestRun(_pod: ObjectPod, _run: Run): Promise<RunResult> {
    return {
      kind: "accepted",
      acceptance: { level: "ack", kind: "object", at: "2026-11-24T10:00:00.000Z" },
      session: { id: "ses_1", restorable: false },
    };
  }

  async stop(): Promise<StopAnswer> {
    return { stopped: true };
  }

  async probe(_reference: PodReference, { podLock }: ProbeContext): Promise<Probe> {
    return podLock === "held" ? "live" : "gone";
  }

  /** All Pods are gone at once. */
  endAll(): void {
    for (const lock of this.#locks.splice(0)) lock.close();
  }
}
