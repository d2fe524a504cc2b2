import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  claimed,
  claimOf,
  errorOf,
  lockOf,
  patient,
  RegistryBench,
  sessionOf,
} from "../fixtures/registry-bench.js";

describe("ids that differ only in case", () => {
  test("are two tickets where the file system tells them apart: both are claimed, each by its own Pod", async () => {
    const bench = new RegistryBench();
    const launcher = bench.launcher();
    expect(isCaseSensitive(bench.directory), "this test needs a case-sensitive temporary directory").toBe(
      true,
    );
    for (const id of ["Fix-A", "fix-a", "FIX-A"]) {
      expect(await bench.launch(id, launcher)).toMatchObject({
        status: "claimed",
        claim: { ticket: { id } },
      });
    }
    const { claims } = await launcher.status();
    expect(claims.map(({ ticket, state }) => [ticket?.id, state])).toEqual([
      ["FIX-A", "live"],
      ["Fix-A", "live"],
      ["fix-a", "live"],
    ]);
    expect(bench.runtime.living).toHaveLength(3);
  });
});

/**
 * No case-insensitive file system can be mounted by the kernels that these tests run on (no CONFIG_UNICODE for ext4, no XFS with
 * ASCII-CI, no FAT), so the first claim's file is given its second name by hand: a hard link, by which the same bytes are found
 * under both names, as such a file system finds them.
 */
describe("ids that differ only in case, where both name one file (a hard link stands in for a case-insensitive file system)", () => {
  const second = { id: "fix-a" };

  async function claimedUnderBothNames(bench: RegistryBench) {
    const claim = await claimed(bench.open(), "Fix-A");
    fs.linkSync(bench.claimFile("Fix-A"), bench.claimFile("fix-a"));
    return claim;
  }

  test("the second is refused with ticket_id_collision, which names both and says what to do", async () => {
    const bench = new RegistryBench();
    const claim = await claimedUnderBothNames(bench);
    const bytes = fs.readFileSync(bench.claimFile("Fix-A"));

    const outcome = await bench.launch("fix-a");
    expect(outcome).toMatchObject({
      status: "failed",
      phase: "spawning",
      code: "ticket_id_collision",
      proof: "nothingStarted",
      hint: "Set LAUNCH_CLAIM_HOME to a case-sensitive file system, or rename one of the tickets.",
    });
    expect(outcome).toHaveProperty(
      "message",
      expect.stringContaining('"fix-a" and "Fix-A" differ only in case'),
    );
    expect(bench.runtime.living).toEqual([]);

    const launcher = bench.launcher();
    for (const verb of [
      () => launcher.status(second),
      () => launcher.stop(second),
      () => launcher.release(second),
      () => launcher.reclaim(second, { expect: claim.launchId }),
    ]) {
      expect((await errorOf(verb)).code).toBe("ticket_id_collision");
    }
    expect(fs.readFileSync(bench.claimFile("Fix-A"))).toEqual(bytes);
    expect(await bench.open().read({ id: "Fix-A" })).toEqual({ kind: "claim", claim });
  });

  test("a second that was admitted before the first was claimed is refused at the commit", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const lock = await lockOf(registry, "fix-a");
    await claimedUnderBothNames(bench);
    const bytes = fs.readFileSync(bench.claimFile("Fix-A"));

    const claim = claimOf("fix-a");
    const { code } = await errorOf(() =>
      registry.commit(lock, { claim, session: sessionOf(claim) }, patient),
    );
    expect(code).toBe("ticket_id_collision");
    expect(fs.readFileSync(bench.claimFile("fix-a"))).toEqual(bytes);
    expect(fs.existsSync(join(bench.layout.claims, `.${claim.launchId}.tmp`))).toBe(false);
  });

  test("an id that shares the file for another reason than its case is damage, not a collision", async () => {
    const bench = new RegistryBench();
    await claimed(bench.open(), "Fix-A");
    fs.linkSync(bench.claimFile("Fix-A"), bench.claimFile("other"));
    expect(await bench.open().read({ id: "other" })).toMatchObject({
      kind: "unreadable",
      ticket: { id: "other" },
      reason: expect.stringContaining('holds the claim of another ticket, "Fix-A"') as string,
    });
  });
});

function isCaseSensitive(directory: string): boolean {
  fs.writeFileSync(join(directory, "Case"), "");
  return !fs.existsSync(join(directory, "cASE"));
}
