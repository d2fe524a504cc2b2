import { DEFAULT_EVIDENCE } from "../config/evidence.js";
import type { AcpEvidence, AgentRecipe } from "../../machines/launch.types.js";

/** An agent that needs no configuration: how it is run, and what is known of it. Data only; the rules that it selects are the driver's. */
export interface Preset {
  readonly recipe: AgentRecipe;
  /** The npm package that its program comes with. */
  readonly package: string;
  /** Whether its sessions can be loaded again in a new process, as it was tried; not what it offers. */
  readonly restores: "yes" | "no" | "untried";
  /** Why, in a sentence for people, with the version that was tried. */
  readonly restoresBecause: string;
}

interface AcpTraits {
  /** What its evidence has to be told apart from. */
  readonly evidence?: Partial<AcpEvidence>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdinEndMs?: number;
}

/** An agent that speaks ACP. */
export function acpPreset(
  command: readonly string[],
  { evidence, ...traits }: AcpTraits,
  known: Omit<Preset, "recipe">,
): Preset {
  const recipe: AgentRecipe = {
    driver: "acp",
    command,
    evidence: { ...DEFAULT_EVIDENCE, ...evidence },
    ...traits,
    // A claim that is called restorable and is not keeps its ticket from everybody else for nothing.
    ...(known.restores === "no" && { restorable: false }),
  };
  return { recipe, ...known };
}
