/** Promises 1, 2 and 5, through the command line: launching commands and guardians that are SIGKILLed leave nothing that nobody finds. */
import { describe, expect, it } from "vitest";
import type { AgentScript } from "../../src/testing/scripted-agent/script.js";
import {
  claimOf,
  CliWorld,
  DEADLINE_MS,
  kill,
  outcomeOf,
  stopProcess,
  type EndedCommand,
  type LaunchFlags,
  type RunningCommand,
} from "../fixtures/cli-world.js";
import { waitUntil } from "../fixtures/processes.js";
import { untilPodLockFree } from "../paths/observe.js";

const LONG = { timeout: 240_000 };
/** Takes the prompt, and never begins with it. */
const MUTE: AgentScript = { prompt: [{ stall: true }] };
/** Ends by SIGKILL alone. */
const STUBBORN: AgentScript = { ignoreCancel: true, ignoreStdinEnd: true, ignoreSigterm: true };
const PROOFS = ["kernel", "scan"] as const;

/** The one launch id that the ticket's Pod records name. */
async function firstLaunchId(world: CliWorld, id: string): Promise<string> {
  return await waitUntil(() => world.launchIds(id)[0], { deadlineMs: DEADLINE_MS, what: "a Pod record" });
}

/** Launches at once and again, for as long as what was left is in the way. */
async function launchUntilClaimed(world: CliWorld, id: string): Promise<EndedCommand> {
  const deadline = performance.now() + 2 * DEADLINE_MS;
  for (;;) {
    const ended = await world.launch(id);
    if (ended.code === 0 || performance.now() > deadline) return ended;
    expect(outcomeOf(ended), ended.stderr).toMatchObject({ status: "blocked" });
    expect(ended.code).toBe(3);
  }
}

/** One claim, one Pod: that of the claim; and of all Pods only it has accepted a run. */
function expectOnlyClaimed(world: CliWorld, id: string, launchId: string): void {
  expect(world.observe(id)).toMatchObject({ claims: [launchId], sessions: [launchId], podLock: "held" });
  expect(world.livingPods(id)).toEqual([launchId]);
  expect(world.receipts(id)).toBe(1);
  expect(world.promptsOf(launchId)).toBe(1);
}

type Moment = (launch: RunningCommand, world: CliWorld, id: string) => Promise<unknown>;

const entering =
  (state: string): Moment =>
  (launch) =>
    launch.enters(state);

const moments: readonly (readonly [string, Moment])[] = [
  ["as it enters spawning.admitting", entering("spawning.admitting")],
  ["as it enters spawning.starting", entering("spawning.starting")],
  [
    "as its guardian appears",
    async (_, world, id) => {
      const launchId = await firstLaunchId(world, id);
      await waitUntil(() => world.guardianOf(launchId), { deadlineMs: DEADLINE_MS, what: "the guardian" });
    },
  ],
  [
    "as its agent appears",
    async (_, world, id) => {
      const launchId = await firstLaunchId(world, id);
      await waitUntil(() => world.agentOf(launchId), { deadlineMs: DEADLINE_MS, what: "the agent" });
    },
  ],
  ["as it enters connecting.dialing", entering("connecting.dialing")],
  ["as it enters connecting.registeringPeers", entering("connecting.registeringPeers")],
  ["as it enters awaitingRunAck", entering("awaitingRunAck")],
  [
    "when its agent has heard the prompt",
    (_, world) => waitUntil(() => world.prompts() === 1, { deadlineMs: DEADLINE_MS, what: "the prompt" }),
  ],
];

