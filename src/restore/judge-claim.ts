import { LaunchClaimError } from "../errors.js";
import { forget, lookForPods } from "../launch/look-for-pods.js";
import type { LaunchScope, LaunchTools } from "../launch/scope.js";
import { takeLaunchLock } from "../launch/take-lock.js";
import { KNOWN_AGENTS } from "../presets/presets.js";
import { isOfLaunch } from "../registry/continuation.js";
import { blockBy } from "../registry/judge.js";
import type { Block, Claim, LaunchPlan, PodHandle, TicketRef } from "../../machines/launch.types.js";
import type { JudgeClaimResult } from "../../machines/restore.types.js";

/**
 * Takes the launch lock, THEN judges the claim that stands: its Pod must be gone, and its session one that can be loaded again.
 * Processes that survived the Pod do not stand in the way: they are ended next. Another Pod of the ticket does.
 *
 * @param readPlan read last: a plan error must not hide what stands
 * @throws LaunchClaimError `nothing_to_restore` | `restore_unsupported`, and what `readPlan` throws
 */
export async function judgeClaim<Pod extends PodHandle>(
  ticket: TicketRef,
  readPlan: (claim: Claim) => LaunchPlan,
  context: { scope: LaunchScope<Pod>; tools: LaunchTools<Pod>; signal: AbortSignal },
): Promise<JudgeClaimResult> {
  const { scope, tools, signal } = context;
  const judges = { ...tools, signal };
  const taken = await takeLaunchLock(ticket, judges);
  if ("block" in taken) return { kind: "blocked", block: taken.block };
  scope.ownLock(taken.lock);

  const stored = await tools.registry.read(ticket);
  if (stored === undefined) {
    throw new LaunchClaimError("nothing_to_restore", `ticket ${ticket.id} has no claim`, {
      hint: "Launch it.",
    });
  }
  const block = await blockBy(stored, judges);
  const { claim } = block;
  if (claim === undefined || !isRestorable(block)) return { kind: "blocked", block: explained(block) };
  if (tools.runtime.restore === undefined) {
    throw new LaunchClaimError(
      "restore_unsupported",
      `the runtime "${tools.runtime.kind}" cannot restore its Pods`,
    );
  }
  const others = await lookForPods(ticket, { adopts: "none", except: claim.launchId }, judges);
  if (others.kind === "blocked") return others;
  const ended = others.kind === "free" ? others.ended : [];
  // What an earlier restore left that died; the Pods that the claim goes on from stay as they are.
  for (const record of ended) if (!isOfLaunch(claim, record.launchId)) await forget(record, tools);
  return { kind: "restorable", plan: readPlan(claim), claim };
}

/** That nothing runs any more is no reason by itself: what stands in the way is its agent's session, or that it has none. */
function explained(block: Block): Block {
  const { by, claim, reason } = block;
  if (by !== "stale" || claim === undefined) return block;
  const { agent, session } = claim;
  const known = agent && Object.hasOwn(KNOWN_AGENTS, agent.name) ? KNOWN_AGENTS[agent.name] : undefined;
  const because = session
    ? `its agent's session cannot be loaded again${known?.restores === "no" ? `: ${known.restoresBecause}` : ", as far as is known"}`
    : "its agent had no session that could be loaded again";
  return { ...block, reason: `${reason}; ${because}` };
}

function isRestorable({ by, claim }: Block): boolean {
  return by === "restorable" || (by === "lingering" && claim?.session?.restorable === true);
}
