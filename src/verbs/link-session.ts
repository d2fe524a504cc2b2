import type { ClaimRegistry, RoleSession } from "../ports.js";
import { podKey } from "../unticketed.js";
import type { PodHandle, TicketRef } from "../../machines/launch.types.js";
import { underLock, type Refused, type VerbTools } from "./verb-tools.js";

export type LinkOutcome =
  /** The session names the ticket, durably. `added`: it did not before. */
  | { readonly status: "linked"; readonly session: RoleSession; readonly added: boolean }
  /** There is no role session of this Pod. */
  | { readonly status: "absent" }
  | Refused;

/**
 * Adds a ticket to the role session of a Pod, for a ticket that came of a pre-ticket intake. It claims nothing. Under the lock of
 * the Pod's own name, so that of two links none is lost; and under that of the ticket it was launched for, if it was for one, whose
 * commit writes the same file.
 */
export async function linkSession<Pod extends PodHandle>(
  { pod, ticket }: { readonly pod: string; readonly ticket: TicketRef },
  tools: VerbTools<Pod>,
): Promise<LinkOutcome> {
  const { registry } = tools;
  // Looked at first, so that a name that is nobody's leaves no lock file.
  const found = await sessionOf(pod, registry);
  if (found === undefined) return { status: "absent" };
  return await underLock<Pod, LinkOutcome>(podKey(pod), tools, async () => {
    const [launched] = found.origin === "launch" ? found.tickets : [];
    const link = () => addTicket({ pod, ticket }, tools);
    return launched ? await underLock<Pod, LinkOutcome>(launched, tools, link) : await link();
  });
}

/** The session is read anew: the caller has its locks only now. */
async function addTicket<Pod extends PodHandle>(
  { pod, ticket }: { readonly pod: string; readonly ticket: TicketRef },
  { registry, now }: VerbTools<Pod>,
): Promise<LinkOutcome> {
  const session = await sessionOf(pod, registry);
  if (session === undefined) return { status: "absent" };
  const added = !session.tickets.some(({ id }) => id === ticket.id);
  const linked = added ? { ...session, tickets: [...session.tickets, ticket], updatedAt: now() } : session;
  // Also one that was there: whoever wrote it may have died before it was durable.
  await registry.writeSession(linked);
  return { status: "linked", session: linked, added };
}

async function sessionOf(pod: string, registry: ClaimRegistry): Promise<RoleSession | undefined> {
  return (await registry.sessions()).find((session) => session.pod === pod);
}
