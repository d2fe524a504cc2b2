import { createHash } from "node:crypto";
import fs from "node:fs";
import { describe, expect, test } from "vitest";
import type { Outcome } from "../../src/outcome.js";
import { namesIn } from "../fixtures/files.js";
import { claimed, claimOf, INVISIBLE, RegistryBench, treeOf } from "../fixtures/registry-bench.js";

/** What a claim's file may hold that is no claim of this ticket, and the words by which it is known. */
const damages: Readonly<Record<string, readonly [bytes: string | Buffer, says: string]>> = {
  empty: ["", "it is not JSON"],
  "cut short": ['{"format":"launch-claim/claim","version":1,"tick', "it is not JSON"],
  "not text": [Buffer.from([0xff, 0xfe, 0x00, 0x80]), "it is not JSON"],
  "no object": ["[]", '"format" is undefined'],
  null: ["null", '"format" is undefined'],
  "of another format": [record({ format: "launch-claim/session" }), '"format" is "launch-claim/session"'],
  "of no format": [record({ format: undefined }), '"format" is undefined'],
  "of a version that is text": [record({ version: "1" }), '"version" is "1"'],
  "of version 0": [record({ version: 0 }), '"version" is 0'],
  "of version 1.5": [record({ version: 1.5 }), '"version" is 1.5'],
  "of a newer version": [record({ version: 2 }), "was written by a newer launch-claim (version 2)"],
  "without a Pod": [record({ pod: undefined }), 'at "pod"'],
  "without a launch id": [record({ launchId: undefined }), 'at "launchId"'],
  "with a launch id that is a path": [record({ launchId: "../../claims/T-2" }), 'at "launchId"'],
  "with a time that is none": [record({ claimedAt: "yesterday" }), 'at "claimedAt"'],
  "with an acceptance of no known level": [
    record({ acceptance: { level: "hope", kind: "x", at: "2026-01-01T00:00:00.000Z" } }),
    'at "acceptance.level"',
  ],
  "with a runtime of text": [record({ runtime: "guardian" }), 'at "runtime"'],
  "the claim of another ticket": [
    record({ ticket: { id: "T-9" } }),
    'holds the claim of another ticket, "T-9"',
  ],
};

