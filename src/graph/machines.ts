import type { AnyStateMachine } from "xstate";
import { launchMachine } from "../../machines/launch.machine.js";
import { podMachine } from "../../machines/pod.machine.js";
import type { EndAgentResult } from "../../machines/pod.types.js";
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

const POD_KINDS = {
  endAgent: { gone: "nothing is left", left: "processes are left" },
} satisfies { endAgent: Record<EndAgentResult["kind"], string> } satisfies ResultKinds;

/** The machines that can be drawn, by name. */
export const MACHINES: Readonly<Record<"launch" | "pod", DrawnMachine>> = {
  launch: { machine: launchMachine, kinds: LAUNCH_KINDS },
  pod: { machine: podMachine, kinds: POD_KINDS },
};
