import { execFile } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import type { AcpEvidence } from "../../machines/launch.types.js";
import { createAcpDriver } from "../../src/pod/agents/acp.js";
import { NotReady } from "../../src/pod/agents/driver.js";
import type { AgentScript, AgentStep } from "../../src/testing/scripted-agent/script.js";
import { BUILT, scriptedRecipe } from "../fixtures/driven-agents.js";
import { drive, type Driven, type DriveOptions } from "../fixtures/driven-process.js";
import { isRunning, waitUntil } from "../fixtures/processes.js";
import { temporaryDirectory } from "../fixtures/temporary.js";

const SESSION = "scripted-session";
const MIB = 1024 * 1024;

type Options = DriveOptions & { readonly evidence?: Partial<AcpEvidence> };

function acp(script: AgentScript, { evidence, ...options }: Options = {}): Driven {
  return drive(createAcpDriver, scriptedRecipe(script, evidence), options);
}

async function refusalOf({ driver }: Driven): Promise<NotReady> {
  const error: unknown = await driver.boot().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(NotReady);
  return error as NotReady;
}

/** Boots, prompts, and waits for the end of the run. */
async function ranTo(driven: Driven): Promise<Driven["told"]> {
  await driven.driver.boot();
  driven.driver.prompt("Clarify T-1.");
  await until(driven, "ended");
  return driven.told;
}

function until({ told }: Driven, what: "ended" | "evidence" | "permissions" | "updates"): Promise<unknown> {
  return waitUntil(() => told[what].length > 0, {
    deadlineMs: 20_000,
    what: () => `${what}; told so far: ${JSON.stringify(told)}`,
  });
}

