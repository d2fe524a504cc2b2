import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { PodRecord } from "../../src/ports.js";
import type { FileRegistry } from "../../src/registry/file-registry.js";
import { namesIn } from "../fixtures/files.js";
import {
  claimed,
  claimOf,
  lockOf,
  podOf,
  RegistryBench,
  sessionOf,
  treeOf,
} from "../fixtures/registry-bench.js";

describe("a healthy registry", () => {
  test("that was just created has nothing to be found", async () => {
    expect(await new RegistryBench().launcher().doctor()).toEqual({ healthy: true, findings: [] });
  });

  test("with living claims, ended ones, failed launches and other sessions has nothing to be found or mended", async () => {
    const bench = new RegistryBench();
    const launcher = bench.launcher();
    for (const id of ["T-1", "T-2"]) await bench.launch(id, launcher);
    await launcher.stop({ id: "T-2" });
    await launcher.release({ id: "T-2" });
    await launcher.launch({ ticket: { id: "T-3" }, role: "nobody" }).outcome;
    await launcher.recordSession({ pod: "p", role: "intake" });
    const before = treeOf(bench.home);
    expect(await launcher.doctor()).toEqual({ healthy: true, findings: [] });
    expect(await launcher.doctor({ fix: true })).toEqual({ healthy: true, findings: [] });
    const { claims } = await launcher.status();
    expect(claims.map(({ state }) => state)).toEqual(["live"]);
    expect(withoutLocks(treeOf(bench.home))).toEqual(withoutLocks(before));
  });
});

describe("temporaries that a process left that died while writing", () => {
  const places: Readonly<Record<string, (bench: RegistryBench) => string>> = {
    "of registry.json": ({ layout }) => layout.root,
    "of a claim": ({ layout }) => layout.claims,
    "of a session": ({ layout }) => layout.sessions,
    "of a history entry": ({ layout }) => layout.historyOf({ id: "T-1" }),
    "of a Pod record": ({ layout }) => layout.pod({ id: "T-1" }, "pod-1"),
  };
  const anHourAgo = Date.now() / 1000 - 3600;

  test.each(Object.entries(places))("%s are found, and only --fix removes them", async (_, place) => {
    const bench = new RegistryBench();
    await claimed(bench.open(), "T-2");
    const file = join(place(bench), ".0199.tmp");
    fs.mkdirSync(place(bench), { recursive: true, mode: 0o700 });
    fs.writeFileSync(file, "half a rec");
    fs.utimesSync(file, anHourAgo, anHourAgo);

    const found = { code: "temporary_left", severity: "warning", file, safe: true };
    const launcher = bench.launcher();
    const temporaries = async (fix: boolean) =>
      (await launcher.doctor({ fix })).findings.filter(({ code }) => code === "temporary_left");
    expect(await temporaries(false)).toMatchObject([{ ...found, mended: false }]);
    expect(fs.existsSync(file)).toBe(true);
    expect(await temporaries(true)).toMatchObject([{ ...found, mended: true }]);
    expect(fs.existsSync(file)).toBe(false);
    expect(await temporaries(true)).toEqual([]);
    expect((await launcher.status()).claims).toHaveLength(1);
  });

  test("that are young may belong to a write that is under way, and are left alone", async () => {
    const bench = new RegistryBench();
    bench.open();
    const file = join(bench.layout.claims, ".0199.tmp");
    fs.writeFileSync(file, "half a rec");
    expect(await bench.launcher().doctor({ fix: true })).toEqual({ healthy: true, findings: [] });
    expect(fs.existsSync(file)).toBe(true);
  });
});

describe("records of Pods that have ended", () => {
  /** The n-th launch of a ticket, one a minute. */
  async function writePods(registry: FileRegistry, id: string, states: readonly PodRecord["state"][]) {
    const records: PodRecord[] = [];
    for (const [n, state] of states.entries()) {
      const startedAt = new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString();
      const record = { ...podOf(claimOf(id), state), pod: `pod-${String(n).padStart(2, "0")}`, startedAt };
      await registry.writePod(record);
      records.push(record);
    }
    return records;
  }

  test("are kept for the latest ten of each ticket, and swept beyond by --fix only, with all that was kept of them", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    await writePods(registry, "T-1", Array<PodRecord["state"]>(13).fill("ended"));
    await writePods(registry, "T-2", Array<PodRecord["state"]>(10).fill("ended"));
    fs.writeFileSync(join(bench.layout.pod({ id: "T-1" }, "pod-00"), "pod.log"), "what it said");

    const launcher = bench.launcher();
    await launcher.doctor();
    expect(namesIn(bench.layout.podsOf({ id: "T-1" }))).toHaveLength(13);
    const { healthy, findings } = await launcher.doctor({ fix: true });
    expect(healthy).toBe(true);
    expect(findings).toMatchObject([{ code: "pod_records_swept", severity: "info", mended: true }]);
    expect(findings[0]?.message).toContain("3 records");
    const latest = Array.from({ length: 10 }, (_, n) => `pod-${String(n + 3).padStart(2, "0")}`);
    expect(namesIn(bench.layout.podsOf({ id: "T-1" }))).toEqual(latest);
    expect(namesIn(bench.layout.podsOf({ id: "T-2" }))).toHaveLength(10);
    expect(await launcher.doctor({ fix: true })).toEqual({ healthy: true, findings: [] });
  });

  test("never push out a Pod that could not be proven gone, nor a record that cannot be read, however old", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const many = Array<PodRecord["state"]>(12).fill("ended");
    await writePods(registry, "T-1", ["unresolved", "ended", ...many]);
    const file = bench.podFile("T-1", "pod-01");
    fs.writeFileSync(file, "{");
    await bench.launcher().doctor({ fix: true });
    const left = namesIn(bench.layout.podsOf({ id: "T-1" }));
    expect(left).toHaveLength(12);
    expect(left.slice(0, 2)).toEqual(["pod-00", "pod-01"]);
    expect(fs.readFileSync(file, "utf8")).toBe("{");
  });

  test("that lie in another ticket's place take nothing with them when they are swept", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    // The Pod of T-2 is the oldest, and lives on; a copy of its record says that it has ended, and lies among those of T-1.
    await writePods(registry, "T-1", Array<PodRecord["state"]>(12).fill("ended"));
    const theirs = { ...podOf(claimOf("T-2"), "unresolved"), startedAt: "2025-01-01T00:00:00.000Z" };
    await registry.writePod({ ...theirs, state: "ended" });
    fs.cpSync(bench.layout.pod({ id: "T-2" }, theirs.pod), bench.layout.pod({ id: "T-1" }, theirs.pod), {
      recursive: true,
    });
    await registry.writePod(theirs);
    await bench.launcher().doctor({ fix: true });
    expect(await registry.pods({ id: "T-2" })).toMatchObject([{ kind: "pod", record: { pod: theirs.pod } }]);
  });
});

