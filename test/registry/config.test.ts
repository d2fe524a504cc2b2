import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createLauncher } from "../../src/launcher.js";
import type { LauncherOptions, LaunchRequest } from "../../src/requests.js";
import { readConfig } from "../../src/config.js";
import { errorOf, INVISIBLE, RegistryBench, treeOf } from "../fixtures/registry-bench.js";

const CONFIG = "launch-claim.config.json";

/** A configuration that is refused by whoever launches, also by a launcher that was there before it; nothing is started. */
async function expectRefused(put: (bench: RegistryBench) => void) {
  const bench = new RegistryBench();
  const earlier = bench.launcher();
  put(bench);
  const before = treeOf(bench.directory);
  const error = await errorOf(() => bench.launcher());
  const { code, message } = await errorOf(() => bench.launch("T-1", earlier));
  expect({ code, message }).toEqual({ code: error.code, message: error.message });
  expect(error).toMatchObject({ code: "config_invalid", hint: "Correct the file; nothing was started." });
  expect(error.message.startsWith(join(bench.project, CONFIG))).toBe(true);
  expect(bench.runtime.living).toEqual([]);
  expect(treeOf(bench.directory)).toEqual(before);
  return error;
}

describe("a configuration is refused in one message that says where, what was expected and what came:", () => {
  const refused: Readonly<
    Record<string, readonly [text: string, where: string, expected: string, came: string]>
  > = {
    "no object": ["[]", "at the top", "expected object", "but came []"],
    "an unknown key": [
      '{"agent":{}}',
      "at the top",
      'no field "agent" here; there are ',
      "agents, roles, timeouts, idleStopMs",
    ],
    "an unknown timeout": [
      '{"timeouts":{"ready":1}}',
      'at "timeouts"',
      'no field "ready" here; there are ',
      "admitMs, readyMs, connectMs, peerMs, runAckMs, commitMs, verifyMs, stopMs",
    ],
    "a key of an agent that is misspelt": [
      '{"agents":{"a":{"driver":"acp","command":["a"],"evidnce":"ack"}}}',
      'at "agents.a"',
      'no field "evidnce" here; there are ',
      "driver, command, environment, stdinEndMs, evidence, settleMs",
    ],
    "a timeout of 0": ['{"timeouts":{"stopMs":0}}', 'at "timeouts.stopMs"', ">=1", "but came 0"],
    "a negative timeout": ['{"timeouts":{"admitMs":-5}}', 'at "timeouts.admitMs"', ">=1", "but came -5"],
    "a timeout that overflows the timer": [
      '{"timeouts":{"runAckMs":2147483648}}',
      'at "timeouts.runAckMs"',
      "<=2147483647",
      "but came 2147483648",
    ],
    "a timeout of half a millisecond": [
      '{"timeouts":{"peerMs":0.5}}',
      'at "timeouts.peerMs"',
      "expected milliseconds (a whole number)",
      "but came 0.5",
    ],
    "a timeout of text": [
      '{"timeouts":{"readyMs":"5s"}}',
      'at "timeouts.readyMs"',
      "expected milliseconds (a whole number)",
      'but came "5s"',
    ],
    "a timeout of null": [
      '{"timeouts":{"readyMs":null}}',
      'at "timeouts.readyMs"',
      "expected milliseconds (a whole number)",
      "but came null",
    ],
    "an unknown driver": [
      '{"agents":{"a":{"driver":"ssh","command":["a"]}}}',
      'at "agents.a.driver"',
      '"acp"|"command"',
      'but came "ssh"',
    ],
    "an agent without a driver": [
      '{"agents":{"a":{"command":["a"]}}}',
      'at "agents.a.driver"',
      '"acp"|"command"',
      "",
    ],
    "an agent without a program": [
      '{"agents":{"a":{"driver":"acp","command":[]}}}',
      'at "agents.a.command"',
      ">=1 items",
      "but came []",
    ],
    "a command that is not an argument list": [
      '{"agents":{"a":{"driver":"acp","command":"opencode acp"}}}',
      'at "agents.a.command"',
      "expected array",
      'but came "opencode acp"',
    ],
    "an argument that is no text": [
      '{"agents":{"a":{"driver":"acp","command":["a",1]}}}',
      'at "agents.a.command.1"',
      "expected string",
      "but came 1",
    ],
    "a program without a name": [
      '{"agents":{"a":{"driver":"acp","command":["","a"]}}}',
      'at "agents.a.command"',
      "name of a program",
      'but came ["","a"]',
    ],
    "an argument that no program can be given": [
      '{"agents":{"a":{"driver":"acp","command":["a","b\\u0000c"]}}}',
      'at "agents.a.command.1"',
      "without NUL",
      "but came",
    ],
    "a plain command without a sign of acceptance": [
      '{"agents":{"a":{"driver":"command","command":["a"]}}}',
      'at "agents.a.accept"',
      "expected string",
      "",
    ],
    "a sign of acceptance that is unknown": [
      '{"agents":{"a":{"driver":"command","command":["a"],"accept":"soon"}}}',
      'at "agents.a.accept"',
      "expected exit, output:REGEX or alive:DURATION",
      'but came "soon"',
    ],
    "a regular expression that is none": [
      '{"agents":{"a":{"driver":"command","command":["a"],"accept":"output:("}}}',
      'at "agents.a.accept"',
      "expected a regular expression",
      'but came "output:("',
    ],
    "a regular expression that matches everything": [
      '{"agents":{"a":{"driver":"command","command":["a"],"accept":"output:"}}}',
      'at "agents.a.accept"',
      "expected a regular expression",
      'but came "output:"',
    ],
    "a time that is none": [
      '{"agents":{"a":{"driver":"command","command":["a"],"accept":"alive:5"}}}',
      'at "agents.a.accept"',
      "expected a duration such as 500ms, 2s or 3m",
      'but came "alive:5"',
    ],
    "what only an ACP agent has, of a plain command": [
      '{"agents":{"a":{"driver":"command","command":["a"],"accept":"exit","settleMs":1}}}',
      'at "agents.a"',
      'no field "settleMs" here; there are ',
      "driver, command, environment, stdinEndMs, accept",
    ],
    "a name in the environment that is none": [
      '{"agents":{"a":{"driver":"acp","command":["a"],"environment":{"A=B":"c"}}}}',
      'at "agents.a.environment.A=B"',
      "Invalid key",
      "A=B",
    ],
    "an idle time below 0": ['{"idleStopMs":-1}', 'at "idleStopMs"', ">=0", "but came -1"],
    "a role without a name": ['{"roles":{"":{}}}', 'at "roles."', "key", 'but came ""'],
    "an end of work that is unknown": [
      '{"roles":{"r":{"whenDone":"never"}}}',
      'at "roles.r.whenDone"',
      '"keep"|"stop"|"release"',
      'but came "never"',
    ],
    "peers that are no list": [
      '{"roles":{"r":{"peers":"x"}}}',
      'at "roles.r.peers"',
      "expected array",
      'but came "x"',
    ],
    "a prompt without a name": ['{"roles":{"r":{"prompt":""}}}', 'at "roles.r.prompt"', ">=1", 'but came ""'],
  };

  test.each(Object.entries(refused))("%s", async (_, [text, ...says]) => {
    const { message } = await expectRefused((bench) => bench.configure(text));
    for (const part of says) expect(message).toContain(part);
    expect(message.length).toBeLessThan(400);
  });

  test("what came is bounded", async () => {
    const text = JSON.stringify({ timeouts: { readyMs: "x".repeat(5000) } });
    const { message } = await expectRefused((bench) => bench.configure(text));
    expect(message.length).toBeLessThan(500);
  });

  test.each([
    ["in the text", "\u001b[31m{"],
    ["in its line breaks", "// comment\n{}"],
    ["in a key", '{"\\u001b[31mred":1}'],
    ["in the name of an agent", '{"agents":{"a\\u202eb":{"driver":3}}}'],
    ["in a value", '{"agents":{"a":{"driver":"\\u009b\\u202e\\u007f","command":["a"]}}}'],
  ])("what is invisible in it is made visible: %s", async (_, text) => {
    const { message } = await expectRefused((bench) => bench.configure(text));
    expect(message).not.toMatch(INVISIBLE);
  });
});

