/** Promises 2, 3 and 4, through the command line: exactly one, by locks that are the kernel's, whoever is stopped meanwhile. */
import { describe, expect, it } from "vitest";
import type { AgentScript } from "../../src/testing/scripted-agent/script.js";
import {
  claimOf,
  CliWorld,
  DEADLINE_MS,
  outcomeOf,
  stopProcess,
  type EndedCommand,
  type RunningCommand,
} from "../fixtures/cli-world.js";
import { waitUntil } from "../fixtures/processes.js";

const RACERS = 16;
/** More than a socket's buffer holds: once it was taken, somebody reads. */
const LONG_PROMPT = "go ".repeat(200 * 1024);
const LONG = { timeout: 240_000 };

/** What the command said is what is on disk, and what runs. */
async function expectTruth(world: CliWorld, id: string, ended: EndedCommand): Promise<void> {
  const outcome = outcomeOf(ended);
  if (outcome.status === "claimed") {
    expect(ended.code).toBe(0);
    expect(world.observe(id)).toMatchObject({ claims: [outcome.claim.launchId], podLock: "held" });
    expect(world.livingPods(id)).toEqual([outcome.claim.launchId]);
    expect((await world.status(id))?.state).toBe("live");
  } else {
    expect(outcome, ended.stderr).toMatchObject({ status: "timedOut" });
    expect(ended.code).toBe(4);
    expect(world.observe(id)).toMatchObject({ claims: [], sessions: [] });
    expect(world.isQuiet(id), "nothing of it runs").toBe(true);
  }
}

describe("launch commands that race on one ticket", () => {
  it.each(["kernel", "scan"] as const)(
    "16 of them: one exits with 0, fifteen with 3, and one agent hears one prompt (ends proven by %s)",
    LONG,
    async (proof) => {
      await using world = new CliWorld({ proof });
      const racers = Array.from({ length: RACERS }, () =>
        world.startLaunch("RACE", {}, { flags: ["--prompt-file", "-"] }),
      );
      await Promise.all(racers.map((racer) => waitsForItsPrompt(racer)));
      for (const { child } of racers) child.stdin?.end();
      const ended = await Promise.all(racers.map((racer) => racer.ended));

      const codes = ended.map(({ code }) => code);
      expect(codes.filter((code) => code === 0).length, JSON.stringify(codes)).toBe(1);
      expect(codes.filter((code) => code === 3).length, JSON.stringify(codes)).toBe(RACERS - 1);
      const outcomes = ended.map(outcomeOf);
      for (const outcome of outcomes) {
        if (outcome.status === "blocked") expect(["live", "inFlight"]).toContain(outcome.by);
      }
      const winner = ended.find(({ code }) => code === 0);
      const { launchId } = claimOf(winner as EndedCommand);
      expect(world.observe("RACE").claims).toEqual([launchId]);
      expect(world.observe("RACE").sessions).toEqual([launchId]);
      expect(world.livingPods("RACE")).toEqual([launchId]);
      expect(world.prompts()).toBe(1);
      expect(world.promptsOf(launchId)).toBe(1);
    },
  );
});

async function waitsForItsPrompt({ child, ended }: RunningCommand): Promise<void> {
  const taken = new Promise<void>((resolve) => {
    child.stdin?.write(LONG_PROMPT, () => resolve());
  });
  await Promise.race([taken, ended]);
}

describe("a launch command that was stopped and is continued", () => {
  const moments = [
    { state: "spawning.starting", timeout: "ready" },
    { state: "connecting.dialing", timeout: "connect" },
    { state: "awaitingRunAck", timeout: "runAck" },
    { state: "committingClaim.writing", timeout: "commit" },
  ];
  it.each(moments)(
    "in $state, for longer than its timeout, tells what is on disk; meanwhile it blocks",
    LONG,
    async ({ state, timeout }) => {
      await using world = new CliWorld();
      // Long enough for a busy machine to come to that state, and to the signal.
      const slow = world.startLaunch("SLOW", {}, { flags: ["--timeout", `${timeout}=3s`] });
      await slow.enters(state);
      await slow.stops();
      const since = performance.now();
      const { launchLock, claims } = world.observe("SLOW");
      const held = launchLock === "held";
      const other = await world.launch("SLOW");
      expect(other.code).toBe(3);
      // One that was faster than the signal has claimed; it may still hold the lock then, but the claim explains more.
      const by = claims.length > 0 ? "live" : "inFlight";
      expect(outcomeOf(other)).toMatchObject({ status: "blocked", by });
      await waitUntil(() => performance.now() - since > 3_500, {
        deadlineMs: DEADLINE_MS,
        what: "its timeout",
      });
      expect(world.observe("SLOW").launchLock, "no time frees it").toBe(held ? "held" : "free");
      slow.child.kill("SIGCONT");
      await expectTruth(world, "SLOW", await slow.ended);
      expect(world.prompts()).toBeLessThanOrEqual(1);
    },
  );

  it("while its run is not accepted, times out with nothing left", LONG, async () => {
    await using world = new CliWorld();
    const slow = world.startLaunch(
      "MUTE",
      { prompt: [{ stall: true }] },
      { flags: ["--timeout", "runAck=2s"] },
    );
    await slow.enters("awaitingRunAck");
    await slow.stops();
    const since = performance.now();
    expect(outcomeOf(await world.launch("MUTE"))).toMatchObject({ status: "blocked", by: "inFlight" });
    await waitUntil(() => performance.now() - since > 2_500, {
      deadlineMs: DEADLINE_MS,
      what: "its timeout",
    });
    expect(world.livingPods("MUTE")).toHaveLength(1);
    slow.child.kill("SIGCONT");
    const ended = await slow.ended;
    expect(outcomeOf(ended)).toMatchObject({ status: "timedOut" });
    await expectTruth(world, "MUTE", ended);
  });
});