describe("a launch command that is SIGKILLed before its run was accepted", () => {
  it.each(moments)("%s leaves nothing, and the next launch is claimed", LONG, async (_, moment) => {
    await using world = new CliWorld();
    const launch = world.startLaunch("KILLED", MUTE);
    await moment(launch, world, "KILLED");
    expect(await launch.dies()).toMatchObject({ signal: "SIGKILL" });
    const before = world.launchIds("KILLED");
    expect(world.observe("KILLED")).toMatchObject({ claims: [], sessions: [], launchLock: "free" });

    const { launchId, adopted } = claimOf(await launchUntilClaimed(world, "KILLED"));
    expect(adopted).toBe(false);
    expect(before).not.toContain(launchId);
    expectOnlyClaimed(world, "KILLED", launchId);
  });

  it.each(PROOFS)(
    "leaves nothing of a stubborn agent, without any other command (%s)",
    LONG,
    async (proof) => {
      await using world = new CliWorld({ proof });
      const flags = ["--timeout", "stop=2s"];
      const launch = world.startLaunch("ALONE", { ...MUTE, ...STUBBORN }, { flags });
      await launch.enters("awaitingRunAck");
      const launchId = await firstLaunchId(world, "ALONE");
      expect(world.processesOf(launchId).length).toBeGreaterThan(0);
      await launch.dies();
      await world.untilQuiet("ALONE");
      expect(world.observe("ALONE")).toMatchObject({ claims: [], sessions: [] });
      expect((await world.launch("ALONE")).code).toBe(0);
    },
  );

  it(
    "leaves a Pod that no launch adopts while its guardian stands: it blocks, and ends when the guardian goes on",
    LONG,
    async () => {
      await using world = new CliWorld();
      const { id, launchId } = await standStill(world, "STANDING");
      const guardian = world.guardianOf(launchId) as number;
      const blocked = await world.launch(id);
      expect(outcomeOf(blocked), blocked.stderr).toMatchObject({ status: "blocked", by: "live" });
      expect(blocked.code).toBe(3);
      const adopt = await world.run("adopt", id, "--json");
      expect(adopt.code, adopt.stderr).toBe(3);
      expect(world.observe(id)).toMatchObject({ claims: [], sessions: [] });
      expect(world.launchIds(id)).toEqual([launchId]);
      expect(world.prompts()).toBe(1);

      kill(guardian, "SIGCONT");
      await world.untilQuiet(id);
      expect(claimOf(await world.launch(id)).adopted).toBe(false);
    },
  );
});

/** Brings a launch command to its death after the Pod's receipt is durable, and before the command can have heard of it. */
async function killAfterAcceptance(
  world: CliWorld,
  script: AgentScript = {},
  how: LaunchFlags = {},
): Promise<{ readonly id: string; readonly launchId: string }> {
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    const id = `ACCEPTED-${attempt}`;
    const chunk = { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "On it." } };
    const late: AgentScript = {
      prompt: [{ wait: 1_000 }, { update: chunk }, { end: "end_turn" }],
      ...script,
    };
    const launch = world.startLaunch(id, late, how);
    await waitUntil(() => world.prompts() === attempt, { deadlineMs: DEADLINE_MS, what: "the prompt" });
    await launch.stops();
    await waitUntil(() => world.receipts(id) === 1, { deadlineMs: DEADLINE_MS, what: "the receipt" });
    await launch.dies();
    const { claims, sessions } = world.observe(id);
    const [launchId] = world.launchIds(id);
    // Stopped too late, on a busy machine: it has claimed, and is no example.
    if (launchId !== undefined && claims.length === 0 && sessions.length === 0) return { id, launchId };
  }
  throw new Error("every command was faster than the signal");
}

describe("a launch command that is SIGKILLed between acceptance and claim", () => {
  it.each(PROOFS)("leaves a Pod that the next launch adopts, without a prompt (%s)", LONG, async (proof) => {
    await using world = new CliWorld({ proof });
    const { id, launchId } = await killAfterAcceptance(world);
    const next = await world.launch(id);
    expect(next.code, next.stderr).toBe(0);
    expect(outcomeOf(next)).toMatchObject({ status: "claimed", adopted: true, claim: { launchId } });
    expectOnlyClaimed(world, id, launchId);
    expect(world.launchIds(id)).toEqual([launchId]);
  });

  it(
    "leaves a Pod of which the next launch tells people that its own prompt was not sent",
    LONG,
    async () => {
      await using world = new CliWorld();
      const { id, launchId } = await killAfterAcceptance(world);
      const next = await world.launch(id, {}, { json: false });
      expect(next.code, next.stderr).toBe(0);
      expect(next.stderr).toContain("the prompt of this call was not sent");
      expectOnlyClaimed(world, id, launchId);
    },
  );

  it("leaves a Pod that adopt claims; a second adopt is refused", LONG, async () => {
    await using world = new CliWorld();
    const { id, launchId } = await killAfterAcceptance(world);
    const adopt = await world.run("adopt", id, "--json");
    expect(adopt.code, adopt.stderr).toBe(0);
    expect(outcomeOf(adopt)).toMatchObject({ status: "claimed", adopted: true, claim: { launchId } });
    expectOnlyClaimed(world, id, launchId);
    expect((await world.run("adopt", id, "--json")).code).toBe(3);
    expect((await world.run("status", id, "--json")).code).toBe(0);
  });

  it("leaves a Pod that waits for its claim before it releases it", LONG, async () => {
    await using world = new CliWorld();
    const { id, launchId } = await killAfterAcceptance(world, {}, { flags: ["--when-done", "release"] });
    expect(claimOf(await world.launch(id)).launchId).toBe(launchId);
    await world.untilQuiet(id);
    const { results } = await world.run("history", id, "--json");
    expect(results).toMatchObject([{ history: [{ claim: { launchId, adopted: true }, how: "released" }] }]);
    expect(world.observe(id).claims).toEqual([]);
  });

  it(
    "as it begins to write the claim leaves the claim or the Pod that is adopted, and never a second",
    LONG,
    async () => {
      await using world = new CliWorld();
      const launch = world.startLaunch("COMMIT");
      await launch.enters("committingClaim.writing");
      await launch.dies();
      const [launchId = ""] = world.launchIds("COMMIT");
      const claimed = world.observe("COMMIT").claims.length === 1;
      const next = outcomeOf(await world.launch("COMMIT"));
      expect(next).toMatchObject(
        claimed ? { status: "blocked", by: "live" } : { status: "claimed", adopted: true },
      );
      expectOnlyClaimed(world, "COMMIT", launchId);
      expect(world.prompts()).toBe(1);
    },
  );
});

