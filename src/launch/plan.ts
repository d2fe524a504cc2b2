import { LaunchClaimError, messageOf } from "../errors.js";
import { DEFAULT_IDLE_STOP_MS, roleIn } from "../config.js";
import type { AgentRecipe, LaunchPlan, TicketRef, WhenDone } from "../../machines/launch.types.js";
import { legible, printable } from "../text.js";
import { readWorkspaceFile } from "../workspace-file.js";
import { chooseAgent, type AgentRules } from "./agent.js";

/** What was asked for, checked but not yet judged. */
export interface PlanRequest {
  readonly ticket: TicketRef;
  readonly role: string;
  readonly agent?: string | undefined;
  readonly recipe?: AgentRecipe | undefined;
  readonly prompt?: string | undefined;
  readonly peers?: readonly string[] | undefined;
  readonly cwd: string;
  readonly whenDone?: WhenDone | undefined;
  readonly idleStopMs?: number | undefined;
}

export interface PlanRules extends AgentRules {
  /** Where prompt files are read from. */
  readonly root: string;
  /** True if a Pod that runs already is adopted: no agent is started and no prompt is sent, so neither is looked for. */
  readonly adopting: boolean;
}

/**
 * Settles what the launch will do. The request decides, then the role's configuration, then the workspace's.
 *
 * @throws LaunchClaimError `role_unknown` | `prompt_file_invalid` | `agent_missing` | `agent_unknown` | `config_untrusted`
 */
export function readPlan(request: PlanRequest, rules: PlanRules): LaunchPlan {
  const { config, root, adopting } = rules;
  const role = roleIn(config, request.role);
  // A recipe of its own is not the agent that the role names.
  const agent = request.agent ?? (request.recipe ? undefined : role.agent);
  const chosen = adopting
    ? { ...(agent !== undefined && { agent }) }
    : chooseAgent({ agent, recipe: request.recipe }, rules);
  return {
    role: request.role,
    ...chosen,
    prompt: adopting ? "" : promptOf(request, role.prompt, root),
    peers: request.peers ?? role.peers ?? [],
    cwd: request.cwd,
    whenDone: request.whenDone ?? role.whenDone ?? "keep",
    idleStopMs: request.idleStopMs ?? config.idleStopMs ?? DEFAULT_IDLE_STOP_MS,
    ...(role.permissions && { permissions: role.permissions }),
  };
}

function promptOf({ prompt, role, ticket }: PlanRequest, file: string | undefined, root: string): string {
  if (prompt !== undefined) return prompt;
  return file === undefined ? assignment(role, ticket) : readPrompt(root, file);
}

function readPrompt(root: string, file: string): string {
  try {
    const text = readWorkspaceFile(root, file);
    if (text === undefined) throw new Error("there is no such file");
    if (text.trim() === "") throw new Error("the file is empty");
    return text;
  } catch (cause) {
    throw new LaunchClaimError(
      "prompt_file_invalid",
      `the prompt file ${printable(file)} cannot be used: ${legible(messageOf(cause))}`,
      {
        hint: "Prompt files are read from the workspace, without links, at most 1 MiB.",
        cause,
      },
    );
  }
}

/** The assignment travels in the first run: an agent that looked its ticket up could find another's, or none. */
function assignment(role: string, { id, slug }: TicketRef): string {
  const named = slug === undefined ? id : `${id} (${slug})`;
  return `You are launched as ${role} for ticket ${named}. Continue the work on this existing ticket; do not create a duplicate.`;
}