const chunk = (text: string): AgentStep => ({
  update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text } },
});
const block = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
const linesOf = (file: string): Record<string, unknown>[] =>
  fs.existsSync(file)
    ? fs
        .readFileSync(file, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    : [];

describe("an agent that behaves", () => {
  it("becomes ready, and tells its session", async () => {
    const { driver, process } = acp({ sessionId: "ses-1" });
    const { agent, session } = await driver.boot();
    expect(session).toEqual({ id: "ses-1", restorable: false });
    expect(agent).toMatchObject({ driver: "acp", name: "the agent" });
    expect(agent.command?.[0]).toBe(globalThis.process.execPath);
    expect(isRunning(process.pid)).toBe(true);
  });

  it.each([{ loadSession: true }, { resumeSession: true }])(
    "with %j its session is restorable",
    async (offer) => {
      expect((await acp(offer).driver.boot()).session?.restorable).toBe(true);
    },
  );

  it("tells updates unaltered and in order, evidence before the end, and takes the next run after it", async () => {
    const promptsFile = join(temporaryDirectory(), "prompts");
    const odd = { sessionUpdate: "a_kind_of_next_year", deep: { unknown: [1, { field: null }] } };
    const driven = acp(
      { promptsFile, prompt: [{ update: odd }, chunk("one"), chunk("two"), { end: "end_turn" }] },
      { environment: { LAUNCH_CLAIM_LAUNCH_ID: "launch-1" } },
    );
    const told = await ranTo(driven);
    expect(told.order).toEqual(["update", "update", "update", "evidence", "ended"]);
    expect(told.updates[0]).toEqual(odd);
    expect(told.evidence).toEqual([
      { level: "progress", kind: "agent_message_chunk", at: "2026-11-23T17:00:00.000Z" },
    ]);
    expect(told.ended).toEqual([{ kind: "done", stopReason: "end_turn" }]);

    driven.driver.prompt("And T-2.");
    await waitUntil(() => told.ended.length === 2, { deadlineMs: 20_000, what: "the second end" });
    expect(told.evidence).toHaveLength(2);
    expect(linesOf(promptsFile)).toEqual([
      { launchId: "launch-1", sessionId: SESSION, text: "Clarify T-1." },
      { launchId: "launch-1", sessionId: SESSION, text: "And T-2." },
    ]);
  });

  it("tells the evidence while the run goes on", async () => {
    const driven = acp({ prompt: [chunk("working"), { stall: true }] });
    await driven.driver.boot();
    driven.driver.prompt("Go.");
    await until(driven, "evidence");
    expect(driven.told.ended).toEqual([]);
  });

  it("is let run by the boot, at once: it boots while its driver still loads", () => {
    const { driver, process } = acp({});
    expect(process.isOpen()).toBe(false);
    void driver.boot();
    expect(process.isOpen()).toBe(true);
  });
});

describe("an agent that does not become ready", () => {
  it.each([0, 1])(
    "exits with code %i: the message tells the code, and its last words come along",
    async (code) => {
      const words = ["loading", "no such model: \u001b[31mx"];
      const error = await refusalOf(
        acp({ onStart: [...words.map((stderr) => ({ stderr })), { exit: code }] }),
      );
      expect(error.code).toBe("agent_exited");
      expect(error.message).toBe(`the agent exited with code ${code} before it was ready`);
      expect(error.stderrTail).toEqual(["loading", "no such model: \\u001b[31mx"]);
    },
  );

  it("is ended by a signal", async () => {
    const error = await refusalOf(acp({ initialize: { steps: [{ kill: "SIGSEGV" }] } }));
    expect(error.message).toBe("the agent was ended by SIGSEGV before it was ready");
  });

  it("is no program at all", async () => {
    const recipe = { ...scriptedRecipe({}), command: ["/nowhere/to/be/found"] };
    const error = await refusalOf(drive(createAcpDriver, recipe));
    expect(error.code).toBe("agent_exited");
    expect(error.stderrTail.join("\n")).toContain("/nowhere/to/be/found");
  });

  it("exits while a child of it holds its stdout", async () => {
    const onStart: AgentStep[] = [{ grandchild: "plain" }, { stderr: "gone" }, { exit: 3 }];
    const error = await refusalOf(acp({ onStart }));
    expect(error).toMatchObject({ code: "agent_exited", stderrTail: ["gone"] });
  });

  it("speaks another version", async () => {
    const error = await refusalOf(acp({ initialize: "wrongVersion" }));
    expect(error).toMatchObject({
      code: "agent_protocol_mismatch",
      message: "the agent speaks ACP version 2, not 1",
    });
  });

  it("refuses ours", async () => {
    const error = { code: -32022, message: "Unsupported version" };
    expect((await refusalOf(acp({ initialize: { error } }))).code).toBe("agent_protocol_mismatch");
  });

  it.each([null, {}, [], "ok", { protocolVersion: "1" }])("answers initialize with %j", async (result) => {
    expect((await refusalOf(acp({ initialize: { result } }))).code).toBe("agent_protocol_mismatch");
  });

  it.each([{ sessionId: "" }, { sessionId: " " }, { sessionId: 7 }, {}, null])(
    "opens the session %j",
    async (result) => {
      expect((await refusalOf(acp({ newSession: { result } }))).code).toBe("agent_session_empty");
    },
  );

  it("wants a login: the ways that it offers are named", async () => {
    const error = await refusalOf(acp({ newSession: "authRequired" }));
    expect(error.code).toBe("agent_auth_required");
    expect(error.message).toBe(
      "the agent wants a login first (Authentication required). It offers: Log in with the script",
    );
  });

  it("refuses in its own words, made visible and bounded", async () => {
    const message = `\u001b[2Jcleared\u202e${"x".repeat(10_000)}`;
    const error = await refusalOf(acp({ initialize: { error: { code: -32603, message } } }));
    expect(error.code).toBe("agent_refused");
    expect(error.message).toMatch(
      /^the agent answered initialize with error -32603: \\u001b\[2Jcleared\\u202ex+…$/u,
    );
    expect(error.message.length).toBeLessThan(700);
  });

  it("tells what it hides in the error's data", async () => {
    const hidden = { code: -32603, message: "Internal error", data: { details: "quota exceeded" } };
    expect((await refusalOf(acp({ newSession: { error: hidden } }))).message).toContain(
      "Internal error: quota exceeded",
    );
  });

  it("closes its stdout and lives on", async () => {
    const driven = acp({ onStart: [{ closeStdout: true }], ignoreStdinEnd: true });
    expect((await refusalOf(driven)).code).toBe("agent_closed_stdout");
    expect(isRunning(driven.process.pid)).toBe(true);
  });

  it.each([
    ["initialize", { initialize: "stall" }],
    ["session/new", { newSession: "stall" }],
    ["half a line, then nothing", { onStart: [{ half: '{"jsonrpc":"2.0","id":0,"res' }, { stall: true }] }],
  ] as const)("no answer (%s): pending until it is closed", async (_what, script) => {
    const callsFile = join(temporaryDirectory(), "calls");
    const { driver } = acp({ ...script, callsFile });
    let settled = false;
    const booted = driver.boot().finally(() => (settled = true));
    if (!("onStart" in script)) {
      const last = "initialize" in script ? "initialize" : "session/new";
      await waitUntil(() => linesOf(callsFile).some(({ method }) => method === last), {
        deadlineMs: 20_000,
        what: last,
      });
    }
    expect(settled).toBe(false);
    driver.close();
    await expect(booted).rejects.toMatchObject({ code: "driver_closed" });
  });
});

describe("an agent whose output is broken", () => {
  it("noise before, between and after: logged legibly, never answered, no harm", async () => {
    const callsFile = join(temporaryDirectory(), "calls");
    const noise: AgentStep[] = [
      { noise: 3 },
      { line: "" },
      { line: '{"level":"info","msg":"a log line in JSON"}' },
      { line: '{"jsonrpc":"2.0","id":99,"result":"to nobody"}' },
      { line: '{"jsonrpc":"2.0","method":"_vendor/note","params":{}}' },
      { line: '{"method":"log","id":4,"params":"not JSON-RPC"}' },
      { line: "[1,2]" },
      { line: "\u001b[31mred" },
      { bytes: "fffe80c30a" },
    ];
    const driven = acp({
      callsFile,
      onStart: noise,
      newSession: { steps: noise },
      prompt: [...noise, { end: "end_turn" }],
    });
    const told = await ranTo(driven);
    expect(told.ended).toEqual([{ kind: "done", stopReason: "end_turn" }]);
    expect(told.log).toContain("stdout: \\u001b[31mred");
    expect(told.log).toContain("stdout: noise, line 1");
    expect(told.log).toHaveLength(30);
    const calls = ["initialize", "session/new", "session/prompt"];
    expect(linesOf(callsFile).map(({ method }) => method)).toEqual(calls);
  });

  it("endless noise fills neither the log nor the agent's stdin", async () => {
    const told = await ranTo(acp({ onStart: [{ noise: 20_000 }] }));
    expect(told.evidence).toHaveLength(1);
    expect(told.log.length).toBeLessThan(300);
    expect(told.log.at(-1)).toContain("not logged");
  });

  it("100 MB in one line before it is ready", async () => {
    const error = await refusalOf(acp({ onStart: [{ hugeLine: 100 * MIB }] }));
    expect(error.code).toBe("agent_line_too_long");
    expect(error.message).toContain(String(16 * MIB));
  });

  it("a line beyond the limit in mid-run ends the run at once, while the agent lives", async () => {
    const driven = acp({ prompt: [{ flood: 2 * MIB }, { stall: true }] }, { maxLineBytes: MIB });
    const told = await ranTo(driven);
    expect(told.ended).toMatchObject([{ kind: "failed", code: "agent_line_too_long" }]);
    expect(isRunning(driven.process.pid)).toBe(true);
  });

  it("a gigabyte without a newline is not kept", async () => {
    const before = globalThis.process.memoryUsage().rss;
    const driven = acp({ onStart: [{ flood: 1024 * MIB }] });
    expect((await refusalOf(driven)).code).toBe("agent_line_too_long");
    expect(globalThis.process.memoryUsage().rss - before).toBeLessThan(256 * MIB);
  });

  it("JSON nested beyond reason is noise: what is told can always be serialised again", async () => {
    const told = await ranTo(
      acp({ prompt: [{ deepUpdate: 200_000 }, { deepUpdate: 400 }, { end: "end_turn" }] }),
    );
    expect(told.updates).toHaveLength(1);
    expect(() => JSON.stringify(told.updates)).not.toThrow();
    expect(told.log).toHaveLength(1);
  });

  it("invalid UTF-8 in an answer becomes visible, and breaks nothing", async () => {
    const answer = Buffer.concat([
      Buffer.from('{"jsonrpc":"2.0","id":0,"error":{"code":-32603,"message":"bad '),
      Buffer.from([0xff, 0xc3]),
      Buffer.from('"}}\n'),
    ]).toString("hex");
    const error = await refusalOf(acp({ initialize: { steps: [{ bytes: answer }, { stall: true }] } }));
    expect(error.message).toBe("the agent answered initialize with error -32603: bad \\ufffd\\ufffd");
  });

  it("requests without end that read no answer are not collected", async () => {
    const asks = Array.from({ length: 500 }, (_, id) => ({
      line: `{"jsonrpc":"2.0","id":"q${id}","method":"session/request_permission","params":{"sessionId":"${SESSION}"}}`,
    }));
    const told = await ranTo(acp({ prompt: [...asks, { end: "end_turn" }] }));
    expect(told.permissions.length).toBeLessThanOrEqual(256);
    expect(told.ended).toHaveLength(1);
  });

  it("what we do not offer is answered: no such method", async () => {
    const ask = {
      line: '{"jsonrpc":"2.0","id":5,"method":"fs/read_text_file","params":{"path":"/etc/passwd"}}',
    };
    const driven = acp({ prompt: [ask, { stall: true }] });
    let answers = "";
    const write = driven.process.stdin.write.bind(driven.process.stdin) as (...args: unknown[]) => boolean;
    driven.process.stdin.write = (...args: unknown[]) => {
      answers += String(args[0]);
      return write(...args);
    };
    await driven.driver.boot();
    driven.driver.prompt("Read it.");
    await waitUntil(() => answers.includes("-32601"), { deadlineMs: 20_000, what: "the answer" });
    expect(answers).toContain('"id":5');
  });
});

describe("a run that comes to nothing", () => {
  it("an error is the end, with the agent's words and its stderr", async () => {
    const prompt: AgentStep[] = [
      { stderr: "401" },
      { wait: 50 },
      { error: { code: -32603, message: "no model" } },
    ];
    const told = await ranTo(acp({ prompt }));
    expect(told.order).toEqual(["ended"]);
    expect(told.ended).toEqual([
      {
        kind: "failed",
        code: "agent_error",
        message: "the agent answered the run with error -32603: no model",
        stderrTail: ["401"],
      },
    ]);
  });

  it("an error's text as a chunk, and then the error, is no acceptance", async () => {
    const prompt: AgentStep[] = [
      chunk("API Error: 404"),
      { wait: 68 },
      { error: { code: -32603, message: "404" } },
    ];
    expect((await ranTo(acp({ prompt }))).order).toEqual(["update", "ended"]);
  });

  it("neither is it for a process that was busy when the window ended", async () => {
    const prompt: AgentStep[] = [
      chunk("API Error: 404"),
      { wait: 30 },
      { update: { sessionUpdate: "usage_update" } },
      { wait: 38 },
      { error: { code: -32603, message: "404" } },
    ];
    // As if it had been stopped: the window's timer is due before the error, long in the pipe, can be read.
    const update = (told: unknown): void => {
      if (JSON.stringify(told).includes("usage_update")) block(1_000);
    };
    expect((await ranTo(acp({ prompt }, { onEvent: { update } }))).order).toEqual([
      "update",
      "update",
      "ended",
    ]);
  });

  it("a wish for a login is told as one", async () => {
    const told = await ranTo(acp({ prompt: [{ error: { code: -32000, message: "Please log in" } }] }));
    expect(told.ended).toMatchObject([{ code: "agent_auth_required" }]);
  });

  it.each([
    ["exits", { exit: 7 }, "the agent exited with code 7 before the run had ended"],
    ["crashes", { kill: "SIGSEGV" }, "the agent was ended by SIGSEGV before the run had ended"],
  ] as const)("the agent %s in mid-run, its first words not yet settled", async (_what, death, message) => {
    const told = await ranTo(acp({ prompt: [chunk("hello"), { stderr: "oh" }, death] }));
    expect(told.order).toEqual(["update", "ended"]);
    expect(told.ended).toEqual([{ kind: "failed", code: "agent_exited", message, stderrTail: ["oh"] }]);
  });

  it("so it is if a child of the agent holds its stdout for longer than the settle window", async () => {
    const told = await ranTo(acp({ prompt: [{ grandchild: "plain" }, chunk("hello"), { exit: 1 }] }));
    expect(told.order).toEqual(["update", "ended"]);
  });

  it("an end that was written just before the exit counts", async () => {
    const told = await ranTo(acp({ prompt: [chunk("done"), { end: "end_turn" }, { exit: 0 }] }));
    expect(told.order).toEqual(["update", "evidence", "ended"]);
    expect(told.ended).toEqual([{ kind: "done", stopReason: "end_turn" }]);
  });

  it("the agent closes its stdout in mid-run", async () => {
    const told = await ranTo(acp({ ignoreStdinEnd: true, prompt: [{ closeStdout: true }, { stall: true }] }));
    expect(told.ended).toMatchObject([{ kind: "failed", code: "agent_closed_stdout" }]);
  });

  it("the agent stops reading, and is sent a run", async () => {
    const driven = acp({ newSession: { steps: [{ closeStdin: true }] } });
    const told = await ranTo(driven);
    expect(told.ended).toMatchObject([{ kind: "failed", code: "agent_closed_stdin" }]);
  });

  it("a run after the agent's death fails at once", async () => {
    const driven = acp({ prompt: [{ exit: 0 }] });
    await ranTo(driven);
    driven.driver.prompt("Again.");
    expect(driven.told.ended).toMatchObject([{ code: "agent_exited" }, { code: "agent_exited" }]);
  });
});

describe("permission", () => {
  const permission = { toolCall: { toolCallId: "t-1", title: "rm -rf" }, options: [], _meta: { odd: true } };

  it("the question is told unaltered, and the answer reaches the agent", async () => {
    const driven = acp({ prompt: [{ permission }, { end: "end_turn" }] });
    await driven.driver.boot();
    driven.driver.prompt("Go.");
    await until(driven, "permissions");
    const [asked] = driven.told.permissions;
    expect(asked?.request).toEqual({ sessionId: SESSION, ...permission });
    driven.driver.answerPermission("permission-nobody-asked", { outcome: "cancelled" });
    driven.driver.answerPermission(asked!.requestId, { outcome: "selected", optionId: "allow" });
    await until(driven, "ended");
    expect(JSON.stringify(driven.told.updates)).toContain(String.raw`\"optionId\":\"allow\"`);
    expect(driven.told.evidence[0]?.kind).toBe("permission_request");
  });

  it("an open question is answered `cancelled` when the run is cancelled", async () => {
    const driven = acp({ ignoreCancel: true, prompt: [{ permission }, { end: "cancelled" }] });
    await driven.driver.boot();
    driven.driver.prompt("Go.");
    await until(driven, "evidence");
    driven.driver.cancel();
    await until(driven, "ended");
    expect(driven.told.ended).toEqual([{ kind: "done", stopReason: "cancelled" }]);
    expect(JSON.stringify(driven.told.updates)).toContain("cancelled");
  });
});

describe("the end", () => {
  it("cancel ends an accepted run with the agent's stop reason", async () => {
    const driven = acp({ prompt: [chunk("working"), { stall: true }] });
    await driven.driver.boot();
    driven.driver.prompt("Go.");
    await until(driven, "evidence");
    driven.driver.cancel();
    await until(driven, "ended");
    expect(driven.told.ended).toEqual([{ kind: "done", stopReason: "cancelled" }]);
  });

  it("a run that was cancelled before it began is not accepted, though the agent says that it ended its turn", async () => {
    const driven = acp({ ignoreCancel: true, prompt: [{ end: "end_turn" }] });
    await driven.driver.boot();
    driven.driver.prompt("Go.");
    driven.driver.cancel();
    await until(driven, "ended");
    expect(driven.told.evidence).toEqual([]);
    expect(driven.told.ended).toMatchObject([{ kind: "failed", code: "agent_cancelled" }]);
  });

  it.each([
    [false, ["session/cancel", "session/delete"]],
    [true, ["session/cancel"]],
  ])("farewell (accepted: %j) sends %j", async (accepted, calls) => {
    const callsFile = join(temporaryDirectory(), "calls");
    const driven = acp({ callsFile, deleteSession: true, prompt: [chunk("hi"), { stall: true }] });
    await driven.driver.boot();
    driven.driver.prompt("Go.");
    await until(driven, "updates");
    await driven.driver.farewell({ accepted, signal: new AbortController().signal });
    expect(driven.told.ended).toHaveLength(1);
    const sent = linesOf(callsFile).map(({ method }) => method);
    expect(sent.slice(3)).toEqual(calls);
  });

  it("farewell to an agent that does not hear it ends with the signal", async () => {
    const driven = acp({ ignoreCancel: true, deleteSession: true, prompt: [{ stall: true }] });
    await driven.driver.boot();
    driven.driver.prompt("Go.");
    const abort = new AbortController();
    const farewell = driven.driver.farewell({ accepted: false, signal: abort.signal });
    abort.abort();
    await farewell;
    expect(driven.told.ended).toEqual([]);
  });

  it("farewell during a boot that hangs, or after the agent's death, is over at once", async () => {
    const signal = new AbortController().signal;
    const hanging = acp({ initialize: "stall" });
    void hanging.driver.boot();
    await hanging.driver.farewell({ accepted: false, signal });
    const dead = acp({ deleteSession: true, prompt: [{ exit: 0 }] });
    await ranTo(dead);
    await dead.driver.farewell({ accepted: false, signal });
  });

  it("a farewell that waits is let go by close", async () => {
    const { driver } = acp({ ignoreCancel: true, prompt: [{ stall: true }] });
    await driver.boot();
    driver.prompt("Go.");
    const farewell = driver.farewell({ accepted: false, signal: new AbortController().signal });
    driver.close();
    await farewell;
  });

  it("nothing is told after close, also of what is under way", async () => {
    const driven = acp({ prompt: [chunk("hi"), { wait: 50 }, chunk("more"), { exit: 1 }] });
    await driven.driver.boot();
    driven.driver.prompt("Go.");
    await until(driven, "updates");
    driven.driver.close();
    driven.driver.close();
    driven.driver.prompt("After the end.");
    const told = structuredClone(driven.told);
    await driven.process.exited;
    await new Promise((resolve) => setImmediate(resolve));
    expect(driven.told).toEqual(told);
  });

  it("nor of a run that comes after it, to an agent that was lost before", async () => {
    const driven = acp({ prompt: [{ exit: 1 }] });
    const told = structuredClone(await ranTo(driven));
    driven.driver.close();
    driven.driver.prompt("After the end.");
    expect(driven.told).toEqual(told);
  });

  it("an agent's death, at whatever moment, is no unhandled rejection", async () => {
    const scripts: AgentScript[] = [
      { onStart: [{ exit: 0 }] },
      { initialize: { steps: [{ exit: 0 }] } },
      { newSession: { steps: [{ kill: "SIGKILL" }] } },
      { newSession: { steps: [{ closeStdin: true }, { wait: 50 }] }, prompt: [{ exit: 0 }] },
      { prompt: [{ permission: {} }, { exit: 0 }] },
      { prompt: [{ error: { code: 1, message: "no" } }, { exit: 0 }] },
      { prompt: [{ half: "{" }, { exit: 0 }], ignoreCancel: true },
      { prompt: [{ hugeLine: 17 * MIB }, { exit: 0 }] },
    ];
    const { stdout } = await promisify(execFile)(
      globalThis.process.execPath,
      [
        join(BUILT, "test/fixtures/rejection-listener.js"),
        ...scripts.map((script) => JSON.stringify(script)),
      ],
      { timeout: 50_000, killSignal: "SIGKILL" },
    );
    expect(stdout).not.toMatch(/unhandled|uncaught/u);
    expect(stdout).toMatch(/over\n$/u);
  });
});
