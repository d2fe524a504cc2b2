/** What the registry adds to the system calls that a durable claim needs, and what a full registry adds to that. */
import fs from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { FileRegistry } from "../src/registry/file-registry.js";
import { serializeRecord } from "../src/registry/records.js";
import { fullRegistry } from "./full-registry.js";
import { compare, timed, type BenchOptions, type Sample } from "./measure.js";
import { assumedLock, newTicket, recordsOf, workspaceIn } from "./records.js";
import { ratioRow, type Row } from "./rows.js";
import { removeScratch, scratchDirectory } from "./scratch.js";

const fsync = promisify(fs.fsync);
const { signal } = new AbortController();

/** Commits in a row, for one sample. */
const BATCH = 5;

export async function benchCommit({ quick }: BenchOptions): Promise<Row[]> {
  const directory = scratchDirectory();
  try {
    return [await againstBareCalls(directory, quick ? 20 : 200), await growth(quick)];
  } finally {
    removeScratch(directory);
  }
}

async function againstBareCalls(directory: string, rounds: number): Promise<Row> {
  const workspace = workspaceIn(directory, "commit");
  const library = commitsTo({ registry: new FileRegistry({ workspace }), directory: workspace.directory });
  return ratioRow(
    { what: "commit of session and claim", against: "the system calls that it needs, alone", limit: 1.25 },
    await compare(rounds, library, bareIn(join(directory, "bare"))),
  );
}

async function growth(quick: boolean): Promise<Row> {
  const many = quick ? 1_000 : 100_000;
  const what = `commit with ${many.toLocaleString("en")} claims present`;
  return ratioRow(
    { what, against: "a commit with 10 present", limit: 1.3 },
    await compare(quick ? 20 : 80, commitsTo(fullRegistry(many)), commitsTo(fullRegistry(10))),
  );
}

/** A sample of commits to a registry; what they wrote is removed again, so that it stays as full as it is. */
function commitsTo({
  registry,
  directory,
}: {
  readonly registry: FileRegistry;
  readonly directory: string;
}): Sample {
  return async () => {
    const work = newRecords().map((records) => ({ records, lock: assumedLock(records.claim.ticket) }));
    const cost = await timed(work.length, async (index) => {
      const { records, lock } = work[index] as (typeof work)[number];
      const { kind } = await registry.commit(lock, records, { signal });
      if (kind !== "committed") throw new Error(`the claim was to be committed, but is ${kind}`);
    });
    for (const { records } of work) {
      fs.unlinkSync(join(directory, "claims", `${records.claim.ticket.id}.json`));
      fs.unlinkSync(join(directory, "sessions", `${records.session.pod}.json`));
    }
    return cost;
  };
}

/**
 * A program that does what durability and exclusion need, and nothing else: no check, no look at what stands, bytes that are
 * ready. In the style of the library: fsync asynchronous, all else synchronous.
 */
function bareIn(root: string): Sample {
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
