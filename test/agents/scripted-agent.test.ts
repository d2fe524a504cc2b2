import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createAcpDriver } from "../../src/pod/agents/acp.js";
import type { AgentRecipe } from "../../machines/launch.types.js";
import { BUILT, scriptedRecipe, SETTLED } from "../fixtures/driven-agents.js";
import { drive } from "../fixtures/driven-process.js";
import { environmentOf, isRunning, processAt, runningProcesses, waitUntil } from "../fixtures/processes.js";
import { temporaryDirectory } from "../fixtures/temporary.js";

const LAUNCH = "0199aaaa-scripted";
const environment = { LAUNCH_CLAIM_LAUNCH_ID: LAUNCH };
const DEADLINE_MS = 20_000;

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // ESRCH: it has ended.
  }
}

describe("the scripted agent's grandchildren", () => {
  it.each(["plain", "newSession", "doubleFork", "daemonEnvI"] as const)(
    "%s outlives the agent",
    async (kind) => {
      const grandchildrenFile = join(temporaryDirectory(), "pids");
      const { driver, process: agent } = drive(
        createAcpDriver,
        scriptedRecipe({ grandchild: kind, grandchildrenFile }),
        { environment },
      );
      await driver.boot();
      const pid = await waitUntil(
        () => fs.existsSync(grandchildrenFile) && Number(fs.readFileSync(grandchildrenFile, "utf8")),
        { deadlineMs: DEADLINE_MS, what: "the grandchild's pid" },
      );
      onTestFinished(() => kill(pid));
      agent.stdin.end();
      await agent.exited;
      expect(isRunning(pid)).toBe(true);
      expect(environmentOf(pid).includes(`LAUNCH_CLAIM_LAUNCH_ID=${LAUNCH}`)).toBe(kind !== "daemonEnvI");
      if (kind === "daemonEnvI") expect(processAt(pid)?.parent).not.toBe(agent.pid);
    },
  );

  it("refork has another pid every few milliseconds, and only its group tells that it lives", async () => {
    const grandchildrenFile = join(temporaryDirectory(), "pids");
    const { driver, process: agent } = drive(
      createAcpDriver,
      scriptedRecipe({ grandchild: "refork", grandchildrenFile }),
    );
    await driver.boot();
    const group = Number(fs.readFileSync(grandchildrenFile, "utf8"));
    onTestFinished(() => kill(-group));
    agent.stdin.end();
    await agent.exited;
    await waitUntil(() => !isRunning(group), {
      deadlineMs: DEADLINE_MS,
      what: "the end of its first process",
    });
    expect(process.kill(-group, 0)).toBe(true);
  });
});

it("the scripted agent can ignore SIGTERM: it still takes a run after it", async () => {
  const {
    driver,
    process: agent,
    told,
  } = drive(createAcpDriver, scriptedRecipe({ ignoreSigterm: true, prompt: [{ end: "end_turn" }] }));
  await driver.boot();
  process.kill(agent.pid, "SIGTERM");
  driver.prompt("Go.");
  await waitUntil(() => told.ended.length > 0, { deadlineMs: DEADLINE_MS, what: "the end of the run" });
  expect(told.ended).toEqual([{ kind: "done", stopReason: "end_turn" }]);
});

describe("the demo agent", () => {
  const recipe: AgentRecipe = {
    driver: "acp",
    command: [process.execPath, join(BUILT, "examples/demo-agent/agent.js")],
    evidence: SETTLED,
  };

  it("takes a run, and ends when its client is gone", async () => {
    const { driver, process: agent, told } = drive(createAcpDriver, recipe);
    await driver.boot();
    driver.prompt("Clarify T-1.");
    await waitUntil(() => told.ended.length > 0, { deadlineMs: DEADLINE_MS, what: "the end of the run" });
    expect(told.ended).toEqual([{ kind: "done", stopReason: "end_turn" }]);
    expect(told.evidence).toMatchObject([{ kind: "agent_thought_chunk" }]);
    expect(told.order.indexOf("evidence")).toBeLessThan(told.order.indexOf("ended"));
    agent.stdin.end();
    expect(await agent.exited).toEqual({ code: 0, signal: null });
  });

  it.each([
    ["the prompt", "Please [refuse] this.", {}],
    ["the environment", "Clarify T-1.", { DEMO_AGENT_FAILS: "1" }],
  ])("refuses if %s says so", async (_what, prompt, settings) => {
    const { driver, told } = drive(createAcpDriver, recipe, { environment: settings });
    await driver.boot();
    driver.prompt(prompt);
    await waitUntil(() => told.ended.length > 0, { deadlineMs: DEADLINE_MS, what: "the end of the run" });
    expect(told.order).toEqual(["ended"]);
    expect(told.ended).toMatchObject([
      { message: expect.stringContaining("the model is not available") as string },
    ]);
  });

  it("can be cancelled", async () => {
    const { driver, told } = drive(createAcpDriver, recipe);
    await driver.boot();
    driver.prompt("Clarify T-1.");
    await waitUntil(() => told.updates.length > 0, { deadlineMs: DEADLINE_MS, what: "its first word" });
    driver.cancel();
    await waitUntil(() => told.ended.length > 0, { deadlineMs: DEADLINE_MS, what: "the end of the run" });
    expect(told.ended).toMatchObject([{ code: "agent_cancelled" }]);
  });
});