describe("a guardian that is SIGKILLed while its agent lives on", () => {
  it.each(PROOFS)(
    "leaves a lingering claim that blocks, names the pids, and is cleared with proof (%s)",
    LONG,
    async (proof) => {
      await using world = new CliWorld({ proof });
      const { launchId } = claimOf(await world.launch("LINGER", STUBBORN));
      const agent = world.agentOf(launchId);
      kill(world.guardianOf(launchId) as number, "SIGKILL");
      await untilPodLockFree(world, "LINGER", DEADLINE_MS);

      const status = await world.status("LINGER");
      expect(status).toMatchObject({ state: "lingering", claim: { launchId } });
      expect(status?.evidence.pids).toContain(agent);
      const blocked = await world.launch("LINGER");
      expect(blocked.code).toBe(3);
      const outcome = outcomeOf(blocked);
      expect(outcome).toMatchObject({ status: "blocked", by: "lingering", claim: { launchId } });
      expect((outcome as { pids?: number[] }).pids).toContain(agent);
      expect((await world.run("reclaim", "LINGER", "--expect", launchId, "--json")).code).toBe(3);
      expect(world.agentOf(launchId), "only with --stop").toBe(agent);
      expect((await world.run("reclaim", "LINGER", "--expect", "another-launch", "--stop")).code).toBe(3);
      expect(world.agentOf(launchId), "only what was expected").toBe(agent);

      const reclaim = await world.run("reclaim", "LINGER", "--expect", launchId, "--stop", "--json");
      expect(reclaim.code, reclaim.stderr).toBe(0);
      expect(world.processesOf(launchId)).toEqual([]);
      expect(world.observe("LINGER").claims).toEqual([]);
      expect((await world.launch("LINGER")).code).toBe(0);
      expect(world.prompts()).toBe(2);
    },
  );

  const unclaimed = [
    { when: "before acceptance", accepted: false },
    { when: "after acceptance", accepted: true },
  ];
  it.each(unclaimed.flatMap((one) => PROOFS.map((proof) => ({ ...one, proof }))))(
    "with its launcher $when blocks by its pids: no second agent, until stop has proven it gone ($proof)",
    LONG,
    async ({ accepted, proof }) => {
      await using world = new CliWorld({ proof });
      const { id, launchId } = accepted
        ? await killAfterAcceptance(world, STUBBORN)
        : await standStill(world, "BOTH");
      const heard = world.prompts();
      const agent = world.agentOf(launchId);
      const guardian = world.guardianOf(launchId) as number;
      kill(guardian, "SIGKILL");
      await untilPodLockFree(world, id, DEADLINE_MS);

      const blocked = await world.launch(id);
      expect(blocked.code, blocked.stderr).toBe(3);
      const outcome = outcomeOf(blocked);
      expect(outcome).toMatchObject({ status: "blocked", by: "lingering" });
      expect((outcome as { pids?: number[] }).pids).toContain(agent);
      expect(world.launchIds(id)).toEqual([launchId]);
      expect(world.agentOf(launchId)).toBe(agent);
      expect(world.prompts()).toBe(heard);
      expect((await world.run("adopt", id, "--json")).code, "nothing that could be adopted").not.toBe(0);

      const stop = await world.run("stop", id, "--json");
      expect(stop.results).toMatchObject([{ status: "stopped", proof }]);
      expect(stop.code).toBe(0);
      expect(world.isQuiet(id)).toBe(true);
      expect(claimOf(await world.launch(id)).launchId).not.toBe(launchId);
    },
  );
});

/** A launch that waits for its acceptance, killed while its guardian was stopped, and so could not react. */
async function standStill(world: CliWorld, id: string) {
  const launch = world.startLaunch(id, { ...MUTE, ...STUBBORN });
  await waitUntil(() => world.prompts() === 1, { deadlineMs: DEADLINE_MS, what: "the prompt" });
  const launchId = await firstLaunchId(world, id);
  await stopProcess(world.guardianOf(launchId) as number);
  await launch.dies();
  return { id, launchId };
}
