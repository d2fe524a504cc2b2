/** The rest of the life of a restored claim, and the claims that are not restored. */
import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createLauncher, type Claim, type HistoryEntry, type RoleSession } from "launch-claim";
import { PodConnection } from "../../src/protocol/connection.js";
import { claimOf, CliWorld, DEADLINE_MS } from "../fixtures/cli-world.js";
import { waitUntil } from "../fixtures/processes.js";
import { foreignClaim } from "../paths/foreign-claim.js";
import { claimFile } from "../paths/observe.js";
import { expectRestored, LOADS, LONG, loseGuardian, lost, restoredClaim } from "./bench.js";

describe("a restored claim", () => {
  it(
    "is live, can be restored again, and takes the whole chain into history when it is released",
    LONG,
    async () => {
      await using world = new CliWorld();
      const first = await lost(world, "T");
      const file = claimFile(world.registry, "T");
      fs.writeFileSync(file, JSON.stringify({ ...readClaim(file), addedLater: ["by a newer version"] }));
      const second = restoredClaim((await world.restore("T", LOADS)).outcome);
      expect(second).toMatchObject({
        restoredFrom: [first.launchId],
        acceptance: first.acceptance,
        claimedAt: first.claimedAt,
        session: first.session,
      });
      expect((await world.status("T"))?.state).toBe("live");

      await loseGuardian(world, "T", second.launchId);
      await world.untilQuiet("T");
      const third = restoredClaim((await world.restore("T", LOADS)).outcome);
      const chain = [first.launchId, second.launchId];
      expect(third.restoredFrom).toEqual(chain);
      expect(readClaim(file)).toMatchObject({ launchId: third.launchId, addedLater: ["by a newer version"] });
      expectRestored(world, "T", third);

      const doctor = await world.run("doctor", "--json");
      expect(doctor.code, JSON.stringify(doctor.results)).toBe(0);
      expect(doctor.results).toMatchObject([{ findings: [] }]);

      expect((await world.run("release", "T", "--stop", "--json")).code).toBe(0);
      const { results } = await world.run("history", "T", "--json");
      const { history } = results[0] as { history: HistoryEntry[] };
      expect(history.map(({ claim }) => [claim.launchId, claim.restoredFrom])).toEqual([
        [third.launchId, chain],
      ]);
      expect(world.isQuiet("T")).toBe(true);
      const sessions = (await world.run("sessions", "--json")).results[0] as { sessions: RoleSession[] };
      expect(new Set(sessions.sessions.map(({ launchId }) => launchId))).toEqual(
        new Set([...chain, third.launchId]),
      );
      const after = await world.run("doctor", "--json");
      expect(after.results).toMatchObject([{ findings: [] }]);
    },
  );

  it(
    "stays when its launcher is gone, takes a further run, and then ends as its role says",
    LONG,
    async () => {
      await using world = new CliWorld();
      claimOf(await world.launch("T", LOADS, { flags: ["--when-done", "keep"] }));
      const [launched = ""] = world.observe("T").claims;
      await loseGuardian(world, "T", launched);
      await world.untilQuiet("T");
      const config = join(world.workspace, "launch-claim.config.json");
      fs.writeFileSync(config, JSON.stringify({ roles: { intake: { whenDone: "release" } } }));
      const claim = restoredClaim((await world.restore("T", LOADS)).outcome);
      expectRestored(world, "T", claim);

      // It takes runs as soon as it has seen its claim.
      const socket = socketOf(world, claim);
      const accepted = async () => (await runAt(socket, claim.launchId)) === "run_accepted";
      await waitUntil(accepted, { deadlineMs: DEADLINE_MS, what: "the run to be taken" });
      await waitUntil(() => world.observe("T").claims.length === 0, {
        deadlineMs: DEADLINE_MS,
        what: "the release",
      });
      await world.untilQuiet("T");
      const { results } = await world.run("history", "T", "--json");
      expect(results).toMatchObject([
        {
          history: [
            { claim: { launchId: claim.launchId }, how: "released", reason: "the run ended: end_turn" },
          ],
        },
      ]);
      expect(world.prompts()).toBe(2);
    },
  );
});

