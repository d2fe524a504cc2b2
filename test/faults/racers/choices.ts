/** What racers choose from, and how often each is chosen. */
import type { LaunchTimeouts, LaunchRequest } from "launch-claim";
import type { AgentScript, LaunchEffects, RestoreEffects } from "launch-claim/testing";
import type { Random } from "../random.js";
import type { Answer, Operation } from "./history.js";

export function pick<Value>(values: readonly Value[], random: Random): Value {
  const value = values[random.below(values.length)];
  if (value === undefined) throw new Error("nothing to choose from");
  return value;
}

function weighed<Value>(
  choices: readonly (readonly [weight: number, value: Value])[],
  random: Random,
): Value {
  return pick(
    choices.flatMap(([weight, value]) => Array.from({ length: weight }, () => value)),
    random,
  );
}

export function chooseOperation(random: Random): Operation {
  return weighed(
    [
      [10, "launch"],
      [3, "restore"],
      [2, "adopt"],
      [4, "stop"],
      [6, "release"],
      [4, "reclaim"],
      [3, "status"],
      [1, "doctor"],
    ],
    random,
  );
}

/** What whoever was answered so does next on the same ticket; else tickets would mostly stand claimed, and nothing new could begin. */
export function chooseNext({ status, by }: Answer, random: Random): Operation[] {
  if (random.below(2) === 0) return [];
  if (status === "claimed" || status === "restored" || by === "live")
    return [pick(["stop", "release"], random)];
  if (by === "restorable") return [pick(["restore", "restore", "reclaim"], random)];
  return by === "stale" ? ["reclaim"] : [];
}

const CHUNK = { update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "On it." } } };
const STUBBORN = { ignoreStdinEnd: true, ignoreSigterm: true, ignoreCancel: true };

export interface ChosenAgent {
  readonly script: AgentScript;
  readonly whenDone: NonNullable<LaunchRequest["whenDone"]>;
}

/** How the agent behaves. Most can have their session loaded again. */
export function chooseAgent(random: Random): ChosenAgent {
  const script = weighed<AgentScript>(
    [
      [8, {}],
      // Still at work when it is ended.
      [4, { prompt: [CHUNK] }],
      [3, { prompt: [{ wait: random.below(500) }, CHUNK, { wait: random.below(500) }, { end: "end_turn" }] }],
      [1, { prompt: [{ stall: true }] }],
      [2, { prompt: [{ error: { code: -32603, message: "no model" } }] }],
      [1, { newSession: "authRequired" }],
      [1, { onStart: [{ exit: 1 }] }],
      [1, { prompt: [{ exit: 1 }] }],
      [1, { prompt: [CHUNK, { wait: random.below(300) }, { kill: "SIGKILL" }] }],
      [1, STUBBORN],
      [1, { grandchild: "plain" }],
      [1, { grandchild: "doubleFork", ...STUBBORN }],
    ],
    random,
  );
  const loadSession = random.below(4) > 0;
  return {
    script: { loadSession, ...script },
    whenDone: weighed([[6, "keep"] as const, [1, "stop"] as const, [1, "release"] as const], random),
  };
}

const LIMITS: LaunchTimeouts = {
  admitMs: 5_000,
  readyMs: 10_000,
  connectMs: 5_000,
  peerMs: 2_000,
  runAckMs: 1_500,
  commitMs: 5_000,
  verifyMs: 5_000,
  stopMs: 3_000,
};

/** Mostly long enough; now and then one of them is sure to run out early, or at a bad moment. */
export function chooseTimeouts(random: Random): Partial<LaunchTimeouts> {
  if (random.below(8) > 0) return LIMITS;
  const phase = pick(["admitMs", "readyMs", "connectMs", "runAckMs", "commitMs"] as const, random);
  return { ...LIMITS, [phase]: 1 + random.below(phase === "readyMs" ? 400 : 30) };
}

/** A moment of a launch or restore, and what its process suffers then. */
export interface ChosenEnd {
  readonly actor: keyof LaunchEffects | keyof RestoreEffects;
  readonly after: boolean;
  readonly signal: "SIGKILL" | "SIGSTOP";
}

/** A kill at random hardly ever comes between acceptance and claim: so those moments are chosen. */
export function chooseEnd(random: Random): ChosenEnd | undefined {
  if (random.below(3) > 0) return undefined;
  const actor = weighed<ChosenEnd["actor"]>(
    [
      [1, "startPod"],
      [1, "connect"],
      [2, "requestRun"],
      [5, "commitClaim"],
      [1, "restorePod"],
      [4, "replaceClaim"],
      [1, "stopPod"],
    ],
    random,
  );
  return { actor, after: random.below(3) === 0, signal: random.below(3) > 0 ? "SIGKILL" : "SIGSTOP" };
}

export interface ChosenLaunch extends ChosenAgent {
  readonly timeouts: Partial<LaunchTimeouts>;
  readonly end: ChosenEnd | undefined;
  readonly cancelAfterMs: number | undefined;
}

/** @param rushed of several that begin at once, one in three leaves its Pod accepted and unclaimed, for the next to adopt */
export function chooseLaunch(random: Random, rushed: boolean): ChosenLaunch {
  if (rushed && random.below(3) === 0) {
    const signal = random.below(3) > 0 ? "SIGKILL" : "SIGSTOP";
    const end = { actor: "commitClaim", after: false, signal } as const;
    return { script: {}, whenDone: "keep", timeouts: LIMITS, end, cancelAfterMs: undefined };
  }
  return {
    ...chooseAgent(random),
    timeouts: chooseTimeouts(random),
    end: chooseEnd(random),
    cancelAfterMs: random.below(4) === 0 ? random.below(900) : undefined,
  };
}
