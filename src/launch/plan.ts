import { LaunchClaimError, messageOf } from "../errors.js";
import { DEFAULT_IDLE_STOP_MS, roleIn } from "../config.js";
import type {
  AgentRecipe,
  LaunchPlan,
  LaunchWarning,
  TicketRef,
  WhenDone,
} from "../../machines/launch.types.js";
import { legible, printable } from "../text.js";
import { podOfKey } from "../unticketed.js";
import { readWorkspaceFile } from "../workspace-file.js";
import { chooseAgent, type AgentRules } from "./agent.js";
import { assignmentText, fillTemplate, type Assignment } from "./assignment.js";
import { ticketItem } from "./ticket-item.js";

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
  readonly anyState?: boolean | undefined;
}

export interface PlanRules extends AgentRules {
  /** Where prompt files and tickets are read from. */
  readonly root: string;
  /** Told what does not keep the launch from going on. */
  readonly warn: (warning: LaunchWarning) => void;
  /** True if a Pod that runs already is adopted: no agent is started and no prompt is sent, so neither is looked for. */
  readonly adopting: boolean;
}

/**
 * Settles what the launch will do. The request decides, then the role's configuration, then the workspace's.
 *
 * @throws LaunchClaimError `role_unknown` | `prompt_file_invalid` | `agent_missing` | `agent_unknown` | `config_untrusted` |
 *   `ticket_not_in_intake` | `tickets_unreadable`
 */
export async function readPlan(request: PlanRequest, rules: PlanRules): Promise<LaunchPlan> {
  const { config, root, adopting, warn } = rules;
  const role = roleIn(config, request.role);
  // A recipe of its own is not the agent that the role names.
  const agent = request.agent ?? (request.recipe ? undefined : role.agent);
  const chosen = adopting
    ? { ...(agent !== undefined && { agent }) }
    : chooseAgent({ agent, recipe: request.recipe }, rules);
  const peers = request.peers ?? role.peers ?? [];
  const hasTicket = podOfKey(request.ticket) === undefined;
  const item =
    adopting || !hasTicket
      ? undefined
      : await ticketItem(request.ticket, {
          workspace: root,
          role: request.role,
          anyState: request.anyState ?? false,
          warn,
        });
  const assignment = { role: request.role, ticket: request.ticket, item, peers, workspace: root };
  return {
    role: request.role,
    ...chosen,
    ...(item && { title: item.title }),
    prompt: adopting ? "" : (request.prompt ?? promptOf(assignment, role.prompt)),
    peers,
    cwd: request.cwd,
    whenDone: request.whenDone ?? role.whenDone ?? "keep",
    idleStopMs: request.idleStopMs ?? config.idleStopMs ?? DEFAULT_IDLE_STOP_MS,
    ...(role.permissions && { permissions: role.permissions }),
  };
}

function promptOf(assignment: Assignment, file: string | undefined): string {
  return file === undefined ? assignmentText(assignment) : readPrompt(file, assignment);
}

function readPrompt(file: string, assignment: Assignment): string {
  try {
    const text = readWorkspaceFile(assignment.workspace, file);
    if (text === undefined) throw new Error("there is no such file");
    if (text.trim() === "") throw new Error("the file is empty");
    return fillTemplate(text, assignment);
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
