/** Promises 1 and 2: whoever of launcher and guardian is SIGKILLed before the run was accepted, nothing of the launch is left. */
import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { AgentScript } from "../../src/testing/scripted-agent/script.js";
import { claimOf, CliWorld, DEADLINE_MS, kill, outcomeOf } from "../fixtures/cli-world.js";
import { waitUntil } from "../fixtures/processes.js";

const LONG = { timeout: 240_000 };
const ID = "T-1";
const PROOFS = ["kernel", "scan"] as const;
/** Never ready, and ended by SIGKILL alone. */
const NEVER_READY: AgentScript = {
  initialize: "stall",
  ignoreCancel: true,
  ignoreStdinEnd: true,
  ignoreSigterm: true,
};

type Pids = "guardianOf" | "agentOf";

/** Waits until this process of the launch runs, and returns the launch's id. */
async function appears(world: CliWorld, which: Pids): Promise<{ launchId: string; pid: number }> {
  return await waitUntil(
    () => {
      const [launchId] = world.launchIds(ID);
      const pid = launchId === undefined ? undefined : world[which](launchId);
      return launchId !== undefined && pid !== undefined && { launchId, pid };
    },
    { deadlineMs: DEADLINE_MS, what: which },
  );
}

/** The next launch is claimed, by a Pod of its own that has heard the one prompt. */
async function expectNextClaimed(world: CliWorld, launchId: string): Promise<void> {
  const next = claimOf(await world.launch(ID));
  expect(next.adopted).toBe(false);
  expect(next.launchId).not.toBe(launchId);
  expect(world.observe(ID)).toMatchObject({ claims: [next.launchId], podLock: "held" });
  expect(world.livingPods(ID)).toEqual([next.launchId]);
  expect(world.promptsOf(next.launchId)).toBe(1);
}

describe.each(PROOFS)("a guardian that is SIGKILLed before its ready line (%s)", (proof) => {
  it.each<{ when: string; which: Pids }>([
    { when: "as it appears", which: "guardianOf" },
    { when: "when its agent runs", which: "agentOf" },
  ])("$when: its launch fails, with nothing left", LONG, async ({ which }) => {
    await using world = new CliWorld({ proof });
    const launch = world.startLaunch(ID, NEVER_READY);
    const { launchId } = await appears(world, which);
    kill(world.guardianOf(launchId) as number, "SIGKILL");
    const ended = await launch.ended;
    // As the command returns, not later.
    expect(world.processesOf(launchId)).toEqual([]);
    expect(outcomeOf(ended), ended.stderr).toMatchObject({
      status: "failed",
      phase: "spawning",
      code: "pod_not_started",
      message: expect.stringContaining("SIGKILL") as unknown,
    });
    expect(ended.code).toBe(1);
    expect(world.isQuiet(ID)).toBe(true);
    expect(world.observe(ID)).toMatchObject({ claims: [], sessions: [] });
    await expectNextClaimed(world, launchId);
  });
});

describe.each(PROOFS)("a launcher that is SIGKILLed (%s)", (proof) => {
  it("before its agent is ready leaves nothing, without any other command", LONG, async () => {
    await using world = new CliWorld({ proof });
    const launch = world.startLaunch(ID, NEVER_READY, { flags: ["--timeout", "stop=2s"] });
    const { launchId } = await appears(world, "agentOf");
    expect(launch.states.at(-1)).toBe("spawning.starting");
    await launch.dies();
    await world.untilQuiet(ID);
    expect(world.observe(ID)).toMatchObject({ claims: [], sessions: [] });
    await expectNextClaimed(world, launchId);
  });

  it("within the settle window of a first sign leaves nothing, and no receipt", LONG, async () => {
    await using world = new CliWorld({ proof });
    await trustSlowAgent(world, {
      prompt: [
        { update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "On it." } } },
        { stderr: "the sign was sent" },
        { stall: true },
      ],
    });
    const launch = world.start("launch", ID, "--json", "--prompt", "begin", "--agent", "slow");
    await waitUntil(() => world.podLogs(ID).includes("the sign was sent"), {
      deadlineMs: DEADLINE_MS,
      what: () => `the sign; so far: ${launch.said}`,
    });
    const [launchId = ""] = world.launchIds(ID);
    expect(launch.states.at(-1)).toBe("awaitingRunAck");
    await launch.dies();
    await world.untilQuiet(ID);
    expect(world.observe(ID)).toMatchObject({ claims: [], sessions: [] });
    expect(world.receipts(ID)).toBe(0);
    expect(world.promptsOf(launchId)).toBe(1);
    await expectNextClaimed(world, launchId);
  });
});

/** An agent whose signs count only after a minute: what is to happen within the window does, on the slowest machine. */
async function trustSlowAgent(world: CliWorld, script: AgentScript): Promise<void> {
  const slow = { driver: "acp", command: world.agent(script), settleMs: 60_000 };
  const file = join(world.workspace, "launch-claim.config.json");
  fs.writeFileSync(file, JSON.stringify({ agents: { slow } }));
  const { code, stderr } = await world.run("trust");
  expect(code, stderr).toBe(0);
}
