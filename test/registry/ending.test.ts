import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ClaimEnding } from "../../src/ports.js";
import type { FileRegistry } from "../../src/registry/file-registry.js";
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
import { diskError, watchedSync } from "../fixtures/registry-syncs.js";

const ticket = { id: "T-1" };

function ending(expected: string): ClaimEnding {
  return { expect: expected, how: "released", reason: "the work is over", by: "me@here" };
}

async function end(registry: FileRegistry, expected: string) {
  const lock = await lockOf(registry, ticket.id);
  try {
    return await registry.end(lock, ending(expected));
  } finally {
    lock.close();
  }
}

describe("the end of a claim", () => {
  test("is durable in history, with all its directories, BEFORE the claim is unlinked; then the claims are synced", async () => {
    const bench = new RegistryBench();
    const { layout } = bench;
    const claim = await claimed(bench.open(), ticket.id);
    const entryFile = layout.historyEntry(ticket, claim.launchId);
    const seen: unknown[] = [];
    const registry = bench.open(
      watchedSync(layout.root, ({ path }) => {
        seen.push([
          path,
          fs.existsSync(entryFile) ? "entry" : "",
          fs.existsSync(layout.claim(ticket)) ? "claim" : "",
        ]);
      }),
    );
    expect(await end(registry, claim.launchId)).toMatchObject({ kind: "ended", file: entryFile });
    expect(seen).toEqual([
      ["history", "", "claim"], // the ticket's own directory has its name
      ["history/T-1/.*.tmp", "", "claim"],
      ["history/T-1", "entry", "claim"],
      ["claims", "entry", ""],
    ]);
    expect(namesIn(layout.historyOf(ticket))).toEqual([`${claim.launchId}.json`]);
    expect(JSON.parse(fs.readFileSync(entryFile, "utf8"))).toMatchObject({
      format: "launch-claim/history",
      version: 1,
      claim: { launchId: claim.launchId },
      how: "released",
      reason: "the work is over",
      by: "me@here",
    });
  });

  test("rejects while history cannot be written, and the claim still stands, byte for byte", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const claim = await claimed(registry, ticket.id);
    const before = fs.readFileSync(bench.claimFile("T-1"));
    const lock = await lockOf(registry, ticket.id);
    // What stands where the ticket's history directory should be comes after the lock, so that it is met by the end itself.
    fs.writeFileSync(bench.layout.historyOf(ticket), "in the way");

    const { code, message } = await errorOf(() => registry.end(lock, ending(claim.launchId)));
    expect(code).toBe("io_failed");
    expect(message).toContain(bench.layout.historyOf(ticket));
    expect(fs.readFileSync(bench.claimFile("T-1"))).toEqual(before);

    fs.rmSync(bench.layout.historyOf(ticket));
    expect(await registry.end(lock, ending(claim.launchId))).toMatchObject({ kind: "ended" });
  });

  test("of the second claim of a ticket syncs its history just as well", async () => {
    const bench = new RegistryBench();
    await end(bench.open(), (await claimed(bench.open(), ticket.id)).launchId);
    const { launchId } = await claimed(bench.open(), ticket.id);
    const synced: string[] = [];
    await end(bench.open(watchedSync(bench.layout.root, ({ path }) => void synced.push(path))), launchId);
    expect(synced.indexOf("history/T-1")).toBeGreaterThan(synced.indexOf("history/T-1/.*.tmp"));
    expect(synced.indexOf("claims")).toBeGreaterThan(synced.indexOf("history/T-1"));
    expect(await bench.open().history(ticket)).toHaveLength(2);
  });
});

describe("an end whose disk fails (an injected error of each sync in turn)", () => {
  /** `end` with the n-th of its syncs failing. */
  async function failingEnd(bench: RegistryBench, launchId: string, n: number) {
    let calls = 0;
    const registry = bench.open(
      watchedSync(bench.layout.root, () => {
        calls += 1;
        if (calls === n) throw diskError("EIO");
      }),
    );
    return await end(registry, launchId).then(
      () => "ended" as const,
      (error: unknown) => error,
    );
  }

  test("loses nothing at any of them: the claim stands, or its history does; and it can be finished", async () => {
    let n = 1;
    for (; ; n += 1) {
      const bench = new RegistryBench();
      const claim = await claimed(bench.open(), ticket.id);
      const before = treeOf(bench.layout.claims);
      const result = await failingEnd(bench, claim.launchId, n);
      if (result === "ended") break;

      expect(result, `sync ${n}`).toMatchObject({ code: "io_failed", cause: { code: "EIO" } });
      const stands = (await bench.open().read(ticket)) !== undefined;
      const entries = await bench.open().history(ticket);
      expect([stands, entries.length], `sync ${n}`).toEqual(stands ? [true, 0] : [false, 1]);
      if (stands) expect(treeOf(bench.layout.claims)).toEqual(before);

      expect(await end(bench.open(), claim.launchId)).toMatchObject({ kind: stands ? "ended" : "absent" });
      expect(namesIn(bench.layout.claims)).toEqual([]);
      expect(await bench.open().history(ticket)).toMatchObject([{ claim }]);
      expect(namesIn(bench.layout.historyOf(ticket))).toEqual([`${claim.launchId}.json`]);
    }
    expect(n, "every sync of an end was made to fail").toBe(5);
  });
});

