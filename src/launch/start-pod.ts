import { LaunchClaimError } from "../errors.js";
import type { LaunchInfo, PodLock, StartContext } from "../ports.js";
import { ownIdentity } from "../processes.js";
import type { PodHandle } from "../../machines/launch.types.js";
import { isPlain, type LaunchScope, type LaunchTools } from "./scope.js";

/**
 * Starts the Pod and waits until it is ready for a run. The Pod record is durable BEFORE anything is started, so that whoever
 * comes later knows what to look for.
 */
export async function startPod<Pod extends PodHandle>(
  launch: LaunchInfo,
  { scope, tools, signal, begin = (context) => tools.runtime.start(launch, context) }: Starting<Pod>,
): Promise<Pod> {
  const starting = start(launch, { scope, tools, signal, begin });
  scope.trackStart(starting);
  return await starting;
}

export interface Starting<Pod extends PodHandle> {
  readonly scope: LaunchScope<Pod>;
  readonly tools: LaunchTools<Pod>;
  readonly signal: AbortSignal;
  /** What the runtime does. Default: it starts a new Pod. */
  readonly begin?: (context: StartContext<Pod>) => Promise<Pod>;
}

async function start<Pod extends PodHandle>(
  launch: LaunchInfo,
  { scope, tools, signal, begin }: Required<Starting<Pod>>,
): Promise<Pod> {
  const { ticket, launchId, podName, plan } = launch;
  const { kind } = tools.runtime;
  const locator = tools.runtime.locatorOf?.(launch);
  if (locator !== undefined && !isPlain(locator)) throw noLocator(podName, kind);
  const at = tools.now();
  await scope.openRecord({
    ticket,
    role: plan.role,
    pod: podName,
    launchId,
    runtime: { kind, ...(locator && { locator }) },
    launcher: ownIdentity(),
    state: "starting",
    processes: [],
    startedAt: at,
    updatedAt: at,
  });
  signal.throwIfAborted();
  try {
    const pod = await begin({
      signal,
      own: (published) => scope.own(published),
      lockPod: async () => takePodLock(launch, { scope, tools, signal }),
    });
    if (!isHandle(pod)) {
      throw new LaunchClaimError(
        "runtime_contract",
        `the runtime "${kind}" started something that is no Pod`,
      );
    }
    const [first, ...more] = scope.ownedPods;
    // Owned before it is judged: a Pod that is not the right one must be stopped as well.
    scope.own(pod);
    if (first !== pod || more.length > 0) {
      throw new LaunchClaimError(
        "runtime_contract",
        `the runtime "${kind}" returned a Pod that it had not published by own()`,
      );
    }
    if (pod.name !== podName || pod.launchId !== launchId) {
      throw new LaunchClaimError(
        "pod_mismatch",
        `the runtime was to start Pod ${podName} for launch ${launchId}, but started ${pod.name} for ${pod.launchId}`,
      );
    }
    if (!isPlain(pod.locator)) throw noLocator(podName, kind);
    // Adoption and the proof that nothing is left rely on it.
    if (!tools.runtime.recordsPods) await scope.recordPod({});
    return pod;
  } finally {
    scope.closePodLock();
  }
}

function noLocator(podName: string, kind: string): LaunchClaimError {
  return new LaunchClaimError(
    "runtime_contract",
    `what the runtime "${kind}" gives as the locator of Pod ${podName} is not an object that a record can hold`,
    { hint: "A locator is a JSON object that nests at most 100 levels deep." },
  );
}

function isHandle(pod: unknown): boolean {
  return typeof pod === "object" && pod !== null;
}

async function takePodLock<Pod extends PodHandle>(
  { ticket }: LaunchInfo,
  { scope, tools, signal }: { scope: LaunchScope<Pod>; tools: LaunchTools<Pod>; signal: AbortSignal },
): Promise<PodLock> {
  const lock = await tools.registry.lockPod(scope.lock, { signal });
  if (lock === undefined) {
    throw new LaunchClaimError("lock_busy", `another Pod still holds the Pod lock of ticket ${ticket.id}`, {
      hint: "Stop it; a Pod that is on its way out needs a moment.",
    });
  }
  scope.ownPodLock(lock);
  return lock;
}
