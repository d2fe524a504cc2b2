import { LaunchClaimError } from "../errors.js";
import type { LaunchWarning, TicketRef } from "../../machines/launch.types.js";
import { legible, printable } from "../text.js";
import type { Ticket } from "../tickets/item.js";
import { findTicket } from "../tickets/source.js";

export interface ItemRules {
  readonly workspace: string;
  readonly role: string;
  /** True: intake of a ticket is launched whatever its state. */
  readonly anyState: boolean;
  readonly warn: (warning: LaunchWarning) => void;
}

/**
 * What the workspace's tickets have of the one that is launched. Any id may be launched, known or not; but intake of a ticket that
 * has left intake, or whose state cannot be read, is refused: it would be clarified twice.
 *
 * @throws LaunchClaimError `ticket_not_in_intake` | `tickets_unreadable`
 */
export async function ticketItem(
  { id }: TicketRef,
  { workspace, role, anyState, warn }: ItemRules,
): Promise<Ticket | undefined> {
  const found = await findTicket(workspace, id);
  const mayBeAny = anyState || role !== "intake";
  switch (found?.kind) {
    case undefined:
      return undefined;
    case "ticket": {
      const { ticket } = found;
      if (mayBeAny || ticket.state === "intake") return ticket;
      throw refused(`ticket ${printable(id)} is ${ticket.state}, not in intake`, ticket.file);
    }
    case "unreadable": {
      const { file, reason } = found.unreadable;
      const message = `ticket ${printable(id)} cannot be read: ${reason}`;
      if (!mayBeAny) throw refused(message, file);
      warn({ code: "ticket_unreadable", message: `${message} (${legible(file)})` });
      return undefined;
    }
    case "unknown":
      warn({
        code: "ticket_unknown",
        message: `the workspace's tickets have none with the id ${printable(id)}`,
      });
      return undefined;
  }
}

function refused(message: string, file: string): LaunchClaimError {
  return new LaunchClaimError("ticket_not_in_intake", `${message} (${legible(file)})`, {
    hint: "Launch it as another role, or for any state (anyState). Nothing was started.",
  });
}
