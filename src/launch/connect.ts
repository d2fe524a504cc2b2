import { describeIssue } from "../config/issues.js";
import { LaunchClaimError } from "../errors.js";
import type { PodHandle, PodSnapshot } from "../../machines/launch.types.js";
import { snapshotSchema } from "./answers.js";
import type { LaunchTools } from "./scope.js";

const PROTOCOL = 1;

/** Dials the Pod and makes sure that it is the one that was started: a name and a socket prove nothing by themselves. */
export async function connect<Pod extends PodHandle>(
  pod: Pod,
  { tools, signal }: { tools: LaunchTools<Pod>; signal: AbortSignal },
): Promise<PodSnapshot> {
  const snapshot = parse(await tools.runtime.connect(pod, { signal }));
  if (snapshot.protocol !== PROTOCOL) {
    throw new LaunchClaimError(
      "pod_mismatch",
      `Pod ${pod.name} speaks version ${snapshot.protocol} of the Pod protocol; this program speaks version ${PROTOCOL}`,
    );
  }
  if (snapshot.pod !== pod.name) {
    throw new LaunchClaimError("pod_mismatch", `Pod ${pod.name} was dialed, but ${snapshot.pod} answered`);
  }
  if (snapshot.launchId !== pod.launchId) {
    throw new LaunchClaimError(
      "pod_mismatch",
      `Pod ${pod.name} belongs to launch ${snapshot.launchId}, not to ${pod.launchId}`,
    );
  }
  return snapshot;
}

function parse(answer: unknown): PodSnapshot {
  const parsed = snapshotSchema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new LaunchClaimError(
    "runtime_contract",
    `the Pod's snapshot cannot be used, ${describeIssue(parsed.error)}`,
  );
}
