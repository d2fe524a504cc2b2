/** The table at the end of section 3 of the design: what each ending must leave behind. */
import type { Outcome } from "launch-claim";
import type { LaunchPath } from "launch-claim/testing";
import { WITHOUT_PROCESS, type Observed } from "./observe.js";

/** One run of one path, as it was measured. */
export interface PathRun {
  readonly path: LaunchPath;
  readonly launchId: string;
  readonly outcome: Outcome;
  /** Before the launch: what stood, or what could be adopted. */
  readonly before: Observed;
  readonly after: Observed;
  /** What a second launch of the same ticket was told, nothing having been changed. */
  readonly retry: Outcome;
  /** What was injected, because no process can show it. */
  readonly injected: readonly string[];
}

/** What is not as it must be; empty if all is. */
export function violations(run: PathRun): string[] {
  const found: string[] = [];
  const demand = (holds: boolean, what: string) => {
    if (!holds) found.push(what);
  };
  const { path, outcome, before, after, retry, launchId } = run;
  const adopted = adoptedIn(run);
  const ours = adopted ?? launchId;
  const runs = after.launches.get(ours) ?? { processes: [], prompts: 0 };

  demand(outcome.status === path.end, `the outcome is ${outcome.status}, the path ends in ${path.end}`);
  demand(after.launchLock === "free", "the launch lock is still held");
  demand(runs.prompts <= 1, `the agent was given ${runs.prompts} prompts`);
  if (adopted !== undefined) {
    demand(runs.processes.length > 0, "the adopted Pod was stopped");
    demand(!after.launches.has(launchId), "an adoption left records of its own");
  }

  switch (path.end) {
    case "claimed":
      demand(same(after.claims, [ours]), `claims are ${shown(after.claims)}, not ours alone`);
      demand(after.sessions.includes(ours), "the role session is missing");
      demand(runs.processes.length > 0, "the claimed Pod does not run");
      demand(runs.prompts === 1, `the agent was given ${runs.prompts} prompts`);
      demand(after.podLock === "held", "the Pod lock is free");
      demand(retry.status === "blocked" && retry.by === "live", `a second launch is ${told(retry)}`);
      break;

    case "failed":
    case "timedOut":
    case "cancelled":
      demand(after.claims.length === 0, `claims are ${shown(after.claims)}`);
      demand(!after.sessions.includes(launchId), "a role session is left");
      demand(retry.status === "claimed", `a second launch is ${told(retry)}, not admitted`);
      if (adopted === undefined) {
        demand(runs.processes.length === 0, `processes ${shown(runs.processes)} still run`);
        demand(after.podLock === "free", "the Pod lock is held");
      } else {
        demand(retry.status === "claimed" && retry.adopted, "a second launch did not adopt");
      }
      break;

    case "blocked":
      demand(after.claims.length === 1, `claims are ${shown(after.claims)}`);
      demand(
        before.claimBytes === undefined || after.claimBytes === before.claimBytes,
        "what stood was changed",
      );
      if (adopted === undefined) {
        demand(runs.processes.length === 0, `processes ${shown(runs.processes)} still run`);
        demand(!after.sessions.includes(launchId), "a role session is left");
        demand(
          after.podLock === before.podLock,
          `the Pod lock was ${before.podLock} and is ${after.podLock}`,
        );
      }
      demand(
        retry.status === "blocked" && outcome.status === "blocked" && retry.by === outcome.by,
        `a second launch is ${told(retry)}`,
      );
      break;

    case "unresolved": {
      const stood = (claim: string) => claim === ours || before.claims.includes(claim) || wasTaken(path);
      demand(after.claims.every(stood), `claims are ${shown(after.claims)}`);
      demand(retry.status === "blocked", `a second launch is ${told(retry)}`);
      if (outcome.status !== "unresolved" || retry.status !== "blocked") break;
      const named = new Set(outcome.pids);
      demand(
        runs.processes.every((pid) => pid === WITHOUT_PROCESS || named.has(pid)),
        `processes ${shown(runs.processes)} run, but ${shown(outcome.pids)} are named`,
      );
      // Processes that nobody could name yet block all the same; a claim that stands names its Pod.
      demand(
        retry.by === "live" ||
          retry.by === "unknown" ||
          outcome.pids.every((pid) => retry.pids?.includes(pid)),
        `a second launch is blocked by ${retry.by}, which names ${shown(retry.pids ?? [])}`,
      );
      break;
    }
  }
  return found;
}

/** The launch whose Pod this path adopts. */
export function adoptedIn({ path, before }: Pick<PathRun, "path" | "before">): string | undefined {
  const adopts = path.steps.some(({ by }) => by.kind === "done" && by.result === "adoptable");
  return adopts ? [...before.launches.keys()].at(-1) : undefined;
}

function wasTaken({ steps }: LaunchPath): boolean {
  return steps.some(({ by }) => by.kind === "done" && by.result === "taken");
}

export function same(found: readonly string[], wanted: readonly string[]): boolean {
  return found.length === wanted.length && wanted.every((one) => found.includes(one));
}

export function shown(values: readonly (string | number)[]): string {
  return values.length === 0 ? "none" : values.join(", ");
}

export function told(outcome: Outcome): string {
  switch (outcome.status) {
    case "blocked":
      return `blocked by ${outcome.by}${outcome.pids ? ` (${outcome.pids.join(", ")})` : ""}`;
    case "claimed":
      return outcome.adopted ? "claimed (adopted)" : "claimed";
    case "failed":
      return `failed: ${outcome.message}`;
    case "timedOut":
    case "cancelled":
    case "unresolved":
      return outcome.status;
  }
}
