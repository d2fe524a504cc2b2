/** What each ending of a restore must leave behind. */
import type { RestoreOutcome } from "launch-claim";
import type { RestorePath } from "launch-claim/testing";
import { same, shown } from "./demand.js";
import { WITHOUT_PROCESS, type Observed } from "./observe.js";

/** One run of one path of the restore machine, as it was measured. */
export interface RestoreRun {
  readonly path: RestorePath;
  readonly launchId: string;
  /** The launch id of the claim that was to be restored. */
  readonly restores: string;
  readonly outcome: RestoreOutcome;
  /** Before the restore: what stood, and what has survived of its Pod. */
  readonly before: Observed;
  readonly after: Observed;
  /** What a second restore was told, nothing having been changed, and what it has left. */
  readonly retry: RestoreOutcome;
  readonly afterRetry: Observed;
  /** What was injected, because no process can show it. */
  readonly injected: readonly string[];
}

/** What is not as it must be; empty if all is. */
export function restoreViolations(run: RestoreRun): string[] {
  const found: string[] = [];
  const demand = (holds: boolean, what: string) => {
    if (!holds) found.push(what);
  };
  const { path, outcome, before, after, retry, afterRetry, launchId, restores } = run;
  const { processes, prompts } = after.launches.get(launchId) ?? { processes: [], prompts: 0 };
  const old = after.launches.get(restores) ?? { processes: [], prompts: 0 };
  const fate = fateOf(path);

  demand(outcome.status === path.end, `the outcome is ${outcome.status}, the path ends in ${path.end}`);
  demand(same(before.claims, [restores]), `claims before were ${shown(before.claims)}`);
  demand(after.claims.length === (fate === "removed" ? 0 : 1), `claims are ${shown(after.claims)}`);
  if (fate === "stands")
    demand(after.claimBytes === before.claimBytes, "the claim is not byte for byte as it was");
  if (fate !== "replaced") demand(!after.claims.includes(launchId), "a claim of ours is left");
  demand(after.launchLock === "free", "the launch lock is still held");
  demand(prompts === 0, `the restored agent was given ${prompts} prompts`);
  demand(old.prompts === 1, `the first agent was given ${old.prompts} prompts`);
  for (const observed of [after, afterRetry]) {
    const alive = livingIn(observed);
    demand(alive.length <= 1, `the launches ${shown(alive)} have processes at the same time`);
  }

  switch (path.end) {
    case "restored":
      demand(same(after.claims, [launchId]), `claims are ${shown(after.claims)}, not ours alone`);
      demand(same(chainIn(after), [restores]), `the claim continues ${shown(chainIn(after))}`);
      demand(after.sessions.includes(launchId), "the role session is missing");
      demand(processes.length > 0, "the restored Pod does not run");
      demand(old.processes.length === 0, `processes ${shown(old.processes)} of the old Pod still run`);
      demand(after.podLock === "held", "the Pod lock is free");
      demand(retry.status === "blocked" && retry.by === "live", `a second restore is ${toldOf(retry)}`);
      demand(afterRetry.claimBytes === after.claimBytes, "a second restore has changed the claim");
      break;

    case "failed":
    case "timedOut":
    case "cancelled":
      demand(!after.sessions.includes(launchId), "a role session is left");
      demand(processes.length === 0, `processes ${shown(processes)} still run`);
      demand(after.podLock === "free", "the Pod lock is held");
      demand(retry.status === retryOf[fate], `a second restore is ${toldOf(retry)}`);
      break;

    case "blocked":
      demand(!after.sessions.includes(launchId), "a role session is left");
      demand(processes.length === 0, `processes ${shown(processes)} still run`);
      demand(after.podLock === before.podLock, `the Pod lock was ${before.podLock}, is ${after.podLock}`);
      demand(
        retry.status === "blocked" && outcome.status === "blocked" && retry.by === outcome.by,
        `a second restore is ${toldOf(retry)}`,
      );
      break;

    case "unresolved": {
      const named = new Set(outcome.status === "unresolved" ? outcome.pids : []);
      const left = [...old.processes, ...processes].filter((pid) => pid !== WITHOUT_PROCESS);
      demand(
        left.every((pid) => named.has(pid)),
        `processes ${shown(left)} run, but ${shown([...named])} are named`,
      );
      // What could not be ended at first may be ended now; what may be a new Pod must not get company.
      const begun = path.steps.some(({ to }) => to === "starting");
      const expected = begun && fate === "stands" ? "blocked" : retryOf[fate];
      demand(retry.status === expected, `a second restore is ${toldOf(retry)}`);
      break;
    }
  }
  return found;
}

/** What has become of the claim by the end of a path: by the restore, or by another program that cares for no lock. */
type Fate = "stands" | "replaced" | "foreign" | "removed";

/** What a second restore is told, if nothing of the first one runs. */
const retryOf: Readonly<Record<Fate, RestoreOutcome["status"]>> = {
  stands: "restored",
  replaced: "blocked",
  foreign: "blocked",
  removed: "failed",
};

function fateOf({ steps, end }: RestorePath): Fate {
  const passes = (actor: string, result: string) =>
    steps.some(({ by }) => by.kind === "done" && by.actor === actor && by.result === result);
  if (end === "restored") return "replaced";
  if (passes("replaceClaim", "taken")) return "foreign";
  return passes("readBackClaim", "absent") ? "removed" : "stands";
}

function livingIn({ launches }: Observed): string[] {
  return [...launches].flatMap(([launchId, { processes }]) => (processes.length > 0 ? [launchId] : []));
}

function chainIn({ claimBytes = "{}" }: Observed): readonly string[] {
  return (JSON.parse(claimBytes) as { readonly restoredFrom?: readonly string[] }).restoredFrom ?? [];
}

export function toldOf(outcome: RestoreOutcome): string {
  switch (outcome.status) {
    case "blocked":
      return `blocked by ${outcome.by}${outcome.pids ? ` (${outcome.pids.join(", ")})` : ""}`;
    case "failed":
      return `failed: ${outcome.message}`;
    case "restored":
    case "timedOut":
    case "cancelled":
    case "unresolved":
      return outcome.status;
  }
}
