import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { LaunchClaimError } from "../errors.js";
import type {
  ClaimEnding,
  CommitAnswer,
  EndResult,
  HistoryEntry,
  ReadBackAnswer,
  ReplaceAnswer,
  StoredClaim,
} from "../ports.js";
import type { Claim, TicketRef } from "../../machines/launch.types.js";
import {
  isThere,
  link,
  listIfThere,
  makeDirectory,
  setAside,
  readIfThere,
  readTextIfThere,
  removeIfThere,
  rename,
  temporaryPath,
  type DurableWrites,
} from "./durable.js";
import type { Layout } from "./layout.js";
import { fileName, idOf } from "./names.js";
import { printable } from "../text.js";
import { readHistoryEntry } from "./placed-records.js";
import { continuesItself, hasEndedBefore } from "./continuation.js";
import { parseRecord, serializeRecord } from "./records.js";

/**
 * Claims and what became of them. A claim appears by one `link` and disappears by one `unlink`; between the two only a restore
 * replaces it, by one `rename`. Its history entry is durable BEFORE it disappears, so that a crash between leaves both, and the entry decides.
 *
 * Whoever calls what changes a claim holds the ticket's launch lock.
 */
export class ClaimStore {
  readonly #layout: Layout;
  readonly #writes: DurableWrites;

  constructor(layout: Layout, writes: DurableWrites) {
    this.#layout = layout;
    this.#writes = writes;
  }

  /** The claim that stands: one whose launch has a history entry was ended, even if its file is still there. */
  read(ticket: TicketRef): StoredClaim | undefined {
    const stored = this.#readFile(this.#layout.claim(ticket), ticket);
    return stored?.kind === "claim" && this.#hasEnded(ticket, stored.claim.launchId) ? undefined : stored;
  }

