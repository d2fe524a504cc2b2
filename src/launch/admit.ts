import { LaunchClaimError } from "../errors.js";
import { blockBy } from "../registry/judge.js";
import type { AdmitResult, LaunchPlan, PodHandle, TicketRef } from "../../machines/launch.types.js";
import { forget, lookForPods } from "./look-for-pods.js";
import type { LaunchScope, LaunchTools } from "./scope.js";
import { takeLaunchLock } from "./take-lock.js";

export interface Admission {
  /** Read last: a plan error must not hide what stands, and must not leave anything. */
  readonly readPlan: (options: { readonly adopting: boolean }) => Promise<LaunchPlan>;
  /** `adopt`: a launch that may only adopt, also a Pod whose launch ended as unresolved. */
  readonly adoptOnly: boolean;
}

/**
 * Takes the launch lock, THEN reads: what was read before the lock may be gone, or have come, when the lock is ours. Judges the
 * ticket's claim and every Pod record, and settles the plan.
 */
export async function admit<Pod extends PodHandle>(
  ticket: TicketRef,
  { readPlan, adoptOnly }: Admission,
  context: { scope: LaunchScope<Pod>; tools: LaunchTools<Pod>; signal: AbortSignal },
): Promise<AdmitResult> {
  const { scope, tools, signal } = context;
  const { registry } = tools;
  const judges = { ...tools, signal };

  const taken = await takeLaunchLock(ticket, judges);
  if ("block" in taken) return { kind: "blocked", block: taken.block };
  scope.ownLock(taken.lock);

  const claim = await registry.read(ticket);
  if (claim) return { kind: "blocked", block: await blockBy(claim, judges) };

  const found = await lookForPods(ticket, { adopts: adoptOnly ? "unresolved" : "accepted" }, judges);
  if (found.kind === "blocked") return found;
  const plan = await readPlan({ adopting: adoptOnly || found.kind === "adoptable" });
  if (found.kind === "adoptable") {
    scope.adopt(found.pod, found.record);
    return { kind: "adoptable", plan, pod: found.pod };
  }
  if (adoptOnly) {
    throw new LaunchClaimError(
      "nothing_to_adopt",
      "no living Pod of this ticket has accepted a run without being claimed",
    );
  }
  for (const record of found.ended) await forget(record, tools);
  return { kind: "admitted", plan };
}
