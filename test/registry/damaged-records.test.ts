import fs from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Outcome } from "../../src/outcome.js";
import type { StoredClaim } from "../../src/ports.js";
import { serializeRecord, type RecordKind } from "../../src/registry/records.js";
import {
  claimed,
  claimOf,
  errorOf,
  lockOf,
  podOf,
  RegistryBench,
  sessionOf,
  treeOf,
} from "../fixtures/registry-bench.js";

const NEWER = (kind: string) => JSON.stringify({ format: `launch-claim/${kind}`, version: 2, any: "thing" });

/** A record whose known fields all fit, and whose unknown one nests deeper than a stack is high. */
const DEEP = (kind: RecordKind, record: object) =>
  serializeRecord(kind, record).replace(/\}\n$/u, `,"later":${nested(20_000)}}`);
const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;

async function fileOfFinding(bench: RegistryBench, code: string) {
  const { findings } = await bench.launcher().doctor();
  return findings.filter((finding) => finding.code === code);
}

describe("a damaged role session", () => {
  test.each([
    ["cut short", '{"format":"launch-cl', "it is not JSON"],
    ["of another format", '{"format":"launch-claim/pod","version":1}', 'its "format" is "launch-claim/pod"'],
    ["of a newer version", NEWER("session"), "written by a newer launch-claim (version 2)"],
  ])("(%s) is named by doctor, and hides no other", async (_, text, says) => {
    const bench = new RegistryBench();
    const launcher = bench.launcher();
    for (const pod of ["one", "two", "three"]) await launcher.recordSession({ pod, role: "intake" });
    const file = bench.layout.session("two");
    fs.writeFileSync(file, text);
    const [finding, ...more] = await fileOfFinding(bench, "session_unreadable");
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ file, severity: "warning", safe: false });
    expect(finding?.message).toContain(says);
    expect((await launcher.sessions()).map(({ pod }) => pod)).toEqual(["one", "three"]);
  });

  test("of a newer version is never rewritten", async () => {
    const bench = new RegistryBench();
    const launcher = bench.launcher();
    const file = bench.layout.session("one");
    fs.writeFileSync(file, NEWER("session"));
    const { code } = await errorOf(() => launcher.recordSession({ pod: "one", role: "intake" }));
    expect(code).toBe("record_newer");
    expect(fs.readFileSync(file, "utf8")).toBe(NEWER("session"));
  });
});

describe("a damaged history entry", () => {
  test.each([
    ["cut short", '{"format":"launch-cl', "it is not JSON"],
    ["of a newer version", NEWER("history"), "written by a newer launch-claim (version 2)"],
  ])("(%s) is named by doctor, and hides no other, nor what stands", async (_, text, says) => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const launchIds: string[] = [];
    for (let times = 0; times < 3; times += 1) {
      const { launchId } = await claimed(registry, "T-1");
      launchIds.push(launchId);
      const lock = await lockOf(registry, "T-1");
      await registry.end(lock, { expect: launchId, how: "released", reason: "x", by: "me" });
      lock.close();
    }
    await claimed(registry, "T-1");
    const file = bench.layout.historyEntry({ id: "T-1" }, launchIds[1]!);
    fs.writeFileSync(file, text);

    const [finding, ...more] = await fileOfFinding(bench, "history_unreadable");
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ file, ticket: { id: "T-1" }, severity: "warning", safe: false });
    expect(finding?.message).toContain(says);
    const history = await bench.launcher().history();
    expect(history.map(({ claim }) => claim.launchId).sort()).toEqual([launchIds[0], launchIds[2]].sort());
    expect((await bench.launcher().status()).claims).toHaveLength(1);
  });
});