describe("an end that a crash cut short, with the history entry there and the claim's file still there", () => {
  /** The bytes of the claim are put back, as they were before the unlink that the crash prevented. */
  async function halfEnded(bench: RegistryBench) {
    const registry = bench.open();
    const claim = await claimed(registry, ticket.id);
    const bytes = fs.readFileSync(bench.claimFile("T-1"));
    await end(registry, claim.launchId);
    fs.writeFileSync(bench.claimFile("T-1"), bytes, { mode: 0o600 });
    return claim;
  }

  test("does not stand: reading says absent, listing omits it, and neither changes anything", async () => {
    const bench = new RegistryBench();
    const { launchId } = await halfEnded(bench);
    const other = await claimed(bench.open(), "T-2");
    const before = treeOf(bench.home);
    const registry = bench.open();
    expect(await registry.read(ticket)).toBeUndefined();
    expect(await registry.list()).toEqual([{ kind: "claim", claim: other }]);
    expect(await bench.launcher().status(ticket)).toEqual({ claims: [] });
    expect(await registry.history(ticket)).toMatchObject([{ claim: { launchId } }]);
    expect(treeOf(bench.home)).toEqual(before);
  });

  test("is finished by whoever takes the launch lock next: the history is synced BEFORE the file goes", async () => {
    const bench = new RegistryBench();
    await halfEnded(bench);
    const seen: unknown[] = [];
    const registry = bench.open(
      watchedSync(bench.layout.root, ({ path }) => void seen.push([path, namesIn(bench.layout.claims)])),
    );
    (await lockOf(registry, ticket.id)).close();
    expect(seen).toEqual([
      ["history/T-1", ["T-1.json"]],
      ["claims", []],
    ]);
    expect(await registry.history(ticket)).toHaveLength(1);
  });

  test("does not block: a new launch is claimed, and the ended one is in history once", async () => {
    const bench = new RegistryBench();
    const { launchId } = await halfEnded(bench);
    expect(await bench.launch("T-1")).toMatchObject({ status: "claimed" });
    expect(await bench.open().history(ticket)).toMatchObject([{ claim: { launchId } }]);
  });

  test.each(["release", "reclaim"] as const)("is absent to %s, and gone after it", async (verb) => {
    const bench = new RegistryBench();
    const { launchId } = await halfEnded(bench);
    const launcher = bench.launcher();
    const outcome =
      verb === "release" ? launcher.release(ticket) : launcher.reclaim(ticket, { expect: launchId });
    expect(await outcome).toEqual({ status: "absent" });
    expect(namesIn(bench.layout.claims)).toEqual([]);
    expect(await launcher.history(ticket)).toHaveLength(1);
  });

  test("is not undone while the lock is held by somebody else: the file stays, and still does not stand", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const lock = await lockOf(registry, ticket.id);
    const claim = claimOf(ticket.id);
    await registry.commit(lock, { claim, session: sessionOf(claim) }, patient);
    const bytes = fs.readFileSync(bench.claimFile("T-1"));
    await registry.end(lock, ending(claim.launchId));
    fs.writeFileSync(bench.claimFile("T-1"), bytes);
    expect(await bench.open().lockLaunch(ticket, patient)).toBeUndefined();
    expect(namesIn(bench.layout.claims)).toEqual(["T-1.json"]);
    expect(await bench.open().read(ticket)).toBeUndefined();
  });
});

describe("a launch that was claimed and ended", () => {
  test("is never committed again, though its claim's file is gone: launch_already_ended, and nothing is written", async () => {
    const bench = new RegistryBench();
    const claim = await claimed(bench.open(), ticket.id);
    await end(bench.open(), claim.launchId);
    const registry = bench.open();
    const lock = await lockOf(registry, ticket.id);
    const error = await errorOf(() => registry.commit(lock, { claim, session: sessionOf(claim) }, patient));
    expect(error).toMatchObject({
      code: "launch_already_ended",
      hint: "Launch again: a new launch has a new id.",
    });
    expect(namesIn(bench.layout.claims)).toEqual([]);
    expect(await registry.readBack(lock, claim.launchId)).toEqual({ kind: "ours", claim });
  });

  test("is not committed again although its history entry cannot be read any more", async () => {
    const bench = new RegistryBench();
    const claim = await claimed(bench.open(), ticket.id);
    await end(bench.open(), claim.launchId);
    fs.truncateSync(bench.layout.historyEntry(ticket, claim.launchId), 10);
    const registry = bench.open();
    const lock = await lockOf(registry, ticket.id);
    const error = await errorOf(() => registry.commit(lock, { claim, session: sessionOf(claim) }, patient));
    expect(error.code).toBe("launch_already_ended");
  });
});

describe("compare-and-delete", () => {
  test("with another launch id than the one that stands changes nothing", async () => {
    const bench = new RegistryBench();
    const claim = await claimed(bench.open(), ticket.id);
    const before = treeOf(bench.home);
    expect(await end(bench.open(), claimOf(ticket.id).launchId)).toEqual({
      kind: "mismatch",
      standing: { kind: "claim", claim },
    });
    expect(treeOf(bench.home)).toEqual(before);
  });

  test("leaves the claims of other tickets as they are", async () => {
    const bench = new RegistryBench();
    const claim = await claimed(bench.open(), ticket.id);
    await claimed(bench.open(), "T-11");
    const other = fs.readFileSync(bench.claimFile("T-11"));
    await end(bench.open(), claim.launchId);
    expect(fs.readFileSync(bench.claimFile("T-11"))).toEqual(other);
    expect(fs.existsSync(join(bench.layout.history, "T-11"))).toBe(false);
  });
});
