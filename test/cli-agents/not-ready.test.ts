import fs from "node:fs";
import { describe, expect, test } from "vitest";
import type { AgentScript } from "../../src/testing/scripted-agent/script.js";
import { cliBench, expectFree, expectNothingLeft, sharedBench } from "../fixtures/bad-agents.js";

describe("an agent that cannot be run", () => {
  const bench = sharedBench();

  test("because there is none of that name is named, with what to do", async () => {
    const told = await bench.launch(["no-such-agent-here"]);
    expect(told.code).toBe(1);
    expect(told.stderr).toMatch(/failed while starting the Pod: there is no program "no-such-agent-here"/u);
    expect(told.stderr).toMatch(/hint: Install the agent/u);
    expectNothingLeft(bench, told);
  });

  test.each([
    [
      "a file that is not executable",
      (path: string) => fs.writeFileSync(path, "#!/bin/sh\n", { mode: 0o644 }),
    ],
    ["a directory", (path: string) => fs.mkdirSync(path)],
  ])("because it is %s is named", async (what, make) => {
    const agent = bench.path(`agent-${what.length}`);
    make(agent);
    const told = await bench.launch([agent]);
    expect(told.code).toBe(1);
    expect(told.stderr).toContain(`${agent} is not a program that can be run`);
    expectNothingLeft(bench, told);
  });

  test("because its interpreter is missing has failed, not timed out", async () => {
    fs.writeFileSync(bench.path("agent"), "#!/no/such/interpreter\n", { mode: 0o755 });
    const told = await bench.launch([bench.path("agent")]);
    expect(told.code).toBe(1);
    expect(told.stderr).toMatch(/failed while starting the Pod/u);
    expectNothingLeft(bench, told);
  });
});

describe("an agent that is never ready", () => {
  const bench = sharedBench();
  const failures: [string, AgentScript, RegExp][] = [
    ["exits with 0 at once", { onStart: [{ exit: 0 }] }, /the agent exited with code 0 before it was ready/u],
    [
      "exits with 1 and words on stderr",
      { onStart: [{ stderr: "the key is missing" }, { exit: 1 }] },
      /exited with code 1 before it was ready; its last words:[^]*the key is missing/u,
    ],
    ["is ended by a signal", { onStart: [{ kill: "SIGSEGV" }] }, /the agent was ended by SIGSEGV/u],
    [
      "closes its stdout and lives",
      { onStart: [{ closeStdout: true }] },
      /closed its stdout .* and lives on/u,
    ],
    ["speaks another protocol version", { initialize: "wrongVersion" }, /speaks ACP version 2, not 1/u],
    ["gives an empty session id", { newSession: "emptyId" }, /opened a session without a usable id/u],
    ["wants a login first", { newSession: "authRequired" }, /wants a login first[^]*hint: Log in/u],
    [
      "answers session/new with an error",
      { newSession: { error: { code: -32_603, message: "no model is configured" } } },
      /answered session\/new with error -32603: no model is configured/u,
    ],
    [
      "sends half a line and exits",
      { initialize: { steps: [{ half: '{"jsonrpc":"2.0","id":0,"res' }, { exit: 4 }] } },
      /exited with code 4/u,
    ],
    [
      "sends 100 MB in one line",
      { initialize: { steps: [{ hugeLine: 100_000_000 }] } },
      /a line has more than 16777216 bytes/u,
    ],
  ];
  test.each(failures)("because it %s has failed with that reason", async (_what, script, reason) => {
    const told = await bench.launch(script);
    expect({ code: told.code, stdout: told.stdout }, told.stderr).toEqual({ code: 1, stdout: "" });
    expect(told.stderr).toMatch(reason);
    expect(told.stderr).toMatch(/No claim; nothing of it runs any more/u);
    expectNothingLeft(bench, told);
  });

  const silences: [string, AgentScript][] = [
    ["never answers", { initialize: "stall" }],
    ["never opens a session", { newSession: "stall" }],
    ["sends half a line and stops", { initialize: { steps: [{ half: '{"jsonrpc"' }, { stall: true }] } }],
    [
      "answers only when it was given up, and will not end",
      { initialize: { steps: [{ wait: 5_000 }] }, ignoreStdinEnd: true, ignoreSigterm: true },
    ],
  ];
  test.each(silences)("because it %s has timed out", async (_what, script) => {
    const told = await bench.launch(script, ["--timeout", "ready=3s"]);
    expect(told.code, told.stderr).toBe(4);
    expect(told.stderr).toMatch(/timed out while starting the Pod/u);
    expect(told.stderr).toMatch(/No claim; nothing of it runs any more/u);
    expectNothingLeft(bench, told);
  });

  test("is told to programs as the last line, with phase, code and proof", async () => {
    const told = await bench.launch({ onStart: [{ stderr: "no key" }, { exit: 1 }] }, ["--json"]);
    expect(told.code).toBe(1);
    expect(told.json().at(-1)).toMatchObject({
      type: "outcome",
      status: "failed",
      phase: "spawning",
      code: "agent_exited",
      message: expect.stringContaining("no key") as string,
      proof: "kernel",
    });
    expectNothingLeft(bench, told);
  });

  test("blocks nothing: after all of them the ticket is free", async () => {
    await expectFree(bench);
    expect(bench.claims()).toHaveLength(1);
  });
});

describe("an agent that makes noise before it is ready", () => {
  const noises: [string, AgentScript][] = [
    ["bytes that are no UTF-8", { onStart: [{ bytes: "fffec080f8880a" }] }],
    ["a line that is nested 100,000 deep", { initialize: { steps: [{ deepUpdate: 100_000 }] } }],
    ["ten thousand lines that are no JSON", { onStart: [{ noise: 10_000 }] }],
    ["a line in the middle of a character", { onStart: [{ bytes: "7b22e282" }, { line: "" }] }],
  ];
  test.each(noises)("%s is heard all the same", async (_what, script) => {
    const bench = cliBench();
    const told = await bench.launch(script, ["--when-done", "stop"]);
    expect(told.code, told.stderr).toBe(0);
    expect(bench.claims()).toHaveLength(1);
  });
});
