import { LaunchClaimError, messageOf } from "../errors.js";
import { roleIn, type Config } from "../config.js";
import type { LaunchPlan, TicketRef } from "../../machines/launch.types.js";
import { legible, printable } from "../text.js";
import { readWorkspaceFile } from "../workspace-file.js";

/** What was asked for, checked but not yet judged. */
export interface PlanRequest {
  readonly ticket: TicketRef;
  readonly role: string;
  readonly agent?: string | undefined;
  readonly prompt?: string | undefined;
  readonly peers?: readonly string[] | undefined;
  readonly cwd: string;
}

/**
 * Settles what the launch will do. The request decides, then the role's configuration.
 *
 * @throws LaunchClaimError `role_unknown` | `prompt_file_invalid`
 */
export function readPlan(request: PlanRequest, config: Config, root: string): LaunchPlan {
  const role = roleIn(config, request.role);
  const agent = request.agent ?? role.agent;
  const fromFile =
    request.prompt === undefined && role.prompt !== undefined ? readPrompt(root, role.prompt) : undefined;
  return {
    role: request.role,
    ...(agent !== undefined && { agent }),
    prompt: request.prompt ?? fromFile ?? assignment(request.role, request.ticket),
    peers: request.peers ?? role.peers ?? [],
    cwd: request.cwd,
  };
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
