import { DEFAULT_EVIDENCE } from "../config/evidence.js";
import type { AcpEvidence, AgentRecipe } from "../../machines/launch.types.js";

/** An agent that speaks ACP, and what its evidence has to be told apart from. */
export function acp(
  command: readonly string[],
  traps: Partial<AcpEvidence> = {},
  environment?: Readonly<Record<string, string>>,
): AgentRecipe {
  const evidence = { ...DEFAULT_EVIDENCE, ...traps };
  return { driver: "acp", command, evidence, ...(environment && { environment }) };
}