describe("a damaged Pod record", () => {
  test.each([
    ["empty", "", "it is not JSON"],
    ["cut short", '{"format":"launch-cl', "it is not JSON"],
    [
      "of another format",
      '{"format":"launch-claim/claim","version":1}',
      'its "format" is "launch-claim/claim"',
    ],
    ["of a newer version", NEWER("pod"), "written by a newer launch-claim (version 2)"],
  ])("(%s) blocks its ticket and no other, is named by doctor, and stays as it is", async (_, text, says) => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const record = podOf(claimOf("T-1"), "ended");
    await registry.writePod(record);
    const file = bench.podFile("T-1", record.pod);
    fs.writeFileSync(file, text);

    const launcher = bench.launcher();
    const outcome = await bench.launch("T-1", launcher);
    expect(outcome).toMatchObject({ status: "blocked", by: "unreadable", file });
    const { reason, advice } = outcome as Extract<Outcome, { status: "blocked" }>;
    expect(reason).toContain(says);
    expect(advice).toContain(`Repair ${file} or remove it once nothing of its Pod runs`);
    expect(await bench.launch("T-2", launcher)).toMatchObject({ status: "claimed" });

    const { healthy, findings } = await launcher.doctor({ fix: true });
    expect(healthy).toBe(false);
    expect(findings).toMatchObject([{ code: "pod_record_unreadable", file, severity: "error", safe: false }]);
    expect(fs.readFileSync(file, "utf8")).toBe(text);

    fs.rmSync(file);
    expect(await bench.launch("T-1", launcher)).toMatchObject({ status: "claimed" });
  });

  test("of a newer version is never rewritten", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const record = podOf(claimOf("T-1"), "started");
    await registry.writePod(record);
    const file = bench.podFile("T-1", record.pod);
    fs.writeFileSync(file, NEWER("pod"));
    const { code } = await errorOf(() => registry.writePod({ ...record, state: "ended" }));
    expect(code).toBe("record_newer");
    expect(fs.readFileSync(file, "utf8")).toBe(NEWER("pod"));
  });

  test("that is another Pod's, or another ticket's, is not taken for its own", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const theirs = podOf(claimOf("T-2"), "ended");
    await registry.writePod(theirs);
    fs.cpSync(bench.layout.podsOf({ id: "T-2" }), bench.layout.podsOf({ id: "T-1" }), { recursive: true });
    expect(await registry.pods({ id: "T-1" })).toMatchObject([
      { kind: "unreadable", file: bench.podFile("T-1", theirs.pod) },
    ]);
  });
});

describe("a record that nests deeper than a stack is high", () => {
  test("is damaged like any other: it hides no other, and its claim can be ended", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const claims = [await claimed(registry, "T-1"), await claimed(registry, "T-2")] as const;
    const deep = DEEP("claim", claims[0]);
    fs.writeFileSync(bench.claimFile("T-1"), deep);
    const [stored, other] = await registry.list();
    expect(stored).toMatchObject({ kind: "unreadable", ticket: { id: "T-1" } });
    expect(other).toEqual({ kind: "claim", claim: claims[1] });
    const { expect: stands } = stored as Extract<StoredClaim, { kind: "unreadable" }>;
    expect(await bench.launcher().reclaim({ id: "T-1" }, { expect: stands })).toMatchObject({
      status: "ended",
    });
    expect(await bench.launch("T-1")).toMatchObject({ status: "claimed" });
  });

  test("wherever it nests: in a field that is known, in its format, in a session, in a Pod record", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const claim = await claimed(registry, "T-1");
    const deep = nested(20_000);
    for (const text of [
      serializeRecord("claim", claim).replace('"locator":{}', `"locator":{"deep":${deep}}`),
      `{"format":${deep},"version":1}`,
      `{"format":"launch-claim/claim","version":${deep}}`,
    ]) {
      fs.writeFileSync(bench.claimFile("T-1"), text);
      expect(await registry.read({ id: "T-1" })).toMatchObject({ kind: "unreadable" });
    }
    const session = sessionOf(claim);
    fs.writeFileSync(bench.layout.session(session.pod), DEEP("session", session));
    await registry.writeSession(session);
    expect(await registry.sessions()).toEqual([session]);
    const pod = podOf(claim, "ended");
    await registry.writePod(pod);
    fs.writeFileSync(bench.podFile("T-1", pod.pod), DEEP("pod", pod));
    expect((await errorOf(() => registry.writePod(pod))).code).toBe("record_damaged");
  });
});

