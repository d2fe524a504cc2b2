import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CommandEvidence } from "../../machines/launch.types.js";
import { createCommandDriver } from "../../src/pod/agents/command.js";
import { shellRecipe } from "../fixtures/driven-agents.js";
import { drive, type Driven, type DriveOptions } from "../fixtures/driven-process.js";
import { isRunning, waitUntil } from "../fixtures/processes.js";
import { temporaryDirectory } from "../fixtures/temporary.js";

const EXIT: CommandEvidence = { kind: "exit" };
const READY: CommandEvidence = { kind: "output", pattern: "^ready \\d+$" };
const ALIVE: CommandEvidence = { kind: "alive", afterMs: 100 };
const NEVER_ALIVE: CommandEvidence = { kind: "alive", afterMs: 3_600_000 };

function shell(
  script: string,
  accept: CommandEvidence,
  options: DriveOptions = {},
  ...args: string[]
): Driven {
  return drive(createCommandDriver, shellRecipe(script, accept, ...args), options);
}

async function until({ told }: Driven, what: "ended" | "evidence"): Promise<void> {
  await waitUntil(() => told[what].length > 0, {
    deadlineMs: 20_000,
    what: () => `${what}; told so far: ${JSON.stringify(told).slice(0, 2_000)}`,
  });
}

async function ranTo(driven: Driven): Promise<Driven["told"]> {
  await driven.driver.boot();
  driven.driver.prompt("Clarify T-1.");
  await until(driven, "ended");
  return driven.told;
}

const texts = ({ updates }: Driven["told"]) => updates.map(({ text }) => text);

describe("the gate", () => {
  it("stays closed through the boot: the program runs when its prompt is there", async () => {
    const file = join(temporaryDirectory(), "ran");
    const driven = shell('cat > "$1"', EXIT, {}, file);
    const { agent, session } = await driven.driver.boot();
    expect(agent).toMatchObject({ driver: "command", name: "the agent" });
    expect(session).toBeUndefined();
    expect(driven.process.isOpen()).toBe(false);
    driven.driver.prompt("Clarify T-1.\n");
    await until(driven, "ended");
    expect(fs.readFileSync(file, "utf8")).toBe("Clarify T-1.\n");
  });

  it("a pattern that is none is refused before anything runs", async () => {
    const { driver } = shell("exit 0", { kind: "output", pattern: "(" });
    await expect(driver.boot()).rejects.toMatchObject({ code: "request_invalid" });
  });
});

describe("the prompt", () => {
  it("that nobody reads, and that is larger than a pipe, does no harm", async () => {
    const driven = shell("exit 0", EXIT);
    await driven.driver.boot();
    driven.driver.prompt("x".repeat(4 * 1024 * 1024));
    await until(driven, "ended");
    expect(driven.told.ended).toEqual([{ kind: "done", stopReason: "exit_0" }]);
  });

  it("is in a private file before the program runs, where an argument names it, and gone after", async () => {
    const promptFile = join(temporaryDirectory(), "prompt");
    const script = 'stat -c %a "$1"; cat "$1"; read x || echo "stdin ended"';
    const told = await ranTo(shell(script, EXIT, { promptFile }, promptFile));
    expect(texts(told)).toEqual(["600", "Clarify T-1.stdin ended"]);
    expect(fs.existsSync(promptFile)).toBe(false);
  });

  it.each(["file", "link"])("a %s in that file's place is left alone, and nothing runs", async (what) => {
    const directory = temporaryDirectory();
    const [promptFile, target] = [join(directory, "prompt"), join(directory, "target")];
    fs.writeFileSync(target, "precious");
    if (what === "link") fs.symlinkSync(target, promptFile);
    else fs.renameSync(target, promptFile);
    const driven = shell("echo ran", EXIT, { promptFile }, promptFile);
    const told = await ranTo(driven);
    expect(told.ended).toMatchObject([{ kind: "failed", code: "prompt_file_failed" }]);
    driven.driver.close();
    expect(fs.readFileSync(promptFile, "utf8")).toBe("precious");
    expect(told.updates).toEqual([]);
  });

  it("comes once: a second run ends at once, and disturbs nothing", async () => {
    const driven = shell("echo ready 1; read x; exec sleep 600", READY);
    await driven.driver.boot();
    driven.driver.prompt("one");
    await until(driven, "evidence");
    driven.driver.prompt("two");
    expect(driven.told.ended).toEqual([]);
    await until(driven, "ended");
    expect(driven.told.ended).toMatchObject([{ code: "command_runs_once" }]);
    expect(isRunning(driven.process.pid)).toBe(true);
  });
});

describe("accept exit", () => {
  it("0 is evidence and end", async () => {
    const told = await ranTo(shell("echo hello", EXIT));
    expect(told.order).toEqual(["update", "evidence", "ended"]);
    expect(told.updates).toEqual([{ sessionUpdate: "output", text: "hello" }]);
    expect(told.evidence).toMatchObject([{ level: "exit", kind: "exit" }]);
    expect(told.ended).toEqual([{ kind: "done", stopReason: "exit_0" }]);
  });

  it.each([
    ["exit 3", "the command exited with code 3"],
    ["kill -KILL $$", "the command was ended by SIGKILL"],
  ])("%s is a failure, with the last words", async (how, message) => {
    const told = await ranTo(shell(`echo 'no \u001b[31mway' >&2; ${how}`, EXIT));
    expect(told.order).toEqual(["ended"]);
    expect(told.ended).toEqual([
      { kind: "failed", code: "command_failed", message, stderrTail: ["no \\u001b[31mway"] },
    ]);
  });

  it("a program that does not exist is a failure", async () => {
    const told = await ranTo(
      drive(createCommandDriver, { driver: "command", command: ["/nowhere/to/be/found"], accept: EXIT }),
    );
    expect(told.ended).toMatchObject([{ code: "command_failed" }]);
  });

  it("a program that closed its stdout can still exit well", async () => {
    const told = await ranTo(shell("exec >&-; sleep 1.2; exit 0", EXIT));
    expect(told.ended).toEqual([{ kind: "done", stopReason: "exit_0" }]);
  });
});