describe("what a launcher left that died", () => {
  test("a record of a Pod that is gone: found, and closed by --fix only", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const record = podOf(claimOf("T-1"), "started");
    await registry.writePod(record);
    const launcher = bench.launcher();
    const found = { code: "pod_record_left", severity: "info", ticket: { id: "T-1" }, safe: true };
    expect(await launcher.doctor()).toMatchObject({ healthy: true, findings: [{ ...found, mended: false }] });
    expect(await registry.pods()).toMatchObject([{ record: { state: "started" } }]);
    expect(await launcher.doctor({ fix: true })).toMatchObject({ findings: [{ ...found, mended: true }] });
    expect(await registry.pods()).toMatchObject([{ record: { state: "ended" } }]);
    expect(await launcher.doctor()).toEqual({ healthy: true, findings: [] });
  });

  test("a role session without a claim: found, and removed by --fix only", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const session = sessionOf(claimOf("T-1"));
    await registry.writeSession(session);
    const launcher = bench.launcher();
    const found = { code: "session_orphaned", severity: "warning", ticket: { id: "T-1" }, safe: true };
    expect(await launcher.doctor()).toMatchObject({ healthy: true, findings: [{ ...found, mended: false }] });
    expect(await registry.sessions()).toEqual([session]);
    expect(await launcher.doctor({ fix: true })).toMatchObject({ findings: [{ ...found, mended: true }] });
    expect(await registry.sessions()).toEqual([]);
    expect(await launcher.doctor()).toEqual({ healthy: true, findings: [] });
  });

  test("a role session is none's orphan while its claim stands, unreadable too, was ended, or its Pod may be adopted", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const stands = await claimed(registry, "T-1");
    await claimed(registry, "T-2");
    fs.truncateSync(bench.claimFile("T-2"), 20);
    const ended = await claimed(registry, "T-3");
    const lock = await lockOf(registry, "T-3");
    await registry.end(lock, { expect: ended.launchId, how: "released", reason: "x", by: "me" });
    lock.close();
    const adoptable = claimOf("T-4");
    await registry.writeSession(sessionOf(adoptable));
    // Another host's: whether it lives cannot be told from here.
    await registry.writePod({ ...podOf(adoptable, "started"), runtime: { kind: "another", locator: {} } });
    await registry.writeSession({ ...sessionOf(claimOf("T-5")), origin: "pre_ticket_intake" });

    const { findings } = await bench.launcher().doctor({ fix: true });
    expect(findings.filter(({ code }) => code === "session_orphaned")).toEqual([]);
    const sessions = await registry.sessions();
    expect(sessions.flatMap(({ tickets }) => tickets.map(({ id }) => id)).sort()).toEqual([
      "T-1",
      "T-2",
      "T-3",
      "T-4",
      "T-5",
    ]);
    expect(sessions.some(({ launchId }) => launchId === stands.launchId)).toBe(true);
  });

  test("a launch that is in flight is as it should be: neither its record nor its session is touched", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const claim = claimOf("T-1");
    await lockOf(registry, "T-1");
    await registry.writePod(podOf(claim, "starting"));
    await registry.writeSession(sessionOf(claim));
    const before = treeOf(bench.home);
    expect(await bench.launcher().doctor({ fix: true })).toEqual({ healthy: true, findings: [] });
    expect(treeOf(bench.home)).toEqual(before);
  });
});

describe("a claim whose Pod is gone", () => {
  test("is a warning with the verb that ends it, and is never ended by --fix", async () => {
    const bench = new RegistryBench();
    const { launchId } = await claimed(bench.open(), "T-1");
    const before = treeOf(bench.layout.claims);
    const { healthy, findings } = await bench.launcher().doctor({ fix: true });
    expect(healthy).toBe(true);
    expect(findings).toMatchObject([
      { code: "claim_stale", severity: "warning", ticket: { id: "T-1" }, safe: false },
    ]);
    expect(findings[0]?.mend).toBe(`"reclaim" T-1, expecting ${launchId}`);
    expect(treeOf(bench.layout.claims)).toEqual(before);
  });
});

function withoutLocks(tree: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).filter(([path]) => !path.includes("/locks/")));
}
