import { expect, describe, test } from "vitest";
import type { AgentScript, GrandchildKind } from "../../src/testing/scripted-agent/script.js";
import { CHUNK, cliBench, expectGone, expectNothingLeft, sharedBench } from "../fixtures/bad-agents.js";

const REFUSES: AgentScript = { prompt: [{ error: { code: -32_603, message: "not today" } }] };
const DEAF: AgentScript = { ignoreSigterm: true, ignoreStdinEnd: true, ignoreCancel: true };

describe("an agent that was not accepted and will not go", () => {
  const bench = sharedBench();

  test("is ended although it ignores stdin, cancel and SIGTERM", async () => {
    const told = await bench.launch({ ...DEAF, prompt: [{ stall: true }] }, ["--timeout", "runAck=1s"]);
    expect(told.code, told.stderr).toBe(4);
    expect(told.stderr).toMatch(/nothing of it runs any more, by the kernel's word/u);
    expectNothingLeft(bench, told);
  });

  test.each<GrandchildKind>(["plain", "newSession", "doubleFork", "daemonEnvI"])(
    "takes its grandchild with it (%s), by the kernel's word",
    async (grandchild) => {
      const grandchildrenFile = bench.path(`pids-${grandchild}`);
      const told = await bench.launch({ ...REFUSES, ...DEAF, grandchild, grandchildrenFile });
      expectGone(grandchildrenFile);
      expect(told.code, told.stderr).toBe(1);
      expect(told.stderr).toMatch(/not today[^]*nothing of it runs any more, by the kernel's word/u);
      expectNothingLeft(bench, told);
    },
  );

  test("takes with it what was started by an agent that is gone itself", async () => {
    const grandchildrenFile = bench.path("pids-orphan");
    const script: AgentScript = {
      grandchild: "doubleFork",
      grandchildrenFile,
      prompt: [{ wait: 500 }, { exit: 2 }],
    };
    const told = await bench.launch(script);
    expectGone(grandchildrenFile);
    expect(told.code, told.stderr).toBe(1);
    expectNothingLeft(bench, told);
  });
});

test("a claimed agent that will not go is stopped with its daemons, and the claim stays", async () => {
  const bench = cliBench();
  const grandchildrenFile = bench.path("pids");
  const script: AgentScript = {
    ...DEAF,
    grandchild: "daemonEnvI",
    grandchildrenFile,
    prompt: [CHUNK, { stall: true }],
  };
  const told = await bench.launch(script);
  expect(told.code, told.stderr).toBe(0);
  const stopped = await bench.cli(["stop", "T"]);
  expect(stopped.code, stopped.stderr).toBe(0);
  expectGone(grandchildrenFile);
  expect(bench.running()).toEqual([]);
  expect(bench.claims()).toHaveLength(1);
  expect(await bench.state()).toBe("stale");
});
