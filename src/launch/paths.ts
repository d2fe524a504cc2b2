import type { SnapshotFrom } from "xstate";
import {
  shortestPathsOf,
  simplePathsOf,
  type MachinePath,
  type MachineStep,
  type PathModel,
} from "../graph/machine-paths.js";
import { launchMachine, type LaunchMachine } from "../../machines/launch.machine.js";
import type {
  AdmitResult,
  Block,
  Claim,
  CommitResult,
  LaunchInput,
  LaunchTimeouts,
  PodHandle,
  PodSnapshot,
  ReadBackResult,
  RunResult,
  StopResult,
} from "../../machines/launch.types.js";
import type { LaunchEffects } from "./effects.js";

export type ActorName = keyof LaunchEffects;

/** One transition of a path of the launch machine. */
export type PathStep = MachineStep<ActorName, keyof LaunchTimeouts>;

/** One way through the launch machine, from `idle` to a final state. */
export type LaunchPath = MachinePath<
  PathStep,
  "claimed" | "blocked" | "failed" | "timedOut" | "cancelled" | "unresolved"
>;

/** Every path from `idle` to a final state that enters no state twice. */
export function simplePaths(): LaunchPath[] {
  return simplePathsOf(model) as LaunchPath[];
}

/**
 * The shortest path to every way in which a launch can end (final state, phase and reason, adopted or not), and for each
 * transition that none of them takes the shortest one that does.
 */
export function shortestPaths(): LaunchPath[] {
  return shortestPathsOf(model) as LaunchPath[];
}

const plan = { role: "intake", prompt: "", peers: ["peer"], cwd: "/" };
const pod: PodHandle = { name: "pod", launchId: "launch", locator: {} };
const acceptance = { level: "progress", kind: "model", at: "" } as const;
const snapshot: PodSnapshot = { protocol: 1, pod: "pod", launchId: "launch", status: "idle" };
const block: Block = { by: "live", reason: "another claim stands" };
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
  readonly admit: readonly AdmitResult[];
  readonly startPod: readonly PodHandle[];
  readonly connect: readonly PodSnapshot[];
  readonly registerPeers: readonly null[];
  readonly requestRun: readonly RunResult[];
  readonly commitClaim: readonly CommitResult[];
  readonly readBackClaim: readonly ReadBackResult[];
  readonly stopPod: readonly StopResult[];
}

const results: Results = {
  admit: [
    { kind: "admitted", plan },
    { kind: "adoptable", plan, pod },
    { kind: "blocked", block },
  ],
  startPod: [pod],
  connect: [snapshot],
  registerPeers: [null],
  requestRun: [
    { kind: "accepted", acceptance },
    { kind: "rejected", code: "rejected", message: "the run was rejected" },
  ],
  commitClaim: [
    { kind: "committed", claim },
    { kind: "taken", block },
  ],
  readBackClaim: [{ kind: "ours", claim }, { kind: "absent" }, { kind: "taken", block }],
  stopPod: [
    { kind: "stopped", proof: "host" },
    { kind: "unproven", pids: [1], reason: "a process is left" },
  ],
};

const input: LaunchInput = {
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

const model: PathModel<SnapshotFrom<LaunchMachine>> = {
  machine: launchMachine,
  begin: "LAUNCH",
  input,
  results: { ...results },
  wayOfEnding: ({ context: { adopted, ending, doubt } }) => [
    adopted,
    ending?.kind,
    ending?.phase,
    ending?.code,
    doubt?.phase,
    doubt?.message,
  ],
  // An adoption is shorter, but shows less: its Pod is not this launch's to stop.
  penalty: ({ steps }) => (steps.some(({ by }) => by.kind === "done" && by.result === "adoptable") ? 100 : 0),
};