describe("a record in the place of another", () => {
  test("is no entry of that ticket's history, nor the answer to what became of its launch, and doctor names it", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const [ours, theirs] = [await claimed(registry, "T-1"), await claimed(registry, "T-2")];
    for (const { ticket, launchId } of [ours, theirs]) {
      const lock = await lockOf(registry, ticket.id);
      await registry.end(lock, { expect: launchId, how: "released", reason: "x", by: "me" });
      lock.close();
    }
    const file = bench.layout.historyEntry({ id: "T-1" }, ours.launchId);
    fs.copyFileSync(bench.layout.historyEntry({ id: "T-2" }, theirs.launchId), file);
    expect(await registry.history({ id: "T-1" })).toEqual([]);
    expect(await registry.history()).toMatchObject([{ claim: theirs }]);
    expect(await registry.readBack(await lockOf(registry, "T-1"), ours.launchId)).toEqual({ kind: "absent" });
    expect(await fileOfFinding(bench, "history_unreadable")).toMatchObject([{ file, ticket: { id: "T-1" } }]);
  });

  test("is no session of that Pod, and doctor names it", async () => {
    const bench = new RegistryBench();
    const launcher = bench.launcher();
    for (const pod of ["one", "two"]) await launcher.recordSession({ pod, role: "intake" });
    const file = bench.layout.session("one");
    fs.copyFileSync(bench.layout.session("two"), file);
    expect((await launcher.sessions()).map(({ pod }) => pod)).toEqual(["two"]);
    const [finding] = await fileOfFinding(bench, "session_unreadable");
    expect(finding).toMatchObject({ file });
    expect(finding?.message).toContain('the session of another Pod, "two"');
  });
});

describe("what stands where only directories are expected", () => {
  const strays: Readonly<Record<string, (bench: RegistryBench) => string>> = {
    "a file among the tickets' histories": ({ layout }) => join(layout.history, ".DS_Store"),
    "a file in the place of a ticket's history": ({ layout }) => layout.historyOf({ id: "T-1" }),
    "a file among the tickets' Pods": ({ layout }) => join(layout.pods, ".DS_Store"),
    "a file among the Pods of a ticket": ({ layout }) => join(layout.podsOf({ id: "T-2" }), ".DS_Store"),
  };

  test.each(Object.entries(strays))(
    "%s: every claim, Pod, history and finding is still shown",
    async (_, place) => {
      const bench = new RegistryBench();
      const registry = bench.open();
      await claimed(registry, "T-1");
      await claimed(registry, "T-2");
      await registry.writePod(podOf(claimOf("T-2"), "ended"));
      fs.writeFileSync(place(bench), "");

      const launcher = bench.launcher();
      expect((await launcher.status()).claims.map(({ ticket }) => ticket?.id)).toEqual(["T-1", "T-2"]);
      expect(await registry.pods()).toHaveLength(1);
      expect(await launcher.history()).toEqual([]);
      const { findings } = await launcher.doctor();
      expect(findings.filter(({ code }) => code === "claim_stale")).toHaveLength(2);
    },
  );
});

