/** Whether a command that had to do with an error says what is so. */
import type { CliWorld, EndedCommand } from "../../fixtures/cli-world.js";
import { claimFile } from "../../paths/observe.js";
import { ID, see, type Seen } from "./seen.js";
import type { Injected } from "./trace.js";

/** Of DESIGN.md, by what is said: no interrupt and no wrong use is among what can come here. */
const EXIT_CODES: Readonly<Record<string, number>> = {
  claimed: 0,
  restored: 0,
  ended: 0,
  absent: 1,
  failed: 1,
  error: 1,
  blocked: 3,
  refused: 3,
  timedOut: 4,
  unresolved: 5,
};

interface Answer {
  readonly status?: string;
  readonly claim?: { readonly launchId: string };
  readonly pids?: readonly number[];
  /** Of an outcome that is `failed`. */
  readonly code?: string;
  readonly message?: string;
  /** Of a command that has no outcome. */
  readonly error?: { readonly code: string; readonly message: string };
}

export function liesOfAnswer(
  world: CliWorld,
  { ended, call, before }: Pick<Injected, "ended" | "call"> & { readonly before: Seen },
): string[] {
  const answer = ended.results.findLast(isAnswer);
  const after = see(world);
  const lies = crashIn(ended);
  if (answer === undefined) {
    if (call?.includes("to stdout") === true) lies.push(...liesOfExitCode(ended, { before, after }));
    else lies.push(`it says nothing: ${JSON.stringify(ended)}`);
    return lies;
  }
  const { status = "error" } = answer;
  const { launchId } = answer.claim ?? {};
  if (ended.code !== EXIT_CODES[status]) lies.push(`${status} with exit code ${ended.code}`);
  switch (status) {
    case "claimed":
    case "restored":
      if (launchId === undefined || launchId !== after.claim)
        lies.push(`it says ${status}; claimed is ${after.claim}`);
      // Who overlooks a claim may adopt its Pod once more: what is on disk is right then, and the answer is not.
      else if (after.claim === before.claim) lies.push(`it says ${status}; that claim stood before`);
      else if (status === "claimed" && !after.accepted.includes(launchId))
        lies.push(`it says claimed; ${launchId} has no receipt of an accepted run`);
      break;
    case "ended":
      if (after.claimFile !== undefined || after.history.length !== 1 || after.living.length > 0)
        lies.push(`it says ended; seen is ${JSON.stringify(after)}`);
      break;
    case "absent":
      if (after.claim !== undefined) lies.push(`it says absent; claimed is ${after.claim}`);
      break;
    case "unresolved":
      lies.push(...unnamed(world, answer, before));
      break;
    default:
      lies.push(...changesOf({ status, before, after }));
  }
  const { code, message = "" } = answer.error ?? answer;
  if (code === "internal") lies.push(`it calls it a defect: ${message}`);
  if (STACK.test(message)) lies.push("its message is a stack");
  return lies.map((lie) => `${lie}: ${JSON.stringify(answer).slice(0, 600)}`);
}

/** Who cannot write does not answer; the exit code is all that is left. */
function liesOfExitCode(
  { code }: EndedCommand,
  { before, after }: { readonly before: Seen; readonly after: Seen },
): string[] {
  // Who died was seen to: `crashIn`.
  if (code === undefined) return [];
  if (code !== 0)
    return code === EXIT_CODES["unresolved"] ? [] : changesOf({ status: `exit ${code}`, before, after });
  return after.claim === before.claim ? [`exit code 0; the claim was ${before.claim}, and still is`] : [];
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

const STACK = /^\s+at .*:\d+:\d+\)?$/mu;

function crashIn({ code, signal, stderr }: EndedCommand): string[] {
  const lies: string[] = [];
  if (code === undefined || !Object.values(EXIT_CODES).includes(code))
    lies.push(`it ended with ${signal ?? code}: ${stderr}`);
  if (STACK.test(stderr)) lies.push(`it shows a stack: ${stderr}`);
  return lies;
}

/**
 * Not done means: as if it had never been. What a release has stopped stays stopped; and a claim whose history entry was written
 * before the error has ended, which the command says when it is given again.
 */
function changesOf({ status, before, after }: { status: string; before: Seen; after: Seen }): string[] {
  const lies: string[] = [];
  const hasEnded = before.claim !== undefined && after.history.includes(before.claim);
  if (after.claim !== (hasEnded ? undefined : before.claim))
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
