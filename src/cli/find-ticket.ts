import type { TicketRef } from "../../machines/launch.types.js";
import { legible, printable } from "../text.js";
import type { Call } from "./command.js";
import { UsageError } from "./usage-error.js";

/**
 * The ticket that was named: by its id, or by its slug where the workspace's own tickets have just one of that slug. What they have
 * of it is added; a ticket that they do not have may be named all the same.
 *
 * @throws UsageError if several have that slug
 */
export async function findNamedTicket(
  { id, slug }: TicketRef,
  { workspace, home, terminal }: Call,
): Promise<TicketRef> {
  const [{ findTicket, readTickets }, { findWorkspace }] = await Promise.all([
    import("../tickets/source.js"),
    import("../registry/workspace.js"),
  ]);
  const { root } = findWorkspace(workspace(), home);
  const found = await findTicket(root, id);
  if (found?.kind === "ticket") {
    const known = slug ?? found.ticket.slug;
    return { id, ...(known !== undefined && { slug: known }) };
  }
  const named = slug === undefined ? { id } : { id, slug };
  if (found?.kind !== "unknown") return named;
  const ofThatSlug = (await readTickets(root))?.tickets.filter((ticket) => ticket.slug === id) ?? [];
  const [only, ...others] = ofThatSlug;
  if (only === undefined) return named;
  if (others.length > 0) {
    throw new UsageError(
      `${ofThatSlug.length} tickets have the slug ${printable(id)}, and none has it as its id`,
      `Name one by its id: ${legible(ofThatSlug.map((ticket) => ticket.id).join(" "))}`,
    );
  }
  if (!terminal.json) terminal.tell(`${legible(id, 100)} is ticket ${legible(only.id, 100)}`);
  return { id: only.id, slug: slug ?? id };
}