describe("what stands in a record's place and is no file", () => {
  const obstacles: Readonly<Record<string, (file: string) => void>> = {
    "a directory": (file) => fs.mkdirSync(file),
    "a link": (file) => fs.symlinkSync("/etc/hostname", file),
  };
  const kinds: Readonly<Record<string, (bench: RegistryBench) => string>> = {
    "a role session": ({ layout }) => layout.session("intake-other"),
    "a history entry": ({ layout }) => layout.historyEntry({ id: "T-1" }, "0199-other"),
    "a Pod record": (bench) => bench.podFile("T-9", "other"),
  };
  const cases = Object.entries(kinds).flatMap(([kind, place]) =>
    Object.entries(obstacles).map(([obstacle, put]) => [obstacle, kind, { place, put }] as const),
  );

  test.each(cases)("%s in the place of %s: named by doctor, and hides no other", async (_, __, placed) => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const { launchId } = await claimed(registry, "T-1");
    const lock = await lockOf(registry, "T-1");
    await registry.end(lock, { expect: launchId, how: "released", reason: "x", by: "me" });
    lock.close();
    await registry.writePod(podOf(claimOf("T-1"), "ended"));
    const file = placed.place(bench);
    fs.mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    placed.put(file);

    const launcher = bench.launcher();
    expect(await launcher.history()).toHaveLength(1);
    expect(await launcher.sessions()).toHaveLength(1);
    expect((await registry.pods()).filter(({ kind }) => kind === "pod")).toHaveLength(1);
    expect(await bench.launch("T-1", launcher)).toMatchObject({ status: "claimed" });
    const { findings } = await launcher.doctor({ fix: true });
    expect(findings).toMatchObject([{ file, safe: false }]);
    expect(fs.lstatSync(file).isFile()).toBe(false);
  });
});

describe("fields that this program does not know", () => {
  const extra = { color: "blue", nested: { deep: [1, { two: null }] } };

  function withExtra(file: string, within?: string): void {
    const raw = JSON.parse(fs.readFileSync(file, "utf8")) as Record<string, object>;
    Object.assign(raw, extra);
    if (within !== undefined) Object.assign(raw[within]!, extra);
    fs.writeFileSync(file, JSON.stringify(raw));
  }

  test("in a role session survive its rewriting", async () => {
    const bench = new RegistryBench();
    const launcher = bench.launcher();
    await launcher.recordSession({ pod: "one", role: "intake" });
    const file = bench.layout.session("one");
    withExtra(file);
    await launcher.recordSession({ pod: "one", role: "coder", sessionId: "ses_1" });
    expect(JSON.parse(fs.readFileSync(file, "utf8"))).toMatchObject({
      ...extra,
      role: "coder",
      sessionId: "ses_1",
    });
  });

  test("in a Pod record survive its rewriting, those inside of what was kept too", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const record = podOf(claimOf("T-1"), "started");
    await registry.writePod(record);
    const file = bench.podFile("T-1", record.pod);
    withExtra(file, "launcher");
    // The launch that finds its Pod gone closes the record.
    expect(await bench.launch("T-1")).toMatchObject({ status: "claimed" });
    expect(JSON.parse(fs.readFileSync(file, "utf8"))).toMatchObject({
      ...extra,
      state: "ended",
      launcher: { ...record.launcher, ...extra },
    });
  });

  test("in a claim go into its history entry", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const claim = await claimed(registry, "T-1");
    withExtra(bench.claimFile("T-1"), "acceptance");
    await bench.launcher().reclaim({ id: "T-1" }, { expect: claim.launchId });
    const entry: unknown = JSON.parse(
      fs.readFileSync(bench.layout.historyEntry({ id: "T-1" }, claim.launchId), "utf8"),
    );
    expect(entry).toMatchObject({
      claim: { ...claim, ...extra, acceptance: { ...claim.acceptance, ...extra } },
    });
  });

  test("do not survive in the place of known ones: what is written is what was given", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const session = sessionOf(claimOf("T-1"));
    await registry.writeSession(session);
    await registry.writeSession({ ...session, role: "coder", tickets: [] });
    expect(await registry.sessions()).toEqual([{ ...session, role: "coder", tickets: [] }]);
    expect(Object.keys(treeOf(bench.layout.sessions))).toHaveLength(2);
  });
});