describe("the run of a restored claim", () => {
  it(
    "ended as the Pod said that was given it, whichever launch of the claim is asked for",
    LONG,
    async () => {
      await using world = new CliWorld();
      const first = claimOf(await world.launch("T", LOADS));
      const { workspace, home } = world;
      const launcher = createLauncher({ workspace, home });
      expect(await launcher.runEnded({ id: "T" })).toBe("end_turn");
      expect((await world.run("stop", "T")).code).toBe(0);
      const claim = restoredClaim((await world.restore("T", LOADS)).outcome);
      for (const asked of [{}, { launchId: first.launchId }, { launchId: claim.launchId }])
        expect(await launcher.runEnded({ id: "T" }, asked)).toBe("end_turn");
    },
  );

  it("has no end that anybody could tell if its Pod was lost before", LONG, async () => {
    await using world = new CliWorld();
    const update = { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "On it." } };
    const first = await lost(world, "T", { ...LOADS, prompt: [{ update }, { stall: true }] });
    restoredClaim((await world.restore("T", LOADS)).outcome);
    const { workspace, home } = world;
    const ended = createLauncher({ workspace, home }).runEnded({ id: "T" }, { launchId: first.launchId });
    await expect(ended).rejects.toMatchObject({ code: "pod_unreachable" });
  });
});

describe("a claim that is not restored", () => {
  it("is a live one: it goes on as it was", LONG, async () => {
    await using world = new CliWorld();
    const claim = claimOf(await world.launch("T", LOADS));
    await expectBlocked(world, "live");
    expectRestored(world, "T", claim);
  });

  it("is one whose agent could not load its session", LONG, async () => {
    await using world = new CliWorld();
    await lost(world, "T", {});
    await expectBlocked(world, "stale");
    expect(world.livingPods("T")).toEqual([]);
  });

  it("says why, of an agent that is known not to", LONG, async () => {
    await using world = new CliWorld();
    claimOf(await world.launch("T", {}, { flags: ["--agent", "gemini"] }));
    expect((await world.run("stop", "T")).code).toBe(0);
    const { outcome } = await world.restore("T", LOADS);
    const reason = /session cannot be loaded again: .* loses for good one/u;
    expect(outcome).toMatchObject({ status: "blocked", reason: expect.stringMatching(reason) as string });
  });

  it("is one of another host's Pods", LONG, async () => {
    await using world = new CliWorld();
    await lost(world, "T");
    fs.writeFileSync(claimFile(world.registry, "T"), foreignClaim({ id: "T" }));
    await expectBlocked(world, "unknown");
    expect(world.livingPods("T")).toEqual([]);
  });

  it("is none", LONG, async () => {
    await using world = new CliWorld();
    const { code, outcome } = await world.restore("T", LOADS);
    expect(code).toBe(1);
    expect(outcome).toMatchObject({ status: "failed", code: "nothing_to_restore", proof: "nothingStarted" });
  });
});

/** Blocked with exit code 3, and nothing on disk has changed. */
async function expectBlocked(world: CliWorld, by: string): Promise<void> {
  const before = world.observe("T");
  const { code, outcome } = await world.restore("T", LOADS);
  expect(outcome).toMatchObject({ status: "blocked", by });
  expect(code).toBe(3);
  expect(world.observe("T")).toEqual(before);
}

function readClaim(file: string): Record<string, unknown> {
  return JSON.parse(fs.readFileSync(file, "utf8")) as Record<string, unknown>;
}

function socketOf(world: CliWorld, { pod, launchId }: Claim): string {
  const record = world.podRecords("T").find((one) => one.launchId === launchId) as
    { socket?: string } | undefined;
  if (record?.socket === undefined) throw new Error(`the record of Pod ${pod} names no socket`);
  return record.socket;
}

async function runAt(socket: string, launchId: string): Promise<string> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const { connection } = await PodConnection.open(socket, signal);
  try {
    const params = {
      run_id: "further",
      launch_id: launchId,
      input: [{ kind: "text" as const, content: "go on" }],
    };
    return await connection.request(
      { method: "run", params },
      ({ event }) => (event === "run_accepted" || event === "run_rejected" ? event : undefined),
      signal,
    );
  } finally {
    connection.close();
  }
}