describe("what is invisible in a configuration that can be used is made visible where it is shown:", () => {
  const invisible = "\u001b[31m\u009b\u202e";

  test("the names of roles, in the hint to one that is unknown, and that name itself", async () => {
    const bench = new RegistryBench();
    bench.configure(JSON.stringify({ roles: { [`red${invisible}`]: {} } }));
    const outcome = await bench.launcher().launch({ ticket: { id: "T-1" }, role: `x${invisible}` }).outcome;
    expect(outcome).toMatchObject({ status: "failed", code: "role_unknown" });
    const { message, hint } = outcome as { message: string; hint: string };
    expect(hint).toContain("red");
    expect(hint).not.toMatch(INVISIBLE);
    expect(message).not.toMatch(INVISIBLE);
  });

  test.each(["missing", "../outside"])("the name of a prompt file that is %s", async (name) => {
    const bench = new RegistryBench();
    bench.configure(JSON.stringify({ roles: { intake: { prompt: name + invisible } } }));
    const outcome = await bench.launcher().launch({ ticket: { id: "T-1" } }).outcome;
    expect(outcome).toMatchObject({ status: "failed", code: "prompt_file_invalid" });
    expect((outcome as { message: string }).message).not.toMatch(INVISIBLE);
  });
});

describe("a configuration file", () => {
  const file = ({ project }: RegistryBench) => join(project, CONFIG);

  test("that is empty, or no JSON, is refused with the line and the column, and not with its text", async () => {
    const errors: readonly [text: string, where: string, says: string][] = [
      ["", "1:1", "expected a value, but came the end of the file"],
      ["{", "1:2", 'expected a name in double quotes or "}", but came the end of the file'],
      ["// comment {}", "1:1", 'expected a value, but came "/"'],
      ["{'a':1}", "1:2", `expected a name in double quotes or "}", but came "'"`],
      ['{\n  "roles": {},\n  "agents": {}\n  "timeouts": {}\n}', "4:3", 'expected "," or the end'],
      ['{"roles": {},}', "1:14", 'expected a name in double quotes, but came "}"'],
    ];
    for (const [text, where, says] of errors) {
      const { message } = await expectRefused((bench) => bench.configure(text));
      expect(message).toContain(`${CONFIG}:${where}: it is not JSON: ${says}`);
    }
  });

  test("that nests deeper than a stack is high is refused like any other", async () => {
    const bench = new RegistryBench();
    for (const around of ["*", '{"agents":*}', '{"roles":{"coder":*}}', '{"idleStopMs":*}']) {
      bench.configure(around.replace("*", "[".repeat(20_000) + "]".repeat(20_000)));
      const { code, message } = await errorOf(() => readConfig(bench.project));
      expect(code).toBe("config_invalid");
      expect(message.length).toBeLessThan(500);
    }
  });

  test("that does not fit in many places is told in as many lines, up to ten", async () => {
    const roles = Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`r${at}`, { agnt: "x" }]));
    const { message } = await expectRefused((bench) => bench.configure(JSON.stringify({ roles })));
    const [head, ...lines] = message.split("\n");
    expect(head).toMatch(/: errors in it:$/u);
    expect(lines).toHaveLength(11);
    expect(lines[0]).toBe(
      'at "roles.r0": no field "agnt" here; there are agent, prompt, peers, whenDone, permissions',
    );
    expect(lines.at(-1)).toBe("and 2 more");
  });

  test("that broke leaves the verbs of an earlier launcher working; the doctor lists it as an error", async () => {
    const bench = new RegistryBench();
    const launcher = bench.launcher();
    expect(await bench.launch("T-1", launcher)).toMatchObject({ status: "claimed" });
    bench.configure('{"timeouts":{"stopMs":"10s"}}');
    expect((await launcher.status()).claims).toMatchObject([{ state: "live" }]);
    const { healthy, findings } = await launcher.doctor();
    expect(healthy).toBe(false);
    expect(findings).toMatchObject([{ severity: "error", code: "config_invalid", file: file(bench) }]);
    expect(await launcher.stop({ id: "T-1" })).toMatchObject({ status: "stopped" });
    expect(await launcher.release({ id: "T-1" })).toMatchObject({ status: "ended" });
    expect(await launcher.history()).toHaveLength(1);
  });

  test("that is a link is refused, also one that leads to a file in the workspace", async () => {
    const { message } = await expectRefused((bench) => {
      fs.writeFileSync(join(bench.project, "real.json"), "{}");
      fs.symlinkSync("real.json", file(bench));
    });
    expect(message).toContain("leads through a symbolic link");
  });

  test("that is a directory is refused", async () => {
    const { message } = await expectRefused((bench) => fs.mkdirSync(file(bench)));
    expect(message).toContain("is not a file");
  });

  test("of more than 1 MiB is refused, and one of exactly 1 MiB is read", async () => {
    const { message } = await expectRefused((bench) => bench.configure(`{}${" ".repeat(1024 * 1024 - 1)}`));
    expect(message).toContain("has 1048577 bytes; at most 1048576 are read");
    const bench = new RegistryBench();
    bench.configure(`{}${" ".repeat(1024 * 1024 - 2)}`);
    expect((await bench.launcher().status()).claims).toEqual([]);
  });

  test("that is missing, or says nothing, is no trouble", async () => {
    const bench = new RegistryBench();
    expect(await bench.launch("T-1")).toMatchObject({ status: "claimed" });
    bench.configure('{"$schema":"./schema.json","agents":{},"roles":{},"timeouts":{"admitMs":2147483647}}');
    expect(await bench.launch("T-2")).toMatchObject({ status: "claimed" });
  });

  test("is read anew for each launch, so that a host that lives for days takes up what was changed", async () => {
    const bench = new RegistryBench();
    const launcher = bench.launcher();
    const launch = () => launcher.launch({ ticket: { id: "T-1" }, role: "gardener" }).outcome;
    expect(await launch()).toMatchObject({ status: "failed", code: "role_unknown" });
    bench.configure('{"roles":{"gardener":{}}}');
    expect(await launch()).toMatchObject({ status: "claimed", claim: { role: "gardener" } });
  });
});

