import type { Dirent } from "node:fs";
import { join } from "node:path";
import { LaunchClaimError, messageOf } from "../errors.js";
import { legible } from "../text.js";
import { listWorkspaceDirectory, readWorkspaceFile } from "../workspace-file.js";
import { parseItem, type ItemPlace, type Ticket } from "./item.js";
import { ticketDirectory } from "./ticket-config.js";

/** A ticket that cannot be read is told as such, and hides no other. */
export interface UnreadableTicket {
  /** Its directory's name, by which it would be launched. */
  readonly name: string;
  /** From the workspace on. */
  readonly file: string;
  readonly reason: string;
}

/** The tickets of a workspace, read and never written. */
export interface TicketSource {
  /** From the workspace on. */
  readonly directory: string;
  /** In the order of their ids. */
  readonly tickets: readonly Ticket[];
  readonly unreadable: readonly UnreadableTicket[];
}

/** What a source has of an id. */
export type FoundTicket =
  | { readonly kind: "ticket"; readonly ticket: Ticket }
  | { readonly kind: "unreadable"; readonly unreadable: UnreadableTicket }
  | { readonly kind: "unknown" };

const ITEM = "item.md";
const PLACES = ["open", "pending", "closed"];
/** More are a generated tree or a mistake, and each is a file to be read. */
const MAX_TICKETS = 10_000;

/**
 * Reads every ticket of the workspace: `open|pending|closed/<id>/item.md`, or `<id>/item.md`, or both side by side.
 *
 * @returns undefined if the workspace has no tickets of its own
 * @throws LaunchClaimError `tickets_unreadable` if not even their directory can be read
 */
export async function readTickets(workspace: string): Promise<TicketSource | undefined> {
  return await read(workspace, () => true);
}

async function read(
  workspace: string,
  isWanted: (place: ItemPlace) => boolean,
): Promise<TicketSource | undefined> {
  const directory = ticketDirectory(workspace);
  const places = directory === undefined ? undefined : itemPlaces(workspace, directory)?.filter(isWanted);
  if (directory === undefined || places === undefined) return undefined;
  const tickets: Ticket[] = [];
  const unreadable: UnreadableTicket[] = [];
  for (const place of places.slice(0, MAX_TICKETS)) {
    try {
      tickets.push(await readItem(workspace, place));
    } catch (error) {
      unreadable.push({ name: place.name, file: place.file, reason: legible(messageOf(error)) });
    }
  }
  if (places.length > MAX_TICKETS) {
    const reason = `there are ${places.length} tickets; the first ${MAX_TICKETS} are read`;
    unreadable.push({ name: directory, file: directory, reason });
  }
  return { directory, ...withoutTwins({ tickets, unreadable }) };
}

/** The ticket of this id, on the same terms as {@link readTickets}; undefined if the workspace has no tickets of its own. */
export async function findTicket(workspace: string, id: string): Promise<FoundTicket | undefined> {
  const source = await read(workspace, ({ name }) => name === id);
  if (source === undefined) return undefined;
  const [ticket] = source.tickets;
  if (ticket) return { kind: "ticket", ticket };
  const [unreadable] = source.unreadable;
  return unreadable ? { kind: "unreadable", unreadable } : { kind: "unknown" };
}

async function readItem(workspace: string, place: ItemPlace): Promise<Ticket> {
  const text = readWorkspaceFile(workspace, place.file);
  if (text === undefined) throw new Error(`it has no ${ITEM}`);
  return await parseItem(text, place);
}

/** Undefined if the directory is not there. */
function itemPlaces(workspace: string, directory: string): ItemPlace[] | undefined {
  const list = (path: string): Dirent[] | undefined => {
    try {
      return listWorkspaceDirectory(workspace, path)?.filter(isTicketLike);
    } catch (cause) {
      throw new LaunchClaimError(
        "tickets_unreadable",
        `the tickets in ${legible(path)} cannot be read: ${legible(messageOf(cause))}`,
        { hint: "Tickets are read from the workspace, without links.", cause },
      );
    }
  };
  const top = list(directory);
  return top?.flatMap(({ name }) => {
    if (!PLACES.includes(name)) return [{ name, file: join(directory, name, ITEM), closed: false }];
    const inside = list(join(directory, name)) ?? [];
    const closed = name === "closed";
    return inside.map((entry) => ({
      name: entry.name,
      file: join(directory, name, entry.name, ITEM),
      closed,
    }));
  });
}

/** Files beside the tickets, such as a `.gitkeep`, are none. A link is told of: somebody expects it to be followed. */
function isTicketLike(entry: Dirent): boolean {
  return !entry.name.startsWith(".") && (entry.isDirectory() || entry.isSymbolicLink());
}

/** Of two tickets with one id nobody knows which is meant: a merge that went wrong leaves one in `open` and one in `closed`. */
function withoutTwins({
  tickets,
  unreadable,
}: Pick<TicketSource, "tickets" | "unreadable">): Pick<TicketSource, "tickets" | "unreadable"> {
  const files = new Map<string, string[]>();
  for (const { id, file } of tickets) files.set(id, [...(files.get(id) ?? []), file]);
  const twins = tickets.filter(({ id }) => (files.get(id)?.length ?? 0) > 1);
  return {
    tickets: tickets.filter((ticket) => !twins.includes(ticket)).sort((a, b) => (a.id < b.id ? -1 : 1)),
    unreadable: [
      ...unreadable,
      ...twins.map(({ id, file }) => ({
        name: id,
        file,
        reason: `there are two tickets of this id: ${legible(files.get(id)?.join(" and ") ?? "")}`,
      })),
    ],
  };
}
