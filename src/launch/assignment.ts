import type { TicketRef } from "../../machines/launch.types.js";
import { printable } from "../text.js";

/** All that a Pod has to know of its work. It travels in the first run: an agent that looked it up could find another's, or none. */
export interface Assignment {
  readonly role: string;
  readonly ticket: TicketRef;
  /** What the workspace's tickets have of it; absent where they have nothing. */
  readonly item: { readonly title: string; readonly body: string } | undefined;
  /** The Pods that are handed off to, reached or not. */
  readonly peers: readonly string[];
  readonly workspace: string;
}

/** The first run of a launch that says nothing else. */
export function assignmentText(assignment: Assignment): string {
  const { role, ticket, item } = assignment;
  const named = ticket.slug === undefined ? ticket.id : `${ticket.id} (${ticket.slug})`;
  return [
    `You are launched as ${role} for ticket ${named}${item ? `: ${oneLine(item.title)}` : "."}`,
    `Continue the work as ${role} on this existing ticket; do not create a duplicate.`,
    ...(item?.body ? [`The ticket says:\n\n${item.body}`] : []),
    ...(assignment.peers.length > 0 ? [handOff(assignment)] : []),
  ].join("\n\n");
}

/** To whom the Pod reports, and what. Without peers: nothing. */
function handOff({ peers, workspace }: Assignment): string {
  if (peers.length === 0) return "";
  return [
    "Hand-off",
    `- workspace: ${workspace}`,
    `- orchestrator Pod: ${peers.join(", ")}`,
    "- report to it: the ticket's id, its new state, what is still open, and what it needs before it can be queued",
  ].join("\n");
}

/** What may stand between two pairs of braces in a role's prompt file. Plain text is put in its place, once: nothing is evaluated. */
const PLACEHOLDERS: Readonly<Record<string, (assignment: Assignment) => string>> = {
  role: ({ role }) => role,
  "ticket.id": ({ ticket }) => ticket.id,
  "ticket.slug": ({ ticket }) => ticket.slug ?? ticket.id,
  "ticket.title": ({ item }) => (item ? oneLine(item.title) : ""),
  "ticket.body": ({ item }) => item?.body ?? "",
  workspace: ({ workspace }) => workspace,
  handoff: handOff,
};

/**
 * A role's prompt file with its placeholders filled in.
 *
 * @throws Error that names a placeholder that there is none of
 */
export function fillTemplate(template: string, assignment: Assignment): string {
  return template.replace(/\{\{([^{}]*)\}\}/gu, (placeholder, inside: string) => {
    const name = inside.trim();
    const fill = Object.hasOwn(PLACEHOLDERS, name) ? PLACEHOLDERS[name] : undefined;
    if (fill) return fill(assignment);
    const known = Object.keys(PLACEHOLDERS).map((each) => `{{${each}}}`);
    throw new Error(`there is no ${printable(placeholder)}; there are ${known.join(" ")}`);
  });
}

function oneLine(text: string): string {
  return text.replace(/\s+/gu, " ").trim();
}