describe("a request", () => {
  test.each([
    ["an unknown field", { promt: "x" }, 'no field "promt" here; there are ticket, role, agent'],
    ["an empty role", { role: "" }, 'at "role"'],
    ["an empty directory", { cwd: "" }, 'at "cwd"'],
    ["a timeout of 0", { timeouts: { admitMs: 0 } }, 'at "timeouts.admitMs": Too small'],
    ["a timeout that overflows", { timeouts: { stopMs: 1e12 } }, "but came 1000000000000"],
    ["an unknown timeout", { timeouts: { ready: 5 } }, 'no field "ready" here; there are '],
    ["peers that are no list", { peers: "x" }, 'at "peers"'],
    ["a signal that is none", { signal: {} }, 'at "signal"'],
  ])("with %s is refused with request_invalid before anything is on disk", async (_, fields, says) => {
    const bench = new RegistryBench();
    const launcher = bench.launcher();
    const before = treeOf(bench.directory);
    const request = { ticket: { id: "T-1" }, ...fields } as unknown as LaunchRequest;
    const { code, message, hint } = await errorOf(() => launcher.launch(request));
    expect({ code, hint }).toEqual({ code: "request_invalid", hint: "Nothing was started." });
    expect(message).toContain(says);
    expect(treeOf(bench.directory)).toEqual(before);
  });
});

