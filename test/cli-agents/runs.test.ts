import fs from "node:fs";
import { describe, expect, test } from "vitest";
import type { AgentScript } from "../../src/testing/scripted-agent/script.js";
import {
  CHUNK,
  cliBench,
  expectFree,
  expectNothingLeft,
  rawIn,
  sharedBench,
} from "../fixtures/bad-agents.js";
import { scriptedCommand } from "../fixtures/guardian-runtime.js";
import { waitUntil } from "../fixtures/processes.js";

const COMMANDS = { update: { sessionUpdate: "available_commands_update", availableCommands: [] } };

describe("a run that was not accepted", () => {
  const bench = sharedBench();
  const rejections: [string, AgentScript, RegExp][] = [
    [
      "is answered with error -32603",
      { prompt: [{ error: { code: -32_603, message: "the model is not there" } }] },
      /answered the run with error -32603: the model is not there/u,
    ],
    [
      "is answered with a request to log in",
      { prompt: [{ error: { code: -32_000, message: "Authentication required" } }] },
      /error -32000: Authentication required/u,
    ],
    [
      "shows a chunk, and the error 50 ms later",
      { prompt: [CHUNK, { wait: 50 }, { error: { code: -32_603, message: "credit is used up" } }] },
      /credit is used up/u,
    ],
    [
      "ends for a reason that the protocol does not know",
      { prompt: [{ end: "error" }] },
      /without a valid stop reason \(it gave "error"\)/u,
    ],
    ["is refused", { prompt: [{ end: "refusal" }] }, /refused the run/u],
    ["sees its agent exit", { prompt: [CHUNK, { exit: 3 }] }, /exited with code 3 before the run had ended/u],
    ["sees its agent killed", { prompt: [{ kill: "SIGKILL" }] }, /was ended by SIGKILL/u],
    [
      "sees its agent close stdout and live on",
      { prompt: [CHUNK, { closeStdout: true }, { stall: true }] },
      /closed its stdout/u,
    ],
    [
      "is answered by 100 MB in one line",
      { prompt: [{ hugeLine: 100_000_000 }] },
      /more than 16777216 bytes/u,
    ],
    [
      "is answered by JSON that is nested 100,000 deep, and an error",
      { prompt: [{ deepUpdate: 100_000 }, { error: { code: -32_603, message: "too deep" } }] },
      /too deep/u,
    ],
  ];
  test.each(rejections)("because it %s has failed with that reason", async (_what, prompt, reason) => {
    const told = await bench.launch(prompt);
    expect({ code: told.code, stdout: told.stdout }, told.stderr).toEqual({ code: 1, stdout: "" });
    expect(told.stderr).toMatch(/failed while waiting for the run to be accepted/u);
    expect(told.stderr).toMatch(reason);
    expect(told.stderr).toMatch(/No claim; nothing of it runs any more/u);
    expectNothingLeft(bench, told);
  });

  test.each<[string, AgentScript]>([
    ["nothing at all", { prompt: [{ stall: true }] }],
    ["no more than what it can be asked", { prompt: [COMMANDS, COMMANDS, { stall: true }] }],
    ["half a line", { prompt: [{ half: '{"jsonrpc":"2.0","method":"session/up' }, { stall: true }] }],
  ])("because its agent said %s has timed out", async (_what, script) => {
    const told = await bench.launch(script, ["--timeout", "runAck=2s"]);
    expect(told.code, told.stderr).toBe(4);
    expect(told.stderr).toMatch(/timed out while waiting for the run to be accepted/u);
    expectNothingLeft(bench, told);
  });

  test("because it ended without a sign of progress has failed, where the configuration says so", async () => {
    const command = scriptedCommand({ prompt: [{ end: "end_turn" }] });
    const agents = { bad: { driver: "acp", command, endTurnNeedsProgress: true } };
    fs.writeFileSync(`${bench.project}/launch-claim.config.json`, JSON.stringify({ agents }));
    expect((await bench.cli(["trust"])).code).toBe(0);
    const told = await bench.cli(["launch", "T", "--agent", "bad", "--prompt", "Do it.", "--json"]);
    expect(told.code, told.stdout).toBe(1);
    expect(told.json().at(-1)).toMatchObject({
      status: "failed",
      phase: "awaitingRunAck",
      message: expect.stringMatching(/\(end_turn\) without a sign of progress/u) as string,
    });
    expectNothingLeft(bench, told);
  });

  test("blocks nothing: after all of them the ticket is free", async () => {
    await expectFree(bench);
    expect(bench.claims()).toHaveLength(1);
  });
});

test("an agent that dies after it has accepted leaves a claim, and no live one", async () => {
  const bench = cliBench();
  const told = await bench.launch({ prompt: [CHUNK, { wait: 1_500 }, { exit: 0 }] });
  expect(told.code, told.stderr).toBe(0);
  expect(bench.claims()).toHaveLength(1);
  await waitUntil(() => bench.running().length === 0, { deadlineMs: 20_000, what: "its guardian to end" });
  expect(await bench.state()).toBe("stale");
  const again = await bench.launch({});
  expect(again.code).toBe(3);
  expect(again.stderr).toMatch(/launch-claim reclaim T .*--expect/u);
  expect(bench.running()).toEqual([]);
});

describe("what an agent says", () => {
  // Clears the screen, sets the title, writes to the clipboard; C1, DEL, a bell, and text that is shown in another order.
  const evil =
    "\u001b[2J\u001b]0;owned\u0007\u001b]52;c;AAAA\u001b\\ \u009b31m \u007f \u202eevil\u202c \r over";

  test.each<[string, AgentScript]>([
    ["on stderr before it exits", { onStart: [{ stderr: evil }, { exit: 1 }] }],
    ["as an error's message", { prompt: [{ error: { code: -32_603, message: evil } }] }],
    ["as a stop reason", { prompt: [{ end: evil }] }],
    ["as the refusal of a session", { newSession: { error: { code: -32_603, message: evil, data: evil } } }],
    ["as its protocol version", { initialize: { result: { protocolVersion: evil } } }],
  ])("%s reaches no terminal as it is", async (_what, script) => {
    const bench = cliBench();
    const told = await bench.launch(script);
    expect(told.code).toBe(1);
    expect(told.stderr).toMatch(/\\u001b\[2J/u);
    expect(rawIn(told.stderr)).toEqual([]);
    const logs = await bench.cli(["logs", "T"]);
    expect(rawIn(logs.stdout + logs.stderr)).toEqual([]);
    expectNothingLeft(bench, told);
    const json = await bench.launch(script, ["--json"]);
    expect(json.json().at(-1)).toMatchObject({ status: "failed" });
    expect(rawIn(json.stdout)).toEqual([]);
  });

  test("on many lines of stderr is shown on lines of its own", async () => {
    const bench = cliBench();
    const told = await bench.launch({ onStart: [{ stderr: "first\nsecond" }, { exit: 1 }] });
    expect(told.stderr).toMatch(/its last words:\n {4}first\n {4}second\n/u);
  });

  test("as a chunk reaches no terminal, whatever it is", async () => {
    const bench = cliBench();
    const chunk = { sessionUpdate: "agent_message_chunk", content: { type: "text", text: evil } };
    const told = await bench.launch({ prompt: [{ update: chunk }, { end: "end_turn" }], sessionId: evil }, [
      "--when-done",
      "stop",
      "--wait",
    ]);
    expect(told.code, told.stderr).toBe(0);
    expect(rawIn(told.stdout + told.stderr)).toEqual([]);
    const status = await bench.cli(["status"]);
    expect(rawIn(status.stdout)).toEqual([]);
  });
});