describe("accept output", () => {
  it("a line that matches is evidence, and the exit the end", async () => {
    const told = await ranTo(shell("echo not ready 1; echo ready 7; echo bye", READY));
    expect(told.order).toEqual(["update", "update", "evidence", "update", "ended"]);
    expect(told.evidence).toMatchObject([{ level: "output", kind: "output" }]);
    expect(told.ended).toEqual([{ kind: "done", stopReason: "exit_0" }]);
  });

  it("a last line without a newline counts", async () => {
    expect((await ranTo(shell("printf 'ready 8'", READY))).evidence).toHaveLength(1);
  });

  it("half a line does not, as long as more may come", async () => {
    const driven = shell("printf 'ready 8'; printf x >&2; read x; exec sleep 600", READY);
    await driven.driver.boot();
    driven.driver.prompt("");
    await waitUntil(() => driven.process.stderrTail().length > 0, { deadlineMs: 20_000, what: "its stderr" });
    expect(driven.told.order).toEqual([]);
  });

  it("exit 0 without one is a failure", async () => {
    const told = await ranTo(shell("echo ready soon", READY));
    expect(told.ended).toMatchObject([{ kind: "failed", code: "command_output_missing" }]);
    expect(told.evidence).toEqual([]);
  });

  it("a failure after evidence ends an accepted run", async () => {
    const told = await ranTo(shell("echo ready 1; exit 9", READY));
    expect(told.order).toEqual(["update", "evidence", "ended"]);
    expect(told.ended).toMatchObject([{ kind: "failed", code: "command_failed" }]);
  });
});

describe("accept alive", () => {
  it("alive after the time is evidence, also of a program that has closed its stdout", async () => {
    for (const script of ["exec sleep 600", "exec >&- 2>&-; exec sleep 600"]) {
      const driven = shell(script, ALIVE);
      await driven.driver.boot();
      driven.driver.prompt("");
      await until(driven, "evidence");
      expect(driven.told.evidence).toMatchObject([{ level: "alive", kind: "alive" }]);
      expect(driven.told.ended).toEqual([]);
    }
  });

  it("a failure before it is a failure", async () => {
    const told = await ranTo(shell("exit 1", NEVER_ALIVE));
    expect(told.order).toEqual(["ended"]);
  });

  it("a failure that shows late, because a child holds the output, is a failure too", async () => {
    const told = await ranTo(shell("sleep 600 & exit 1", { kind: "alive", afterMs: 400 }));
    expect(told.order).toEqual(["ended"]);
  });

  it("exit 0 before it is acceptance by exit", async () => {
    const told = await ranTo(shell("exit 0", NEVER_ALIVE));
    expect(told.evidence).toMatchObject([{ level: "exit" }]);
  });

  it("a process that was busy when the time was up looks first whether it is dead", async () => {
    const driven = shell("echo I begin; exit 1", ALIVE, {
      onEvent: { update: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500) },
    });
    expect((await ranTo(driven)).order).toEqual(["update", "ended"]);
  });
});

describe("output of any kind", () => {
  it("is told legibly, line by line, without carriage returns", async () => {
    const told = await ranTo(shell(String.raw`printf 'a\r\n\033[2Jb\n\377\nlast'`, EXIT));
    expect(texts(told)).toEqual(["a", "\\u001b[2Jb", "\\ufffd", "last"]);
  });

  it("a line without end is cut: no failure, and nothing is kept", async () => {
    const before = process.memoryUsage().rss;
    const flood = "head -c 268435456 /dev/zero | tr '\\0' x; echo; echo ready 1";
    const told = await ranTo(shell(flood, READY));
    expect(told.ended).toEqual([{ kind: "done", stopReason: "exit_0" }]);
    expect(told.updates).toHaveLength(2);
    expect(String(told.updates[0]?.["text"]).length).toBeLessThan(5_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * 1024 * 1024);
  });

  it("is cut at the limit that was given", async () => {
    expect(texts(await ranTo(shell("echo 123456789; echo 12", EXIT, { maxLineBytes: 5 })))).toEqual([
      "12345",
      "12",
    ]);
  });
});

describe("the end", () => {
  it("nothing is told after close, and the prompt's file is gone", async () => {
    const promptFile = join(temporaryDirectory(), "prompt");
    const driven = shell('echo ready 1; read x < "$1"; exit 0', READY, { promptFile }, promptFile);
    await driven.driver.boot();
    driven.driver.prompt("x");
    driven.driver.close();
    driven.driver.close();
    expect(fs.existsSync(promptFile)).toBe(false);
    await driven.process.exited;
    await new Promise((resolve) => setImmediate(resolve));
    expect(driven.told.order).toEqual([]);
  });

  it("farewell, cancel and answers are heard by nobody, and harm nothing", async () => {
    const { driver, told } = shell("exec sleep 600", ALIVE);
    await driver.boot();
    driver.cancel();
    driver.answerPermission("permission-1", { outcome: "cancelled" });
    await driver.farewell({ accepted: false, signal: new AbortController().signal });
    expect(told.order).toEqual([]);
  });
});