describe("the options of a launcher", () => {
  test.each([
    ["an unknown one", { runtme: {} }, 'no field "runtme" here; there are workspace'],
    ["a workspace that is no text", { workspace: new URL("file:///") }, 'at "workspace": expected string'],
    ["no workspace", { workspace: undefined }, 'at "workspace": expected string'],
  ])("with %s are refused with request_invalid", async (_, fields, says) => {
    const bench = new RegistryBench();
    const options = { workspace: bench.project, home: bench.home, ...fields } as unknown as LauncherOptions;
    const { code, message } = await errorOf(() => createLauncher(options));
    expect(code).toBe("request_invalid");
    expect(message).toContain(says);
  });
});

/** What a launch leaves that ends before it has started anything: the lock file that it held, which is never unlinked. */
function expectOnlyTheLockFile(bench: RegistryBench, before: Record<string, string>) {
  const lock = bench.layout.launchLock({ id: "T-1" }).slice(bench.directory.length);
  expect(treeOf(bench.directory)).toEqual({ ...before, [`.${lock}`]: "file 0600 " });
  expect(bench.runtime.living).toEqual([]);
}

describe("a role", () => {
  test("that is unknown fails the launch, with the known ones in the hint, and nothing on disk", async () => {
    const bench = new RegistryBench();
    bench.configure('{"roles":{"gardener":{},"coder":{"agent":"x"}}}');
    const launcher = bench.launcher();
    const before = treeOf(bench.directory);
    for (const role of ["janitor", "Coder", "constructor", "__proto__", "toString"]) {
      expect(await launcher.launch({ ticket: { id: "T-1" }, role }).outcome).toMatchObject({
        status: "failed",
        phase: "spawning",
        code: "role_unknown",
        message: `there is no role "${role}"`,
        hint: `Use one of intake, orchestrator, coder, reviewer, investigator, gardener, or add it to "roles" in ${CONFIG}.`,
        proof: "nothingStarted",
      });
    }
    expectOnlyTheLockFile(bench, before);
  });

  test.each(["intake", "orchestrator", "coder", "reviewer", "investigator"])(
    "%s needs no configuration",
    async (role) => {
      const launcher = new RegistryBench().launcher();
      const outcome = await launcher.launch({ ticket: { id: "T-1" }, role }).outcome;
      expect(outcome).toMatchObject({ status: "claimed", claim: { role } });
    },
  );
});

