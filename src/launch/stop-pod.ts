import { LaunchClaimError } from "../errors.js";
import type { StopAnswer } from "../ports.js";
import { isLockKept } from "../registry/kept-lock.js";
import type { PodHandle, StopResult } from "../../machines/launch.types.js";
import type { LaunchScope, LaunchTools } from "./scope.js";

/**
 * Ends every Pod that the launch has started and waits for one that may still come: an actor that was abandoned told nobody but
 * the scope what it acquired. Answers only what is proven. An adopted Pod is left alone; it was not this launch's to start.
 */
export async function stopPod<Pod extends PodHandle>({
  scope,
  tools,
  signal,
}: {
  scope: LaunchScope<Pod>;
  tools: LaunchTools<Pod>;
  signal: AbortSignal;
}): Promise<StopResult> {
  if (scope.isAdoption) return { kind: "stopped", proof: "nothingStarted" };
  const published = await stopPublished(scope, tools, signal);
  // Only a start that has settled brings nothing any more. One that never does leaves the launch unresolved.
  await scope.startSettled();
  const late = await stopPublished(scope, tools, signal);
  const unproven = [published, late].find((stop) => stop?.kind === "unproven");
  if (unproven) return unproven;
  // Whatever the runtime says, the kernel's word counts.
  if (scope.tookPodLock && (await isLockKept(scope.lock.ticket, tools))) {
    return {
      kind: "unproven",
      pids: scope.pids,
      reason: "the runtime says stopped, but the Pod lock is still held",
    };
  }

  // Best effort, both: the launch has left nothing that runs, and the next admission finds out what these would have told it.
  if (scope.claimant) await forgetSessions(scope, tools);
  await scope.recordPod({ state: "ended" }).catch(() => undefined);
  return late ?? published ?? { kind: "stopped", proof: "nothingStarted" };
}

/** Undefined if there was nothing to stop. */
async function stopPublished<Pod extends PodHandle>(
  scope: LaunchScope<Pod>,
  { runtime, timeouts }: LaunchTools<Pod>,
  signal: AbortSignal,
): Promise<StopResult | undefined> {
  let stopped: StopResult | undefined;
  for (const pod of scope.runningPods()) {
    const answer = checkedStop(await runtime.stop(pod, { signal, withinMs: timeouts.stopMs }));
    if (!answer.stopped) {
      const { pids } = answer;
      return {
        kind: "unproven",
        pids,
        reason: `processes of Pod ${pod.name} still run: ${pids.join(", ") || "unknown"}`,
      };
    }
    scope.markStopped(pod);
    stopped = { kind: "stopped", proof: answer.proof ?? "host" };
  }
  return stopped;
}

/** A launch that was lost or given up while committing has written its role session already. */
async function forgetSessions<Pod extends PodHandle>(
  scope: LaunchScope<Pod>,
  { registry }: LaunchTools<Pod>,
): Promise<void> {
  for (const pod of scope.ownedPods) {
    await registry.removeSession(pod.name, scope.launchId).catch(() => undefined);
  }
}

/** Only a plain yes is a proof. */
export function checkedStop(answer: StopAnswer): StopAnswer {
  const given: unknown = answer;
  const { stopped, pids } = (given ?? {}) as { stopped?: unknown; pids?: unknown };
  if (stopped === true || (stopped === false && Array.isArray(pids))) return answer;
  throw new LaunchClaimError("runtime_contract", "the runtime did not say whether the Pod was stopped");
}
