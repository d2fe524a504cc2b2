import type { SnapshotFrom } from "xstate";
import {
  shortestPathsOf,
  simplePathsOf,
  type MachinePath,
  type MachineStep,
  type PathModel,
} from "../graph/machine-paths.js";
import { restoreMachine, type RestoreMachine } from "../../machines/restore.machine.js";
import type {
  Block,
  Claim,
  PodHandle,
  PodSnapshot,
  ReadBackResult,
  StopResult,
} from "../../machines/launch.types.js";
import type {
  JudgeClaimResult,
  ReplaceClaimResult,
  RestoreDelay,
  RestoreInput,
} from "../../machines/restore.types.js";
import type { RestoreEffects } from "./effects.js";

export type RestoreActorName = keyof RestoreEffects;

/** One transition of a path of the restore machine. */
export type RestorePathStep = MachineStep<RestoreActorName, RestoreDelay>;

/** One way through the restore machine, from `idle` to a final state. */
export type RestorePath = MachinePath<
  RestorePathStep,
  "restored" | "blocked" | "failed" | "timedOut" | "cancelled" | "unresolved"
>;

/** Every path from `idle` to a final state that enters no state twice. */
export function simpleRestorePaths(): RestorePath[] {
  return simplePathsOf(model) as RestorePath[];
}

/** The shortest path to every way in which a restore can end, and for each transition that none of them takes the shortest that does. */
export function shortestRestorePaths(): RestorePath[] {
  return shortestPathsOf(model) as RestorePath[];
}

const plan = { role: "intake", prompt: "", peers: [], cwd: "/" };
const pod: PodHandle = { name: "pod", launchId: "launch", locator: {} };
const acceptance = { level: "progress", kind: "model", at: "" } as const;
const snapshot: PodSnapshot = { protocol: 1, pod: "pod", launchId: "launch", status: "idle" };
const block: Block = { by: "live", reason: "its Pod lives" };
const claim: Claim = {
  ticket: { id: "ticket" },
  role: "intake",
  pod: "pod",
  launchId: "launch",
  claimedAt: "",
  adopted: false,
  acceptance,
  runtime: { kind: "model", locator: {} },
};

interface Results {
  readonly judgeClaim: readonly JudgeClaimResult[];
  readonly endSurvivors: readonly StopResult[];
  readonly restorePod: readonly PodHandle[];
  readonly connect: readonly PodSnapshot[];
  readonly replaceClaim: readonly ReplaceClaimResult[];
  readonly readBackClaim: readonly ReadBackResult[];
  readonly stopPod: readonly StopResult[];
}

const stops: readonly StopResult[] = [
  { kind: "stopped", proof: "host" },
  { kind: "unproven", pids: [1], reason: "a process is left" },
];

const results: Results = {
  judgeClaim: [
    { kind: "restorable", plan, claim },
    { kind: "blocked", block },
  ],
  endSurvivors: stops,
  restorePod: [pod],
  connect: [snapshot],
  replaceClaim: [
    { kind: "replaced", claim },
    { kind: "taken", block },
  ],
  readBackClaim: [{ kind: "ours", claim }, { kind: "absent" }, { kind: "taken", block }],
  stopPod: stops,
};

const input: RestoreInput = {
  ticket: { id: "ticket" },
  launchId: "launch",
  timeouts: {
    admitMs: 1,
    readyMs: 1,
    connectMs: 1,
    peerMs: 1,
    runAckMs: 1,
    commitMs: 1,
    verifyMs: 1,
    stopMs: 1,
  },
};

const model: PathModel<SnapshotFrom<RestoreMachine>> = {
  machine: restoreMachine,
  begin: "RESTORE",
  input,
  results: { ...results },
  wayOfEnding: ({ context: { ending, doubt } }) => [
    ending?.kind,
    ending?.phase,
    ending?.code,
    doubt?.phase,
    doubt?.message,
  ],
};
