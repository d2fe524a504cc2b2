import { LaunchClaimError } from "./errors.js";
import { printable } from "./text.js";
import type { TicketRef } from "../machines/launch.types.js";

/** No ticket may be called so: what begins with it names a Pod that was launched without one. */
const PREFIX = "pod:";

/**
 * What stands where a ticket would for a Pod that was launched without one: its locks, its record and its log go by it, and every
 * command takes it. No claim ever carries it.
 */
export function podKey(pod: string): TicketRef {
  return { id: `${PREFIX}${pod}` };
}

/** The Pod that the key names; undefined for a ticket. */
export function podOfKey({ id }: TicketRef): string | undefined {
  return id.startsWith(PREFIX) ? id.slice(PREFIX.length) : undefined;
}

/**
 * Refuses a key where a ticket is to be claimed: such a claim would be one on no ticket.
 *
 * @throws LaunchClaimError `ticket_id_invalid`
 */
export function requireTicket(ticket: TicketRef): TicketRef {
  if (podOfKey(ticket) === undefined) return ticket;
  throw new LaunchClaimError(
    "ticket_id_invalid",
    `the ticket id ${printable(ticket.id)} is that of a Pod without a ticket, or could be`,
    { hint: 'No ticket\'s id begins with "pod:". Nothing was started.' },
  );
}

/** What a Pod was launched for, in a sentence about it. */
export function forTicket(ticket: TicketRef): string {
  return podOfKey(ticket) === undefined ? `for ticket ${ticket.id}` : "without a ticket";
}
