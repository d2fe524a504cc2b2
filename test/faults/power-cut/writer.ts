/**
 * Commits, replaces and ends claims on the disk whose power will be cut, for ever, and says each in a log outside of it. Two
 * manners: `points` stops itself (SIGSTOP) right before or after a sync, a call or an acknowledgement, drawn from the seed; `free`
 * runs until it is stopped.
 */
import fs from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { FileRegistry } from "../../../src/registry/file-registry.js";
import { findWorkspace } from "../../../src/registry/workspace.js";
import type { Claim } from "../../../machines/launch.types.js";
import type { Line, Operation } from "./log.js";
import { randomOf, type Random } from "../random.js";
import { newClaim, sessionOf } from "./records.js";

/** So few that most operations meet what an earlier one has left. */
const TICKETS_OF_A_LANE = 4;
/** A commit passes ten moments: begin, four syncs with two each, done. */
const MOST_MOMENTS = 14;

const [disk = "", project = "", logFile = "", seed = "0", manner = "free", lanes = "1"] =
  process.argv.slice(2);
const context = { signal: new AbortController().signal };
const log = fs.openSync(logFile, "a");
const random = randomOf(Number(seed));
const fsync = promisify(fs.fsync);

function say(line: Line): void {
  fs.writeSync(log, `${JSON.stringify(line)}\n`);
}

/** The moments until it stops itself; `Infinity`: at the next acknowledgement. */
let stopIn = 0;
let stretch = 0;

function beginStretch(): void {
  stopIn = random.below(3) === 0 ? Infinity : 1 + random.below(MOST_MOMENTS);
  const name = `unsynced-${stretch}`;
  stretch += 1;
  // The proof that power is cut at all: what was never synced must get lost.
  fs.writeFileSync(join(disk, name), name.repeat(100));
  say({ say: "unsynced", name });
}

function moment(at: string, isAcknowledgement = false): void {
  if (manner !== "points") return;
  stopIn -= 1;
  if (stopIn > 0 && !(stopIn === Infinity && isAcknowledgement)) return;
  say({ say: "stop", at });
  process.kill(process.pid, "SIGSTOP");
  beginStretch();
}

async function sync(fd: number): Promise<void> {
  const path = fs.readlinkSync(`/proc/self/fd/${fd}`);
  const what = path.split("/").slice(-2).join("/");
  moment(`before the sync of ${what}`);
  await fsync(fd);
  moment(`after the sync of ${what}`);
}

async function change(registry: FileRegistry, operation: Operation, standing?: Claim): Promise<string> {
  const { what, ticket, claim } = operation;
  const lock = await registry.lockLaunch({ id: ticket }, context);
  if (lock === undefined) return "the launch lock is held";
  try {
    const session = sessionOf(claim);
    switch (what) {
      case "commit":
        return (await registry.commit(lock, { claim, session }, context)).kind;
      case "replace": {
        const expect = standing?.launchId ?? "";
        return (await registry.replace(lock, { expect, claim, session }, context)).kind;
      }
      case "end": {
        const ending = { expect: claim.launchId, how: "released", reason: "done", by: "writer" } as const;
        return (await registry.end(lock, ending)).kind;
      }
    }
  } finally {
    lock.close();
  }
}

const ANSWERS = { commit: "committed", replace: "replaced", end: "ended" } as const;

/** One after the other, for ever. Lanes share the disk and its syncs, and no ticket. */
async function lane(registry: FileRegistry, name: string, draw: Random): Promise<never> {
  const standing = new Map<string, Claim>();
  for (;;) {
    const ticket = `${name}-${draw.below(TICKETS_OF_A_LANE)}`;
    const claim = standing.get(ticket);
    const what = claim === undefined ? "commit" : draw.below(3) === 0 ? "replace" : "end";
    const operation = {
      what,
      ticket,
      claim: what === "end" && claim ? claim : newClaim(ticket, claim),
    } as const;
    say({ say: "begin", operation });
    moment(`at the beginning of ${what}`);
    const answer = await change(registry, operation, claim);
    if (answer !== ANSWERS[what]) throw new Error(`${what} of ${ticket}: ${answer}`);
    say({ say: "done", ticket });
    if (what === "end") standing.delete(ticket);
    else standing.set(ticket, operation.claim);
    moment(`at the acknowledgement of ${what}`, true);
  }
}

beginStretch();
const registry = new FileRegistry({ workspace: findWorkspace(project, join(disk, "home")), sync });
await Promise.all(
  Array.from({ length: Number(lanes) }, async (_, index) => {
    await lane(registry, `T${index}`, randomOf(Number(seed) + 1 + index));
  }),
);
