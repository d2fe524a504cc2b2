/** What the registry adds to the system calls that a durable claim needs, and what a full registry adds to that. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { FileRegistry } from "../src/registry/file-registry.js";
import { serializeRecord } from "../src/registry/records.js";
import type { TicketRef } from "../machines/launch.types.js";
import { atMost, compare, shownMs, shownRatio, timed, type BenchOptions, type Row } from "./measure.js";
import { assumedLock, newTicket, recordsOf, workspaceIn } from "./records.js";
import { removeScratch, scratchDirectory } from "./scratch.js";

const fsync = promisify(fs.fsync);
const { signal } = new AbortController();

/** Commits in a row, for one sample. */
const BATCH = 5;

export async function benchCommit({ quick }: BenchOptions): Promise<Row[]> {
  const directory = scratchDirectory();
  try {
    return [await againstBareCalls(directory, quick ? 20 : 200), await growth(directory, quick)];
  } finally {
    removeScratch(directory);
  }
}

async function againstBareCalls(directory: string, rounds: number): Promise<Row> {
  const { library } = open(directory, "commit");
  const bare = bareIn(join(directory, "bare"));
  const { a, b, ratio } = await compare(rounds, library, bare);
  return {
    what: "commit of session and claim / the necessary calls alone",
    measured: shownRatio(ratio),
    detail: `${shownMs(a)} / ${shownMs(b)}`,
    target: atMost(1.3, ratio),
  };
}

async function growth(directory: string, quick: boolean): Promise<Row> {
  const many = quick ? 10_000 : 100_000;
  const full = open(directory, "full");
  const empty = open(directory, "empty");
  fill(full.claims, many);
  fill(empty.claims, 10);
  // What was written just now must not become durable at a sample's expense.
  execFileSync("sync");
  const { a, b, ratio } = await compare(quick ? 20 : 150, full.library, empty.library);
  return {
    what: `commit with ${many.toLocaleString("en")} claims present / with 10`,
    measured: shownRatio(ratio),
    detail: `${shownMs(a)} / ${shownMs(b)}`,
    target: atMost(1.5, ratio),
  };
}

/** A registry, and a sample of commits to it; what they wrote is removed again, so that it stays as full as it is. */
function open(directory: string, name: string) {
  const workspace = workspaceIn(directory, name);
  const registry = new FileRegistry({ workspace });
  const claims = join(workspace.directory, "claims");
  const sessions = join(workspace.directory, "sessions");
  const library = async () => {
    const work = newRecords().map((records) => ({ records, lock: assumedLock(records.claim.ticket) }));
    const cost = await timed(work.length, async (index) => {
      const { records, lock } = work[index] as (typeof work)[number];
      const { kind } = await registry.commit(lock, records, { signal });
      if (kind !== "committed") throw new Error(`the claim was to be committed, but is ${kind}`);
    });
    for (const { records } of work) {
      fs.unlinkSync(join(claims, `${records.claim.ticket.id}.json`));
      fs.unlinkSync(join(sessions, `${records.session.pod}.json`));
    }
    return cost;
  };
  return { claims, library };
}

/**
 * A program that does what durability and exclusion need, and nothing else: no check, no look at what stands, bytes that are
 * ready. In the style of the library: fsync asynchronous, all else synchronous.
 */
function bareIn(root: string) {
  const claims = join(root, "claims");
  const sessions = join(root, "sessions");
  for (const directory of [claims, sessions]) fs.mkdirSync(directory, { recursive: true, mode: 0o700 });

  const write = async (path: string, bytes: Buffer) => {
    const fd = fs.openSync(path, "wx", 0o600);
    fs.writeSync(fd, bytes);
    await fsync(fd);
    fs.closeSync(fd);
  };
  const syncDirectory = async (path: string) => {
    const fd = fs.openSync(path, "r");
    await fsync(fd);
    fs.closeSync(fd);
  };

  return async () => {
    const work = newRecords().map(({ claim, session }) => ({
      session: Buffer.from(serializeRecord("session", session)),
      sessionTemp: join(sessions, `.${claim.launchId}.tmp`),
      sessionFile: join(sessions, `${session.pod}.json`),
      claim: Buffer.from(serializeRecord("claim", claim)),
      claimTemp: join(claims, `.${claim.launchId}.tmp`),
      claimFile: join(claims, `${claim.ticket.id}.json`),
    }));
    const cost = await timed(work.length, async (index) => {
      const files = work[index] as (typeof work)[number];
      await write(files.sessionTemp, files.session);
      fs.renameSync(files.sessionTemp, files.sessionFile);
      await syncDirectory(sessions);
      await write(files.claimTemp, files.claim);
      fs.linkSync(files.claimTemp, files.claimFile);
      await syncDirectory(claims);
      fs.unlinkSync(files.claimTemp);
    });
    for (const { claimFile, sessionFile } of work) {
      fs.unlinkSync(claimFile);
      fs.unlinkSync(sessionFile);
    }
    return cost;
  };
}

function newRecords() {
  return Array.from({ length: BATCH }, () => recordsOf(newTicket()));
}

/** Claims that are merely there, durable or not. */
export function fill(claims: string, count: number): TicketRef[] {
  return Array.from({ length: count }, () => {
    const { claim } = recordsOf(newTicket());
    fs.writeFileSync(join(claims, `${claim.ticket.id}.json`), serializeRecord("claim", claim), {
      mode: 0o600,
    });
    return claim.ticket;
  });
}
