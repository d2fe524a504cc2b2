import { LaunchClaimError } from "../errors.js";
import type { HistoryEntry, RoleSession } from "../ports.js";
import { printable } from "../text.js";
import { readTextIfThere } from "./durable.js";
import type { Layout } from "./layout.js";
import { parseRecord } from "./records.js";

/**
 * Records that say themselves where they belong: one that lies in another's place speaks for nobody.
 *
 * @returns undefined if there is no such file
 * @throws LaunchClaimError `record_damaged` | `record_newer` | `io_failed`
 */
export function readSession(layout: Layout, file: string): RoleSession | undefined {
  const json = readTextIfThere(file);
  if (json === undefined) return undefined;
  const session = parseRecord("session", json, file);
  if (layout.session(session.pod) === file) return session;
  throw misplaced(file, `the session of another Pod, ${printable(session.pod)}`);
}

/** As `readSession`, for an entry of the history. */
export function readHistoryEntry(layout: Layout, file: string): HistoryEntry | undefined {
  const json = readTextIfThere(file);
  if (json === undefined) return undefined;
  const entry = parseRecord("history", json, file);
  const { ticket, launchId } = entry.claim;
  if (layout.historyEntry(ticket, launchId) === file) return entry;
  throw misplaced(file, `the entry of another claim, launch ${launchId} of ticket ${printable(ticket.id)}`);
}

function misplaced(file: string, what: string): LaunchClaimError {
  return new LaunchClaimError("record_damaged", `${file} holds ${what}`);
}
