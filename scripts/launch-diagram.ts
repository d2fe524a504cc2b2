import { launchMachine } from "../machines/launch.machine.js";
import type * as L from "../machines/launch.types.js";
import { mermaidOf, tableOf, withGenerated, type ResultKinds } from "./mermaid.js";

const KINDS = {
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

/** `machines/README.md` with its generated parts as the launch machine is now. */
export function withLaunchMachine(readme: string): string {
  const fence = "```";
  const diagram = `${fence}mermaid\n${mermaidOf(launchMachine, KINDS)}\n${fence}`;
  return withGenerated(withGenerated(readme, "exits", tableOf(launchMachine, KINDS)), "diagram", diagram);
}
