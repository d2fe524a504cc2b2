/** Whether a command that had to do with an error says what is so. */
import type { CliWorld, EndedCommand } from "../../fixtures/cli-world.js";
import { claimFile } from "../../paths/observe.js";
import { ID, see, type Seen } from "../strace/seen.js";
import type { Injected } from "../strace/trace.js";

/** Of DESIGN.md, without the two that belong to an interrupt and that of a wrong use. */
const EXIT_CODES = [0, 1, 3, 4, 5];

interface Answer {
  readonly status?: string;
  readonly claim?: { readonly launchId: string };
  readonly pids?: readonly number[];
  readonly error?: { readonly code: string; readonly message: string };
}

export function liesOfAnswer(
  world: CliWorld,
  { ended, call, before }: Pick<Injected, "ended" | "call"> & { readonly before: Seen },
): string[] {
  const lies = crashIn(ended);
  const answer = ended.results.findLast(isAnswer);
  const after = see(world);
  if (answer === undefined) {
    // Who cannot write does not answer; the exit code is all that is left.
    if (call?.includes("to stdout") !== true) lies.push(`it says nothing: ${JSON.stringify(ended)}`);
    return lies;
  }
  const { status = "error" } = answer;
  const isDone = ["claimed", "restored", "ended"].includes(status);
  // Nothing to end is done for a reclaim, and a failure of a release.
  if (status !== "absent" && isDone !== (ended.code === 0))
    lies.push(`${status} with exit code ${ended.code}`);
  if (status === "claimed" || status === "restored") {
    const { launchId } = answer.claim ?? {};
    if (launchId === undefined || launchId !== after.claim)
      lies.push(`it says ${status}; claimed is ${after.claim}`);
    else if (status === "claimed" && !after.accepted.includes(launchId))
      lies.push(`it says claimed; ${launchId} has no receipt of an accepted run`);
  } else if (status === "ended") {
    if (after.claimFile !== undefined || after.history.length !== 1 || after.living.length > 0)
      lies.push(`it says ended; seen is ${JSON.stringify(after)}`);
  } else if (status === "unresolved") {
    lies.push(...unnamed(world, answer, before));
  } else if (!before.claim || after.history.length === 0) {
    lies.push(...changesOf({ status, before, after }));
  }
  if (answer.error?.code === "internal") lies.push(`it calls it a defect: ${answer.error.message}`);
  return lies.map((lie) => `${lie}: ${JSON.stringify(answer).slice(0, 600)}`);
}

/**
 * What a doubt blocks is stopped by hand, as its advice says; a claim that stands is no doubt any more.
 *
 * @returns what was broken with that
 */
export async function afterDoubt(world: CliWorld, { results }: EndedCommand): Promise<string[]> {
  const answer = results.findLast(isAnswer);
  if (answer?.status !== "unresolved" || see(world).claim !== undefined) return [];
  const { code, stderr, results: told } = await world.run("stop", ID, "--json");
  return code === 0 ? [] : [`after a doubt, stop is ${JSON.stringify(told)} ${stderr}`];
}

/** A transition has a state, and no status. */
function isAnswer(line: unknown): line is Answer {
  const { status, error } = line as Answer;
  return status !== undefined || error !== undefined;
}

function crashIn({ code, signal, stderr }: EndedCommand): string[] {
  const lies: string[] = [];
  if (code === undefined || !EXIT_CODES.includes(code))
    lies.push(`it ended with ${signal ?? code}: ${stderr}`);
  if (/^\s+at .*:\d+:\d+\)?$/mu.test(stderr)) lies.push(`it shows a stack: ${stderr}`);
  return lies;
}

/** Not done means: as if it had never been. What a release has stopped stays stopped. */
function changesOf({ status, before, after }: { status: string; before: Seen; after: Seen }): string[] {
  const lies: string[] = [];
  if (after.claim !== before.claim)
    lies.push(`it says ${status}; the claim was ${before.claim}, and is ${after.claim}`);
  const further = after.living.filter((launchId) => !before.living.includes(launchId));
  if (further.length > 0) lies.push(`it says ${status}; there runs something of ${further.join(", ")}`);
  return lies;
}

function unnamed(world: CliWorld, { pids = [] }: Answer, before: Seen): string[] {
  const { claim, living } = see(world);
  const running = living.filter((launchId) => !before.living.includes(launchId) && launchId !== claim);
  const left = running
    .flatMap((launchId) => world.processesOf(launchId))
    .filter((pid) => !pids.includes(pid));
  return left.length === 0
    ? []
    : [`unresolved without naming ${left.join(", ")} (${claimFile(world.registry, ID)})`];
}
