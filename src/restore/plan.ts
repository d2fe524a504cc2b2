import { roleIn, DEFAULT_IDLE_STOP_MS } from "../config.js";
import { chooseAgent, presetOf, type AgentRules } from "../launch/agent.js";
import { givenRecipeSchema } from "../config/recipe.js";
import type { AgentRecipe, Claim, LaunchPlan } from "../../machines/launch.types.js";

export interface RestoreRequest {
  readonly agent?: string | undefined;
  readonly recipe?: AgentRecipe | undefined;
}

/**
 * How the claim's agent is run again: as the request says, else as its name is known now, else by the command that the claim holds. It
 * works where it worked.
 *
 * @param root where it works if the claim does not say
 * @throws LaunchClaimError as for a launch
 */
export function planRestore(
  claim: Claim,
  { agent, recipe }: RestoreRequest,
  rules: AgentRules & { readonly root: string },
): LaunchPlan {
  const { config, root } = rules;
  const role = Object.hasOwn(config.roles, claim.role) ? roleIn(config, claim.role) : {};
  const name = agent ?? claim.agent?.name;
  const own = recipe ?? (agent === undefined ? recipeIn(claim, rules) : undefined);
  return {
    role: claim.role,
    ...chooseAgent({ agent: name, recipe: own }, rules),
    prompt: "",
    peers: [],
    cwd: claim.agent?.cwd ?? root,
    whenDone: role.whenDone ?? "keep",
    ...(role.permissions && { permissions: role.permissions }),
    idleStopMs: config.idleStopMs ?? DEFAULT_IDLE_STOP_MS,
  };
}

/** The command that the claim holds, unless that is what its agent's name means now, with its environment and its evidence. */
function recipeIn({ agent }: Claim, { config }: AgentRules): AgentRecipe | undefined {
  if (agent?.command === undefined) return undefined;
  const { driver } = agent;
  if (driver !== "acp" && driver !== "yoi") return undefined;
  const named = Object.hasOwn(config.agents, agent.name) ? config.agents[agent.name] : presetOf(agent.name);
  const isSame = named?.command.join("\0") === agent.command.join("\0");
  return isSame ? undefined : givenRecipeSchema.parse({ driver, command: agent.command });
}
