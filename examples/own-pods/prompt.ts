import type { Ticket } from "./tickets.js";

/** Whom Intake reports to, if a workspace has an Orchestrator. */
export interface Handoff {
  readonly workspace: string;
  readonly orchestrator: string;
}

/**
 * The first run of a Clarify launch. The whole assignment stands in it: an agent that looked its ticket up could find another's,
 * or write a second one.
 */
export function clarifyPrompt(ticket: Ticket, handoff?: Handoff): string {
  const lines = [
    `You are launched as Intake for ticket ${ticket.id} (${ticket.slug}): ${ticket.title}`,
    "",
    "Continue Intake for this existing ticket; do not create a duplicate.",
    "Ask what is unclear, then write down what is to be done and how one will know that it is.",
  ];
  if (handoff) {
    lines.push(
      "",
      "Hand-off",
      `- workspace: ${handoff.workspace}`,
      `- orchestrator Pod: ${handoff.orchestrator}`,
      `- report to it: the ticket's id, its new state, open questions, and what it needs before it can be queued.`,
    );
  }
  return lines.join("\n");
}
