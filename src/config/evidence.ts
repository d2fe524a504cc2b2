import type { AcpEvidence } from "../../machines/launch.types.js";

/** How the acceptance of an ACP agent is judged where nothing else is said. */
export const DEFAULT_EVIDENCE: AcpEvidence = {
  level: "progress",
  settleMs: 400,
  requireMessageId: false,
  endTurnNeedsProgress: false,
};