describe("a prompt file", () => {
  const invalid: Readonly<Record<string, readonly [prompt: string, says: string]>> = {
    "is missing": ["prompts/none.md", "there is no such file"],
    "is empty": ["empty.md", "the file is empty"],
    "is blank": ["blank.md", "the file is empty"],
    "is a directory": ["prompts", "is not a file"],
    "lies below a file": ["empty.md/x.md", "not a directory"],
    "is too large": ["large.md", "has 1048577 bytes; at most 1048576 are read"],
    "is a link to a file in the workspace": ["link.md", "leads through a symbolic link"],
    "is reached through a link": ["linked/good.md", "leads through a symbolic link"],
    "is absolute": ["/etc/hostname", "is not inside of the workspace"],
    "lies outside of the workspace": ["../outside.md", "is not inside of the workspace"],
    "lies outside by a way around": ["prompts/../../outside.md", "is not inside of the workspace"],
    "is a named pipe": ["pipe", "is not a file"],
  };

  function benchOf(prompt: string): RegistryBench {
    const bench = new RegistryBench();
    const at = (name: string) => join(bench.project, name);
    fs.mkdirSync(at("prompts"));
    fs.writeFileSync(at("prompts/good.md"), "Do it well.");
    fs.writeFileSync(at("empty.md"), "");
    fs.writeFileSync(at("blank.md"), " \n\t\n");
    fs.writeFileSync(at("large.md"), "x".repeat(1024 * 1024 + 1));
    fs.symlinkSync("prompts/good.md", at("link.md"));
    fs.symlinkSync("prompts", at("linked"));
    fs.writeFileSync(join(bench.directory, "outside.md"), "Not yours.");
    bench.configure(JSON.stringify({ roles: { intake: { prompt } } }));
    return bench;
  }

  test.each(Object.entries(invalid))(
    "that %s fails the launch while spawning, and nothing is started or on disk",
    async (_, [prompt, says]) => {
      const bench = benchOf(prompt);
      if (prompt === "pipe") execFileSync("mkfifo", [join(bench.project, prompt)]);
      const launcher = bench.launcher();
      const before = treeOf(bench.directory);
      const outcome = await launcher.launch({ ticket: { id: "T-1" } }).outcome;
      expect(outcome).toMatchObject({
        status: "failed",
        phase: "spawning",
        code: "prompt_file_invalid",
        hint: "Prompt files are read from the workspace, without links, at most 1 MiB.",
        proof: "nothingStarted",
      });
      const { message } = outcome as { message: string };
      expect(message).toContain(`the prompt file "${prompt}" cannot be used`);
      expect(message).toContain(says);
      expectOnlyTheLockFile(bench, before);
    },
  );

  test("is the first run's text where the request has none, and is not read where it has one", async () => {
    const bench = benchOf("prompts/good.md");
    await bench.launcher().launch({ ticket: { id: "T-1" } }).outcome;
    expect(bench.runtime.prompts).toEqual(["Do it well."]);
    fs.rmSync(join(bench.project, "prompts/good.md"));
    await bench.launcher().launch({ ticket: { id: "T-2" }, prompt: "Mine." }).outcome;
    expect(bench.runtime.prompts).toEqual(["Do it well.", "Mine."]);
  });

  test("is stored in no record: not the file's text, nor the request's", async () => {
    const bench = benchOf("prompts/good.md");
    await bench.launcher().launch({ ticket: { id: "T-1" } }).outcome;
    await bench.launcher().launch({ ticket: { id: "T-2" }, prompt: "My secret." }).outcome;
    const stored = JSON.stringify(treeOf(bench.home));
    expect(stored).toContain("T-2");
    expect(stored).not.toMatch(/Do it well|My secret/u);
  });
});
