import type { Ticket, WorkflowState } from "../tickets/item.js";
import { readTickets, type UnreadableTicket } from "../tickets/source.js";
import { status, type ClaimStatus } from "./status.js";
import type { ReadingTools } from "./verb-tools.js";

/**
 * What a panel would offer for a ticket: `clarify` (launch intake), `queue`, `wait` and `close` by its workflow state. Where it
 * would be `clarify` but something stands: `openPod` (a living Pod has it), `diagnose` (its claim needs a person first), `inFlight`
 * (somebody is launching it).
 */
export type TicketAction = "clarify" | "queue" | "wait" | "close" | "openPod" | "diagnose" | "inFlight";

export interface TicketStatus extends Omit<Ticket, "body"> {
  readonly action: TicketAction;
  /** The claim that stands, and how. */
  readonly claim?: ClaimStatus;
}

export interface TicketBoard {
  /** Where the tickets are, from the workspace on; absent if the workspace has none of its own. */
  readonly directory?: string;
  readonly tickets: readonly TicketStatus[];
  readonly unreadable: readonly UnreadableTicket[];
}

/** The workspace's tickets with their claims, as of now. Takes no lock, and writes nothing anywhere. */
export async function tickets(workspace: string, tools: ReadingTools): Promise<TicketBoard> {
  const source = await readTickets(workspace);
  if (source === undefined) return { tickets: [], unreadable: [] };
  const { directory, unreadable } = source;
  const claims = await claimsById(tools);
  const told: TicketStatus[] = [];
  for (const { body: _, ...ticket } of source.tickets) {
    const claim = claims.get(ticket.id);
    const action = await actionFor(ticket, claim, tools);
    told.push({ ...ticket, action, ...(claim && { claim }) });
  }
  return { directory, tickets: told, unreadable };
}

async function claimsById(tools: ReadingTools): Promise<ReadonlyMap<string, ClaimStatus>> {
  const { claims } = await status(undefined, tools);
  return new Map(claims.flatMap((claim) => (claim.ticket ? [[claim.ticket.id, claim] as const] : [])));
}

const ACTION_OF: Readonly<Record<WorkflowState, TicketAction>> = {
  intake: "clarify",
  ready: "queue",
  queued: "wait",
  inprogress: "wait",
  done: "close",
};

async function actionFor(
  { id, state }: Pick<Ticket, "id" | "state">,
  claim: ClaimStatus | undefined,
  { registry }: ReadingTools,
): Promise<TicketAction> {
  const action = ACTION_OF[state];
  if (action !== "clarify") return action;
  if (claim?.state === "live") return "openPod";
  if ((await registry.probeLocks({ id })).launch === "held") return "inFlight";
  return claim ? "diagnose" : "clarify";
}
