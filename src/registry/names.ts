import { createHash } from "node:crypto";
import { LaunchClaimError } from "../errors.js";
import { isLegible, printable } from "../text.js";
import type { TicketRef } from "../../machines/launch.types.js";

const MAX_TICKET_ID_BYTES = 1024;
/** Leaves room for suffixes and temporaries below the 255 bytes that file systems allow. */
const MAX_NAME_BYTES = 200;
const HASHED_PREFIX_BYTES = 150;

/**
 * Refuses what cannot be told apart on a screen or kept on a disk.
 *
 * @throws LaunchClaimError `ticket_id_invalid`
 */
export function checkTicket(ticket: TicketRef): TicketRef {
  const given: unknown = ticket;
  const { id, slug } = (given ?? {}) as { id?: unknown; slug?: unknown };
  if (typeof id !== "string") {
    throw invalid(`must be a string, but is ${id === null ? "null" : typeof id}`);
  }
  if (id.trim() === "") throw invalid("must not be empty");
  const bytes = Buffer.byteLength(id);
  if (bytes > MAX_TICKET_ID_BYTES) {
    throw invalid(
      `must be at most ${MAX_TICKET_ID_BYTES} bytes of UTF-8, but ${printable(id, 40)} has ${bytes}`,
    );
  }
  if (!isLegible(id)) {
    throw invalid(`must be printable text, but ${printable(id)} has control, bidi or undecodable characters`);
  }
  if (slug !== undefined && (typeof slug !== "string" || !isLegible(slug))) {
    throw invalid(`${printable(id)} has a slug that is not printable text`);
  }
  return slug === undefined ? { id } : { id, slug };
}

function invalid(what: string): LaunchClaimError {
  return new LaunchClaimError("ticket_id_invalid", `the ticket id ${what}`, {
    hint: "Use the tracker's own id, for example T-12 or owner/repo#12.",
  });
}

/**
 * A file name for any id. Letters, digits, `_` and `-` stay, all else is percent-encoded, so that two ids never share a name,
 * none is hidden, and none leaves its directory. A name that would be too long becomes a prefix and a hash; `~` is in no
 * encoded name.
 */
export function fileName(id: string): string {
  const encoded = id.replace(/[^A-Za-z0-9_-]/gu, (char) =>
    [...Buffer.from(char)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  );
  if (encoded.length <= MAX_NAME_BYTES) return encoded;
  const hash = createHash("sha256").update(id).digest("hex").slice(0, 32);
  return `${encoded.slice(0, HASHED_PREFIX_BYTES)}~${hash}`;
}

/** The id that a file name encodes; undefined for a hashed or foreign name. For showing damaged records, never for trusting one. */
export function idOf(name: string): string | undefined {
  if (name.includes("~")) return undefined;
  try {
    return decodeURIComponent(name);
  } catch {
    return undefined;
  }
}

const CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz";

/**
 * `<role>-<slug or id, at most 40>-<6 base32 characters of the launch id's random part>`: readable, and new for each launch, so
 * that a failed launch never poisons a name for its retry.
 */
export function podName(role: string, ticket: TicketRef, launchId: string): string {
  // The last 8 hex digits of a UUIDv7 are random; 30 of their 32 bits make six characters. Of a host's own ids, a hash is.
  const tail = launchId.replaceAll("-", "").slice(-8);
  const hash = () => createHash("sha256").update(launchId).digest("hex").slice(-8);
  let bits = Number.parseInt(/^[0-9a-f]{8}-[0-9a-f-]+$/u.test(launchId) ? tail : hash(), 16);
  let suffix = "";
  for (let index = 0; index < 6; index += 1) {
    suffix += CROCKFORD[bits % 32] ?? "";
    bits = Math.floor(bits / 32);
  }
  return [readable(role), readable(ticket.slug ?? ticket.id), suffix].filter((part) => part !== "").join("-");
}

function readable(text: string): string {
  return text
    .replace(/[^A-Za-z0-9_]+/gu, "-")
    .slice(0, 40)
    .replace(/^-+|-+$/gu, "");
}