  list(): StoredClaim[] {
    const { claims, history } = this.#layout;
    const withHistory = new Set(listIfThere(history));
    const standing: StoredClaim[] = [];
    for (const name of listIfThere(claims)) {
      if (!name.endsWith(".json") || name.startsWith(".")) continue;
      const stored = this.#readFile(join(claims, name));
      if (stored === undefined) continue;
      if (stored.kind === "claim" && withHistory.has(basename(name, ".json"))) {
        if (this.#hasEnded(stored.claim.ticket, stored.claim.launchId)) continue;
      }
      standing.push(stored);
    }
    return standing.sort((a, b) => (idIn(a) < idIn(b) ? -1 : 1));
  }

  /**
   * temp → fsync → link → fsync directory → unlink temp. THE LINK IS THE COMMIT POINT, and it is made in the same turn as the
   * last check: once the commit was given up, no claim can appear any more.
   *
   * @param requireAllowed throws if the commit was given up, or its lock
   */
  async commit(claim: Claim, requireAllowed: () => void): Promise<CommitAnswer> {
    const { ticket, launchId } = claim;
    const final = this.#layout.claim(ticket);
    const staged = await this.#writes.stage(final, serializeRecord("claim", claim), launchId);
    try {
      this.#requireFresh(claim);
      requireAllowed();
      if (!link(staged)) {
        const standing = this.#readFile(final, ticket);
        if (standing === undefined) {
          throw new LaunchClaimError("lock_lost", `${final} came and went while the launch lock was ours`);
        }
        if (!isOf(standing, launchId)) return { kind: "standing", standing };
      }
      // Ours already, or linked just now: either way nobody is told BEFORE the directory is durable.
      await this.#writes.syncDirectory(dirname(final));
      return { kind: "committed", claim };
    } finally {
      removeIfThere(staged.temp);
    }
  }

  /**
   * temp → fsync → rename over the claim → fsync directory. The last look at what stands, the check and the rename are one turn: the
   * launch lock keeps every other process away, and a replacement that was given up changes nothing any more.
   *
   * @param requireAllowed throws if the replacement was given up, or its lock
   */
  async replace(claim: Claim, expect: string, requireAllowed: () => void): Promise<ReplaceAnswer> {
    const { ticket, launchId } = claim;
    if (launchId === expect) throw continuesItself(launchId);
    const final = this.#layout.claim(ticket);
    const staged = await this.#writes.stage(final, serializeRecord("claim", claim), launchId);
    try {
      this.#requireFresh(claim);
      const standing = this.read(ticket);
      requireAllowed();
      if (standing === undefined || !isOf(standing, launchId)) {
        if (standing === undefined || !isOf(standing, expect)) return { kind: "standing", standing };
        rename(staged);
      }
      await this.#writes.syncDirectory(dirname(final));
      return { kind: "replaced", claim };
    } finally {
      removeIfThere(staged.temp);
    }
  }

  /** The temp goes first: without it, a commit that is still under way has nothing left to link or to rename. */
  async readBack(ticket: TicketRef, launchId: string): Promise<ReadBackAnswer> {
    const final = this.#layout.claim(ticket);
    removeIfThere(temporaryPath(final, launchId));
    const ended = this.#entry(ticket, launchId);
    if (ended) return { kind: "ours", claim: ended.claim };
    const standing = this.#readFile(final, ticket);
    await this.#writes.syncDirectory(dirname(final));
    if (standing === undefined) return { kind: "absent" };
    return isOf(standing, launchId)
      ? { kind: "ours", claim: standing.claim }
      : { kind: "standing", standing };
  }

  /** History, durable with its directories; THEN the claim, if it is still the one expected; then its directory. */
  async end(ticket: TicketRef, ending: ClaimEnding, endedAt: string): Promise<EndResult> {
    const standing = this.read(ticket);
    if (standing === undefined) return { kind: "absent" };
    const expect = standing.kind === "claim" ? standing.claim.launchId : standing.expect;
    if (expect !== ending.expect) return { kind: "mismatch", standing };

    await this.#ensureHistoryOf(ticket);
    const claimFile = this.#layout.claim(ticket);
    if (standing.kind === "unreadable") {
      const kept = join(this.#layout.historyOf(ticket), `${expect.replace(":", "-")}.damaged`);
      setAside(claimFile, kept);
      await this.#writes.syncDirectory(dirname(kept));
      await this.#remove(claimFile);
      return { kind: "ended", file: kept };
    }
    const { how, reason, by } = ending;
    const entry: HistoryEntry = { claim: standing.claim, endedAt, how, reason, by };
    const file = this.#layout.historyEntry(ticket, expect);
    // If the restore that replaced the former claim died before its sync, a power cut could still bring that one back; no entry ends it.
    if (standing.claim.restoredFrom) await this.#writes.syncDirectory(dirname(claimFile));
    await this.#writes.create(file, serializeRecord("history", entry));
    await this.#remove(claimFile);
    return { kind: "ended", entry, file };
  }

  /** Removes the file of a claim whose history entry is there already: an end that was cut short by a crash. */
  async finishEnding(ticket: TicketRef): Promise<void> {
    const file = this.#layout.claim(ticket);
    const stored = this.#readFile(file, ticket);
    if (stored?.kind !== "claim" || !this.#hasEnded(ticket, stored.claim.launchId)) return;
    // The entry may have been linked a moment before the crash, and not be durable yet.
    await this.#writes.syncDirectory(this.#layout.historyOf(ticket));
    await this.#remove(file);
  }

  history(ticket?: TicketRef): HistoryEntry[] {
    const directories = ticket
      ? [this.#layout.historyOf(ticket)]
      : listIfThere(this.#layout.history).map((name) => join(this.#layout.history, name));
    const entries: HistoryEntry[] = [];
    for (const directory of directories) {
      for (const name of listIfThere(directory)) {
        if (!name.endsWith(".json") || name.startsWith(".")) continue;
        const entry = this.#readEntry(join(directory, name));
        if (entry) entries.push(entry);
      }
    }
    return entries.sort((a, b) => (a.endedAt > b.endedAt ? -1 : 1));
  }

  #entry(ticket: TicketRef, launchId: string): HistoryEntry | undefined {
    return this.#readEntry(this.#layout.historyEntry(ticket, launchId));
  }

  #readEntry(file: string): HistoryEntry | undefined {
    try {
      return readHistoryEntry(this.#layout, file);
    } catch (error) {
      // A damaged entry hides no other; `examine` reports it.
      if (LaunchClaimError.is(error) && error.code !== "io_failed") return undefined;
      throw error;
    }
  }

  #hasEnded(ticket: TicketRef, launchId: string): boolean {
    return isThere(this.#layout.historyEntry(ticket, launchId));
  }

  #requireFresh({ ticket, launchId }: Claim): void {
    if (!this.#hasEnded(ticket, launchId)) return;
    throw hasEndedBefore({ ticket, launchId });
  }

  async #ensureHistoryOf(ticket: TicketRef): Promise<void> {
    const directory = this.#layout.historyOf(ticket);
    if (!isThere(directory)) makeDirectory(directory);
    await this.#writes.syncDirectory(this.#layout.history);
  }

  async #remove(file: string): Promise<void> {
    removeIfThere(file);
    await this.#writes.syncDirectory(dirname(file));
  }

  /** @param ticket whose claim the file should be; without it, the file's name tells. */
  #readFile(file: string, ticket?: TicketRef): StoredClaim | undefined {
    let json: string | undefined;
    try {
      json = readTextIfThere(file);
    } catch (error) {
      // A directory or a link in the claim's place; anything else, an error of the disk for one, is not the file's own fault.
      if (!LaunchClaimError.is(error) || error.code !== "record_damaged") throw error;
      return unreadable(file, ticket, { reason: error.message, bytes: Buffer.from(error.message) });
    }
    if (json === undefined) return undefined;
    try {
      const claim: Claim = parseRecord("claim", json, file);
      if (ticket ? claim.ticket.id === ticket.id : `${fileName(claim.ticket.id)}.json` === basename(file)) {
        return { kind: "claim", claim };
      }
      if (ticket && fileName(claim.ticket.id).toLowerCase() === fileName(ticket.id).toLowerCase()) {
        throw new LaunchClaimError(
          "ticket_id_collision",
          `the tickets ${printable(ticket.id)} and ${printable(claim.ticket.id)} differ only in case, and this file system cannot keep both`,
          { hint: "Set LAUNCH_CLAIM_HOME to a case-sensitive file system, or rename one of the tickets." },
        );
      }
      throw new LaunchClaimError(
        "record_damaged",
        `${file} holds the claim of another ticket, ${printable(claim.ticket.id)}`,
      );
    } catch (error) {
      if (!LaunchClaimError.is(error) || error.code === "ticket_id_collision") throw error;
      // The bytes: what is no UTF-8 has no text that would tell it from others.
      const bytes = readIfThere(file);
      return bytes && unreadable(file, ticket, { reason: error.message, bytes });
    }
  }
}

function unreadable(
  file: string,
  ticket: TicketRef | undefined,
  { reason, bytes }: { readonly reason: string; readonly bytes: Buffer },
): StoredClaim {
  const id = ticket?.id ?? idOf(basename(file, ".json"));
  const expect = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { kind: "unreadable", ...(id !== undefined && { ticket: { id } }), file, reason, expect };
}

function isOf(stored: StoredClaim, launchId: string): stored is Extract<StoredClaim, { kind: "claim" }> {
  return stored.kind === "claim" && stored.claim.launchId === launchId;
}

function idIn(stored: StoredClaim): string {
  return stored.kind === "claim" ? stored.claim.ticket.id : (stored.ticket?.id ?? stored.file);
}