function record(change: object): string {
  return JSON.stringify({ format: "launch-claim/claim", version: 1, ...claimOf("T-1"), ...change });
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Three tickets, the second of which has a claim file with these bytes. */
async function benchWith(bytes: string | Buffer) {
  const bench = new RegistryBench();
  const registry = bench.open();
  for (const id of ["T-0", "T-1", "T-2"]) await claimed(registry, id);
  const file = bench.claimFile("T-1");
  fs.writeFileSync(file, bytes);
  return { bench, file, expect: sha256(fs.readFileSync(file)), launcher: bench.launcher() };
}

describe.each(Object.entries(damages))("a claim file that is %s", (_, [bytes, says]) => {
  test("is shown as unreadable, with file, reason and checksum, and hides no other claim", async () => {
    const { file, expect: checksum, launcher } = await benchWith(bytes);
    const { claims } = await launcher.status();
    expect(claims.map(({ ticket, state }) => [ticket?.id, state])).toEqual([
      ["T-0", "stale"],
      ["T-1", "unreadable"],
      ["T-2", "stale"],
    ]);
    const [shown] = (await launcher.status({ id: "T-1" })).claims;
    expect(shown).toMatchObject({ ticket: { id: "T-1" }, state: "unreadable", file, expect: checksum });
    expect(shown?.claim).toBeUndefined();
    expect(shown?.evidence.reason).toContain(file);
    expect(shown?.evidence.reason).toContain(says);
    expect(claims[1]).toEqual(shown);
  });

  test("blocks its ticket, with advice that names file and checksum, and no other ticket", async () => {
    const { bench, file, expect: checksum, launcher } = await benchWith(bytes);
    const before = treeOf(bench.layout.claims);
    const outcome = await bench.launch("T-1", launcher);
    expect(outcome).toMatchObject({ status: "blocked", by: "unreadable", file, expect: checksum });
    const { reason, advice } = outcome as Extract<Outcome, { status: "blocked" }>;
    expect(reason).toContain(says);
    expect(advice).toContain(`Repair ${file}`);
    expect(advice).toContain(`"reclaim" it, expecting ${checksum}`);
    expect(treeOf(bench.layout.claims)).toEqual(before);
    expect(bench.runtime.living).toEqual([]);
    expect(await bench.launch("T-3", launcher)).toMatchObject({ status: "claimed" });
  });

  test("is named by doctor, which mends nothing of it", async () => {
    const { bench, file, expect: checksum, launcher } = await benchWith(bytes);
    const before = treeOf(bench.layout.claims);
    const { healthy, findings } = await launcher.doctor({ fix: true });
    expect(healthy).toBe(false);
    expect(findings.filter(({ code }) => code === "claim_unreadable")).toMatchObject([
      { severity: "error", ticket: { id: "T-1" }, file, safe: false },
    ]);
    expect(findings.find(({ code }) => code === "claim_unreadable")?.mend).toContain(checksum);
    expect(treeOf(bench.layout.claims)).toEqual(before);
  });

  test("is ended by its checksum only: the bytes go to history as they are, and the ticket is free", async () => {
    const { bench, file, expect: checksum, launcher } = await benchWith(bytes);
    const before = treeOf(bench.home);
    const wrong = [sha256(Buffer.from("others")), claimOf("T-1").launchId, "sha256:", ""];
    for (const expected of wrong) {
      expect(await launcher.reclaim({ id: "T-1" }, { expect: expected })).toMatchObject({
        status: "refused",
        by: "mismatch",
        reason: `${checksum} stands, not ${expected}`,
      });
    }
    expect(await launcher.reclaim({ id: "T-1" }, { expect: checksum, dryRun: true })).toMatchObject({
      status: "wouldEnd",
      judgement: { state: "unreadable" },
    });
    expect(await launcher.release({ id: "T-1" })).toMatchObject({ status: "refused", by: "unreadable" });
    expect(treeOf(bench.home)).toEqual(before);

    const bytesBefore = fs.readFileSync(file);
    const outcome = await launcher.reclaim({ id: "T-1" }, { expect: checksum });
    const kept = `${bench.layout.historyOf({ id: "T-1" })}/${checksum.replace(":", "-")}.damaged`;
    expect(outcome).toEqual({ status: "ended", file: kept });
    expect(fs.readFileSync(kept)).toEqual(bytesBefore);
    expect(namesIn(bench.layout.claims)).toEqual(["T-0.json", "T-2.json"]);
    expect(await bench.launch("T-1", launcher)).toMatchObject({ status: "claimed" });
    expect((await launcher.doctor()).findings.filter(({ file: named }) => named === kept)).toEqual([]);
  });
});

describe("a claim file of a long id, whose name is a hash,", () => {
  test("is shown as unreadable by its file alone, and with its ticket once that is asked for", async () => {
    const bench = new RegistryBench();
    const id = "long/".repeat(100);
    await claimed(bench.open(), id);
    fs.writeFileSync(bench.claimFile(id), "{");
    const launcher = bench.launcher();
    const [shown] = (await launcher.status()).claims;
    expect(shown).toMatchObject({ state: "unreadable", file: bench.claimFile(id) });
    expect(shown?.ticket).toBeUndefined();
    expect((await launcher.status({ id })).claims).toMatchObject([{ ticket: { id }, state: "unreadable" }]);
  });
});

describe("what stands in a claim's place and is no file that can be read", () => {
  const obstacles: Readonly<Record<string, (file: string) => void>> = {
    "a directory": (file) => fs.mkdirSync(file),
    "a link to a file": (file) => {
      fs.writeFileSync(`${file}.target`, record({}));
      fs.symlinkSync(`${file}.target`, file);
    },
    "a link to nowhere": (file) => fs.symlinkSync("/nowhere", file),
  };

  test.each(Object.entries(obstacles))("%s: hides no other claim, and is named", async (_, put) => {
    const bench = new RegistryBench();
    await claimed(bench.open(), "T-0");
    await claimed(bench.open(), "T-2");
    put(bench.claimFile("T-1"));
    const { claims } = await bench.launcher().status();
    expect(claims.map(({ ticket, state }) => [ticket?.id, state])).toEqual([
      ["T-0", "stale"],
      ["T-1", "unreadable"],
      ["T-2", "stale"],
    ]);
    const { findings } = await bench.launcher().doctor();
    expect(findings.some(({ file }) => file === bench.claimFile("T-1"))).toBe(true);
  });

  test.each(Object.entries(obstacles))(
    "%s: its ticket cannot be launched, and nothing is started",
    async (_, put) => {
      const bench = new RegistryBench();
      bench.open();
      put(bench.claimFile("T-1"));
      expect(["blocked", "failed"]).toContain((await bench.launch("T-1")).status);
      expect(bench.runtime.living).toEqual([]);
      expect(await bench.launch("T-2")).toMatchObject({ status: "claimed" });
    },
  );
});

describe("the advice to reclaim what is no file", () => {
  async function reclaimed(put: (file: string) => void) {
    const bench = new RegistryBench();
    bench.open();
    const file = bench.claimFile("T-1");
    put(file);
    const launcher = bench.launcher();
    const { advice } = (await bench.launch("T-1", launcher)) as Extract<Outcome, { status: "blocked" }>;
    const [expected] = /sha256:[0-9a-f]+/u.exec(advice) ?? [];
    const before = treeOf(bench.layout.claims);
    return {
      bench,
      file,
      before,
      outcome: expected && launcher.reclaim({ id: "T-1" }, { expect: expected }),
    };
  }

  test("holds for a link: the link itself is kept in history, and what it leads to stays", async () => {
    const { bench, outcome } = await reclaimed((file) => fs.symlinkSync("/etc/hostname", file));
    const ended = await outcome;
    expect(ended).toMatchObject({ status: "ended" });
    const kept = (ended as { file: string }).file;
    expect(fs.readlinkSync(kept)).toBe("/etc/hostname");
    expect(namesIn(bench.layout.claims)).toEqual([]);
  });

  test("holds for a directory, or is not given", async () => {
    const { outcome } = await reclaimed((file) => {
      fs.mkdirSync(file);
      fs.writeFileSync(`${file}/note`, "somebody's");
    });
    if (outcome !== undefined) expect(await outcome).toMatchObject({ status: "ended" });
  });

  test("loses nothing where an empty file was reclaimed before: that has the checksum of a link, too", async () => {
    const { bench, file, outcome } = await reclaimed((empty) => fs.writeFileSync(empty, ""));
    expect(await outcome).toMatchObject({ status: "ended" });
    fs.symlinkSync("/etc/hostname", file);
    const [shown] = (await bench.launcher().status({ id: "T-1" })).claims;
    await bench.launcher().reclaim({ id: "T-1" }, { expect: shown?.expect ?? "" });
    expect(JSON.stringify(treeOf(bench.home))).toContain("link to /etc/hostname");
  });
});

test("what a damaged claim holds is shown bounded, and with everything invisible made visible", async () => {
  const evil = `\u001b[2J\u009b31m\u202e${"x".repeat(5000)}`;
  for (const bytes of [
    evil,
    record({ format: evil }),
    record({ version: evil }),
    record({ acceptance: { level: evil } }),
    record({ ticket: { id: evil } }),
  ]) {
    const { launcher } = await benchWith(bytes);
    const [shown] = (await launcher.status({ id: "T-1" })).claims;
    expect(shown?.evidence.reason).not.toMatch(INVISIBLE);
    expect(shown?.evidence.reason.length).toBeLessThan(1000);
  }
});

test("files in the claims directory that are no claims are no claims", async () => {
  const bench = new RegistryBench();
  const claim = await claimed(bench.open(), "T-1");
  for (const name of [".0199.tmp", ".hidden.json", "T-2.json.bak", "README"]) {
    fs.writeFileSync(`${bench.layout.claims}/${name}`, "{");
  }
  expect(await bench.open().list()).toEqual([{ kind: "claim", claim }]);
});
