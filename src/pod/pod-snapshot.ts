import type { SnapshotFrom } from "xstate";
import type { PodMachine } from "../../machines/pod.machine.js";
import type { PodReady } from "../../machines/pod.types.js";
import { PROTOCOL_VERSION, type PodStatus, type Snapshot } from "../protocol/messages.js";
import { podOfKey } from "../unticketed.js";
import type { Specification } from "./specification.js";

interface Known {
  readonly status: PodStatus;
  readonly launcherIsGone: boolean;
  readonly firstRun: Snapshot["run"];
  readonly ready: PodReady | undefined;
}

/** What a Pod says of itself to whoever connects. */
export function snapshotOf(
  { record, agent, title }: Specification,
  { status, launcherIsGone, firstRun, ready }: Known,
): Snapshot {
  const { ticket, pod, launchId, role } = record;
  return {
    protocol: PROTOCOL_VERSION,
    pod,
    launch_id: launchId,
    ...(podOfKey(ticket) === undefined && { ticket: { ...ticket, ...(title !== undefined && { title }) } }),
    role,
    status,
    launcher: launcherIsGone ? "gone" : "present",
    ...(firstRun && { run: firstRun }),
    ...(ready?.session && { session: ready.session }),
    agent: ready?.agent ?? { driver: agent.recipe.driver, name: agent.name },
  };
}

export function statusOf(snapshot: SnapshotFrom<PodMachine>): PodStatus {
  if (snapshot.matches("running")) return "running";
  return snapshot.matches("draining") || snapshot.matches("stopped") ? "draining" : "idle";
}

/** A restored Pod that does not know yet whether the claim is its own. */
export function isUnconfirmed({ context }: SnapshotFrom<PodMachine>): boolean {
  return context.restored === true && !context.accepted;
}
