import type { AnyStateMachine } from "xstate";
import { launchMachine } from "../../machines/launch.machine.js";
import { podMachine } from "../../machines/pod.machine.js";
import type { ConfirmResult, EndAgentResult } from "../../machines/pod.types.js";
import { restoreMachine } from "../../machines/restore.machine.js";
import type * as R from "../../machines/restore.types.js";
import type * as L from "../../machines/launch.types.js";
import type { ResultKinds } from "./exits.js";

export interface DrawnMachine {
  readonly machine: AnyStateMachine;
  readonly kinds: ResultKinds;
}

const LAUNCH_KINDS = {
  admit: { admitted: "admitted", adoptable: "adoptable", blocked: "something stands" },
  requestRun: { accepted: "accepted", rejected: "refused" },
  commitClaim: { committed: "committed", taken: "another claim stands" },
  readBackClaim: { ours: "ours", absent: "absent", taken: "another claim stands" },
  stopPod: { stopped: "stopped", unproven: "not proven" },
} satisfies {
  admit: Record<L.AdmitResult["kind"], string>;
  requestRun: Record<L.RunResult["kind"], string>;
  commitClaim: Record<L.CommitResult["kind"], string>;
  readBackClaim: Record<L.ReadBackResult["kind"], string>;
  stopPod: Record<L.StopResult["kind"], string>;
} satisfies ResultKinds;

const RESTORE_KINDS = {
  judgeClaim: { restorable: "restorable", blocked: "something stands" },
  endSurvivors: { stopped: "gone", unproven: "not proven" },
  replaceClaim: { replaced: "replaced", taken: "another claim stands" },
  readBackClaim: { ours: "ours", absent: "absent", taken: "another claim stands" },
  stopPod: { stopped: "stopped", unproven: "not proven" },
} satisfies {
  judgeClaim: Record<R.JudgeClaimResult["kind"], string>;
  endSurvivors: Record<L.StopResult["kind"], string>;
  replaceClaim: Record<R.ReplaceClaimResult["kind"], string>;
  readBackClaim: Record<L.ReadBackResult["kind"], string>;
  stopPod: Record<L.StopResult["kind"], string>;
} satisfies ResultKinds;

const POD_KINDS = {
  confirmClaim: { ours: "the claim is its own", notOurs: "it is not" },
  endAgent: { gone: "nothing is left", left: "processes are left" },
} satisfies {
  confirmClaim: Record<ConfirmResult["kind"], string>;
  endAgent: Record<EndAgentResult["kind"], string>;
} satisfies ResultKinds;

/** The machines that can be drawn, by name. */
export const MACHINES: Readonly<Record<"launch" | "restore" | "pod", DrawnMachine>> = {
  launch: { machine: launchMachine, kinds: LAUNCH_KINDS },
  restore: { machine: restoreMachine, kinds: RESTORE_KINDS },
  pod: { machine: podMachine, kinds: POD_KINDS },
};