describe("a guardian that was stopped", () => {
  const moments = [
    { state: "spawning.starting", timeout: "ready=4s", script: { initialize: "stall" } },
    { state: "awaitingRunAck", timeout: "runAck=3s", script: { prompt: [{ stall: true }] } },
  ] as const;
  it.each(moments)(
    "in $state makes the launch time out, with nothing left",
    LONG,
    async ({ state, timeout, script }) => {
      await using world = new CliWorld();
      const launch = world.startLaunch("FROZEN", script, { flags: ["--timeout", timeout] });
      await launch.enters(state);
      const guardian = await waitUntil(
        () => world.launchIds("FROZEN").map((launchId) => world.guardianOf(launchId))[0],
        { deadlineMs: DEADLINE_MS, what: "the guardian" },
      );
      await stopProcess(guardian);
      const ended = await launch.ended;
      expect(ended.code, launch.said).toBe(4);
      await expectTruth(world, "FROZEN", ended);
      expect((await world.launch("FROZEN")).code).toBe(0);
    },
  );

  it.each(["kernel", "scan"] as const)(
    "leaves its claim live; stop lets it end its agent, and proves both gone (%s)",
    LONG,
    async (proof) => {
      await using world = new CliWorld({ proof });
      const { launchId } = claimOf(await world.launch("STOPPED"));
      await stopProcess(world.guardianOf(launchId) as number);
      expect((await world.status("STOPPED"))?.state).toBe("live");
      expect(outcomeOf(await world.launch("STOPPED"))).toMatchObject({ status: "blocked", by: "live" });

      const stop = await world.run("stop", "STOPPED", "--json");
      expect(stop.results).toMatchObject([{ status: "stopped" }]);
      expect(stop.code).toBe(0);
      expect(world.isQuiet("STOPPED")).toBe(true);
      expect(world.podLogs("STOPPED"), "it was continued, and has done it itself").toMatch(
        / guardian stopped\n$/u,
      );
      expect((await world.status("STOPPED"))?.state).toBe("stale");
      expect((await world.run("release", "STOPPED")).code).toBe(0);
    },
  );
});

describe("a launch command that is interrupted while it waits for the acceptance", () => {
  it.each([
    { signal: "SIGINT", code: 130 },
    { signal: "SIGTERM", code: 143 },
  ] as const)("exits with $code on $signal once its Pod is gone", LONG, async ({ signal, code }) => {
    await using world = new CliWorld();
    const launch = world.startLaunch("INT", { prompt: [{ stall: true }] });
    await launch.enters("awaitingRunAck");
    launch.child.kill(signal);
    const ended = await launch.ended;
    expect(ended, launch.said).toMatchObject({ code, signal: null });
    expect(outcomeOf(ended)).toMatchObject({ status: "cancelled", phase: "awaitingRunAck" });
    expect(world.isQuiet("INT"), "nothing is left when the command ends").toBe(true);
    expect(world.observe("INT")).toMatchObject({ claims: [], sessions: [] });
  });

  it(
    "is not hurried by more signals: a stubborn agent is ended all the same before it exits",
    LONG,
    async () => {
      await using world = new CliWorld();
      const script: AgentScript = {
        prompt: [{ stall: true }],
        ignoreCancel: true,
        ignoreStdinEnd: true,
        ignoreSigterm: true,
      };
      const launch = world.startLaunch("TWICE", script);
      await launch.enters("awaitingRunAck");
      launch.child.kill("SIGINT");
      await launch.enters("stopping");
      launch.child.kill("SIGINT");
      launch.child.kill("SIGTERM");
      const ended = await launch.ended;
      expect(ended, launch.said).toMatchObject({ code: 130, signal: null });
      expect(outcomeOf(ended)).toMatchObject({ status: "cancelled" });
      expect(world.isQuiet("TWICE")).toBe(true);
    },
  );
});

describe("a launch whose claim is to be released when its run has ended", () => {
  it("ends in the history with the run's stop reason, and nothing runs", LONG, async () => {
    await using world = new CliWorld();
    const { launchId } = claimOf(await world.launch("DONE", {}, { flags: ["--when-done", "release"] }));
    await world.untilQuiet("DONE");
    expect(world.observe("DONE").claims).toEqual([]);
    const { code, results } = await world.run("history", "DONE", "--json");
    expect(code).toBe(0);
    expect(results).toMatchObject([
      { history: [{ claim: { launchId }, how: "released", reason: "the run ended: end_turn" }] },
    ]);
    expect((await world.launch("DONE")).code).toBe(0);
  });

  it.each(["release", "stop"])(
    "tells a command that waits for the run how it ended, however late that looks (--when-done %s)",
    LONG,
    async (what) => {
      await using world = new CliWorld();
      // Of three, on any machine one is stopped before it has asked its Pod.
      for (const id of ["WAIT-1", "WAIT-2", "WAIT-3"]) {
        const launch = world.startLaunch(id, {}, { flags: ["--when-done", what, "--wait"] });
        await launch.stopsOnceItSaid('"outcome"');
        await world.untilQuiet(id);
        launch.child.kill("SIGCONT");
        const ended = await launch.ended;
        expect(ended.results.at(-1), ended.stderr).toEqual({ type: "runEnded", stopReason: "end_turn" });
        expect(ended.code).toBe(0);
      }
    },
  );
});
