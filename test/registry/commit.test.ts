import fs from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { v7 as newLaunchId } from "uuid";
import type { CallContext } from "../../src/ports.js";
import type { FileRegistry } from "../../src/registry/file-registry.js";
import type { Claim } from "../../machines/launch.types.js";
import { namesIn } from "../fixtures/files.js";
import {
  claimed,
  claimOf,
  errorOf,
  lockOf,
  patient,
  RegistryBench,
  sessionOf,
  treeOf,
} from "../fixtures/registry-bench.js";
import { canMount, mountSmall } from "../fixtures/registry-mounts.js";
import { diskError, holdingSync, watchedSync, type SyncCall } from "../fixtures/registry-syncs.js";

const ticket = { id: "T-1" };

/** Everything that a commit makes durable, in its order. */
function syncsOf({ launchId }: Claim): readonly string[] {
  return ["sessions/.*.tmp", "sessions", `claims/.${launchId}.tmp`, "claims"];
}

async function commit(registry: FileRegistry, claim: Claim, context: CallContext = patient) {
  const lock = await lockOf(registry, ticket.id);
  try {
    return await registry.commit(lock, { claim, session: sessionOf(claim) }, context);
  } finally {
    lock.close();
  }
}

async function readBack(registry: FileRegistry, launchId: string) {
  const lock = await lockOf(registry, ticket.id);
  try {
    return await registry.readBack(lock, launchId);
  } finally {
    lock.close();
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await nextTurn();
}

describe("a commit", () => {
  test("syncs bytes BEFORE they get their name and names BEFORE it answers, the session before the claim", async () => {
    const bench = new RegistryBench();
    const { layout } = bench;
    const claim = claimOf(ticket.id);
    const claimFile = layout.claim(ticket);
    const claimTemp = join(layout.claims, `.${claim.launchId}.tmp`);
    const sessionFile = layout.session(claim.pod);
    const [sessionBytes, claimBytes] = [recordText("session", sessionOf(claim)), recordText("claim", claim)];
    const seen: unknown[] = [];
    const look = ({ path }: SyncCall) => {
      const temps = namesIn(layout.sessions).filter((name) => name.startsWith("."));
      seen.push({
        path,
        sessionTemp: temps.map((name) => fs.readFileSync(join(layout.sessions, name), "utf8")),
        session: textOf(sessionFile),
        claimTemp: textOf(claimTemp),
        claim: textOf(claimFile),
      });
    };

    await commit(bench.open(watchedSync(layout.root, look)), claim);
    const [sessionTempSync, sessionsSync, claimTempSync, claimsSync] = syncsOf(claim);
    const none = { sessionTemp: [], session: undefined, claimTemp: undefined, claim: undefined };
    expect(seen).toEqual([
      { ...none, path: sessionTempSync, sessionTemp: [sessionBytes] },
      { ...none, path: sessionsSync, session: sessionBytes },
      { ...none, path: claimTempSync, session: sessionBytes, claimTemp: claimBytes },
      { ...none, path: claimsSync, session: sessionBytes, claimTemp: claimBytes, claim: claimBytes },
    ]);
    expect(namesIn(layout.claims)).toEqual(["T-1.json"]);
    expect(namesIn(layout.sessions)).toEqual([`${claim.pod}.json`]);
  });

  test("does not answer while any of its syncs is still pending", async () => {
    for (const pending of syncsOf(claimOf(ticket.id, "aaaaaaaa"))) {
      const bench = new RegistryBench();
      const { sync, arrived } = holdingSync(bench.layout.root, ({ path }) => path === pending);
      let answered = false;
      const answer = commit(bench.open(sync), claimOf(ticket.id, "aaaaaaaa")).finally(
        () => (answered = true),
      );
      const held = await arrived();
      await turns(10);
      expect(answered, `answered before ${pending} was synced`).toBe(false);
      held.complete();
      expect(await answer).toMatchObject({ kind: "committed" });
    }
  });

  test("of a claim that is ours already syncs the directory before it says so", async () => {
    const bench = new RegistryBench();
    const claim = await claimed(bench.open(), ticket.id);
    const { sync, arrived } = holdingSync(bench.layout.root, ({ path }) => path === "claims");
    let answered = false;
    const answer = commit(bench.open(sync), claim).finally(() => (answered = true));
    const held = await arrived();
    await turns(10);
    expect(answered).toBe(false);
    held.complete();
    expect(await answer).toEqual({ kind: "committed", claim });
  });

  test("over a temporary that a dead launcher left under the same launch id writes it anew, whatever it held", async () => {
    const bench = new RegistryBench();
    const claim = claimOf(ticket.id);
    const registry = bench.open();
    fs.writeFileSync(join(bench.layout.claims, `.${claim.launchId}.tmp`), "half a rec", { mode: 0o644 });
    expect(await commit(registry, claim)).toMatchObject({ kind: "committed" });
    expect(await registry.read(ticket)).toEqual({ kind: "claim", claim });
    expect(fs.statSync(bench.claimFile("T-1")).mode & 0o777).toBe(0o600);
  });
});

describe("a disk that fails while a claim is committed (an injected error of each sync in turn)", () => {
  const beforeTheLink = syncsOf(claimOf(ticket.id, "aaaaaaaa")).slice(0, 3);

  test.each(beforeTheLink)(
    "at %s: no claim, no temporary, an error with a hint, and it reads back as absent",
    async (path) => {
      const bench = new RegistryBench();
      const claim = claimOf(ticket.id, "aaaaaaaa");
      const error = await errorOf(() => commit(bench.open(failingAt(bench, path)), claim));
      expect(error).toMatchObject({
        code: "io_failed",
        hint: "The disk reported an error: check it before you trust what it holds.",
        cause: { code: "EIO" },
      });
      expect(error.message).toContain("EIO");
      expect(namesIn(bench.layout.claims)).toEqual([]);
      expect(namesIn(bench.layout.sessions).filter((name) => name.startsWith("."))).toEqual([]);
      expect(await readBack(bench.open(), claim.launchId)).toEqual({ kind: "absent" });
      expect(await commit(bench.open(), claimOf(ticket.id))).toMatchObject({ kind: "committed" });
    },
  );

  test("after the link, at the directory: an error although the claim stands, and it reads back as ours", async () => {
    const bench = new RegistryBench();
    const claim = claimOf(ticket.id);
    const error = await errorOf(() => commit(bench.open(failingAt(bench, "claims")), claim));
    expect(error).toMatchObject({ code: "io_failed", cause: { code: "EIO" } });
    expect(namesIn(bench.layout.claims)).toEqual(["T-1.json"]);

    const synced: string[] = [];
    const registry = bench.open(watchedSync(bench.layout.root, ({ path }) => void synced.push(path)));
    expect(await readBack(registry, claim.launchId)).toEqual({ kind: "ours", claim });
    // "Ours" is a promise that it will be found after a power cut.
    expect(synced).toEqual(["claims"]);
  });

  test("as long as the directory cannot be synced, no read-back says ours", async () => {
    const bench = new RegistryBench();
    const claim = claimOf(ticket.id);
    const registry = bench.open(watchedSync(bench.layout.root, ({ path }) => failIf(path === "claims")));
    await errorOf(() => commit(registry, claim));
    expect(await errorOf(() => readBack(registry, claim.launchId))).toMatchObject({ code: "io_failed" });
  });

  test("a failed sync is never tried again on the same descriptor", async () => {
    const bench = new RegistryBench();
    const calls: string[] = [];
    const registry = bench.open(
      watchedSync(bench.layout.root, ({ path }) => {
        calls.push(path);
        failIf(path.startsWith("claims/"));
      }),
    );
    const claim = claimOf(ticket.id);
    await errorOf(() => commit(registry, claim));
    expect(calls).toEqual(syncsOf(claim).slice(0, 3));
  });

  test("a session that could not be replaced stays as it was", async () => {
    const bench = new RegistryBench();
    const session = sessionOf(claimOf(ticket.id));
    await bench.open().writeSession(session);
    const before = treeOf(bench.layout.sessions);
    const failing = bench.open(failingAt(bench, "sessions/.*.tmp"));
    const error = await errorOf(() => failing.writeSession({ ...session, role: "coder" }));
    expect(error.code).toBe("io_failed");
    expect(treeOf(bench.layout.sessions)).toEqual(before);
  });

  describe.skipIf(!canMount())("a disk that is full (a real, small file system; needs root)", () => {
    test("no claim and no temporary, an error that says what to do, and a commit once there is space", async () => {
      const bench = new RegistryBench();
      mountSmall(bench.home, 256);
      const registry = bench.open();
      const lock = await lockOf(registry, ticket.id);
      const ballast = join(bench.home, "ballast");
      fillUp(ballast);

      const claim = claimOf(ticket.id);
      const records = { claim, session: sessionOf(claim) };
      const error = await errorOf(() => registry.commit(lock, records, patient));
      expect(error).toMatchObject({
        code: "io_failed",
        hint: "The disk is full: free some space and try again.",
      });
      expect([namesIn(bench.layout.claims), namesIn(bench.layout.sessions)]).toEqual([[], []]);
      expect(await registry.readBack(lock, claim.launchId)).toEqual({ kind: "absent" });

      fs.rmSync(ballast);
      expect(await registry.commit(lock, records, patient)).toEqual({ kind: "committed", claim });
    });
  });
});

describe("a commit that was given up", () => {
  const moments = syncsOf(claimOf(ticket.id, "aaaaaaaa"));

  test.each(moments.slice(0, 3))(
    "while %s is being synced never links, however late the sync completes",
    async (path) => {
      const bench = new RegistryBench();
      const { sync, arrived } = holdingSync(bench.layout.root, (call) => call.path === path);
      const giveUp = new AbortController();
      const end = errorOf(() => commit(bench.open(sync), claimOf(ticket.id, "aaaaaaaa"), giveUp));
      const held = await arrived();
      giveUp.abort();
      await turns(10);
      held.complete();
      expect((await end).code).toBe("aborted");
      expect(namesIn(bench.layout.claims)).toEqual([]);
      expect(await bench.open().read(ticket)).toBeUndefined();
    },
  );

  test("before it began writes no claim", async () => {
    const bench = new RegistryBench();
    const end = await errorOf(() =>
      commit(bench.open(), claimOf(ticket.id), { signal: AbortSignal.abort() }),
    );
    expect(end.code).toBe("aborted");
    expect(namesIn(bench.layout.claims)).toEqual([]);
  });

  test("while its session is being synced leaves no role session that appears once its launch has ended", async () => {
    const bench = new RegistryBench();
    const { sync, arrived } = holdingSync(bench.layout.root, ({ path }) => path === "sessions/.*.tmp");
    const registry = bench.open(sync);
    const launcher = bench.launcher({ registry });
    const launch = launcher.launch({ ticket, timeouts: { commitMs: 1 } });
    const held = await arrived();
    expect(await launch.outcome).toMatchObject({ status: "timedOut", phase: "committingClaim" });
    expect(bench.runtime.living).toEqual([]);
    held.complete();
    await turns(50);
    expect({ sessions: await launcher.sessions(), claims: namesIn(bench.layout.claims) }).toEqual({
      sessions: [],
      claims: [],
    });
  });
});

describe("a read-back while the commit is still under way", () => {
  test.each(syncsOf(claimOf(ticket.id, "aaaaaaaa")).slice(0, 3))(
    "(at the sync of %s) says absent, and the late commit cannot link any more",
    async (path) => {
      const bench = new RegistryBench();
      const { sync, arrived } = holdingSync(bench.layout.root, (call) => call.path === path);
      const registry = bench.open(sync);
      const lock = await lockOf(registry, ticket.id);
      const claim = claimOf(ticket.id, "aaaaaaaa");
      const end = errorOf(() => registry.commit(lock, { claim, session: sessionOf(claim) }, patient));
      const held = await arrived();
      expect(await registry.readBack(lock, claim.launchId)).toEqual({ kind: "absent" });
      held.complete();
      await end;
      expect(namesIn(bench.layout.claims)).toEqual([]);
      expect(await registry.readBack(lock, claim.launchId)).toEqual({ kind: "absent" });
    },
  );

  test("(by somebody else who opened the registry) takes the commit's temporary away, so that it cannot link", async () => {
    const bench = new RegistryBench();
    const { sync, arrived } = holdingSync(bench.layout.root, ({ path }) => path.startsWith("claims/"));
    const registry = bench.open(sync);
    const lock = await lockOf(registry, ticket.id);
    const claim = claimOf(ticket.id);
    const end = errorOf(() => registry.commit(lock, { claim, session: sessionOf(claim) }, patient));
    const held = await arrived();
    expect(await bench.open().readBack(lock, claim.launchId)).toEqual({ kind: "absent" });
    held.complete();
    expect((await end).code).toBe("io_failed");
    expect(namesIn(bench.layout.claims)).toEqual([]);
  });

  test("(after the link) says ours, and the commit says committed", async () => {
    const bench = new RegistryBench();
    const { sync, arrived } = holdingSync(bench.layout.root, ({ path }) => path === "claims");
    const registry = bench.open(sync);
    const lock = await lockOf(registry, ticket.id);
    const claim = claimOf(ticket.id);
    const answer = registry.commit(lock, { claim, session: sessionOf(claim) }, patient);
    const held = await arrived();
    expect(await registry.readBack(lock, claim.launchId)).toEqual({ kind: "ours", claim });
    held.complete();
    expect(await answer).toEqual({ kind: "committed", claim });
  });

  test("of another launch takes nothing from the commit", async () => {
    const bench = new RegistryBench();
    const { sync, arrived } = holdingSync(bench.layout.root, ({ path }) => path.startsWith("claims/"));
    const registry = bench.open(sync);
    const lock = await lockOf(registry, ticket.id);
    const claim = claimOf(ticket.id);
    const answer = registry.commit(lock, { claim, session: sessionOf(claim) }, patient);
    const held = await arrived();
    expect(await registry.readBack(lock, newLaunchId())).toEqual({ kind: "absent" });
    held.complete();
    expect(await answer).toMatchObject({ kind: "committed" });
  });
});

function recordText(kind: string, record: object): string {
  return `${JSON.stringify({ format: `launch-claim/${kind}`, version: 1, ...record })}\n`;
}

function textOf(file: string): string | undefined {
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : undefined;
}

function failIf(fails: boolean): void {
  if (fails) throw diskError("EIO");
}

function failingAt({ layout }: RegistryBench, failing: string) {
  return watchedSync(layout.root, ({ path }) => failIf(path === failing));
}

/** Until nothing more fits, not even a byte. */
function fillUp(file: string): void {
  const fd = fs.openSync(file, "w");
  try {
    for (;;) fs.writeSync(fd, Buffer.alloc(4096));
  } catch {
    // ENOSPC, which is what was wanted.
  } finally {
    fs.closeSync(fd);
  }
}
