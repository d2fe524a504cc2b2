import fs from "node:fs";
import { describe, expect, test } from "vitest";
import { cliBench, expectNothingLeft, sharedBench } from "../fixtures/bad-agents.js";
import { scriptedCommand } from "../fixtures/guardian-runtime.js";

const AGENT = ["--", "no-such-agent-here"];

describe("a command line that cannot be meant", () => {
  const bench = sharedBench();

  test.each<[string, readonly string[], RegExp]>([
    ["an unknown command", ["lunch", "T"], /there is no command "lunch"[^]*hint: The commands: launch/u],
    ["no command", ["--workspace", "."], /expected a command/u],
    ["an unknown flag", ["launch", "T", "--promt", "x", ...AGENT], /"launch" has no flag "--promt"/u],
    ["an unknown short flag", ["launch", "T", "-q", ...AGENT], /has no flag "-q"/u],
    ["no ticket", ["launch", "--prompt", "x", ...AGENT], /"launch" needs <ticket>, but nothing came/u],
    ["two tickets", ["launch", "T", "U", ...AGENT], /takes \[ticket\], but came "U" as well/u],
    ["nothing after --", ["launch", "T", "--prompt", "x", "--"], /followed by COMMAND/u],
    ["a flag without its value", ["launch", "T", "--prompt"], /--prompt needs a value/u],
    [
      "a blank prompt",
      ["launch", "T", "--prompt", " \n", ...AGENT],
      /--prompt: expected text, but it is blank/u,
    ],
    [
      "an unknown phase",
      ["launch", "T", "--timeout", "redy=3s", ...AGENT],
      /expected PHASE=DURATION .*"redy=3s"/u,
    ],
    [
      "a duration without a unit",
      ["launch", "T", "--timeout", "ready=3", ...AGENT],
      /--timeout ready: .* "3"/u,
    ],
    ["a negative duration", ["launch", "T", "--timeout", "ready=-3s", ...AGENT], /but came "-3s"/u],
    ["a duration of nothing", ["launch", "T", "--timeout", "ready=0s", ...AGENT], /expected more than 0/u],
    ["a duration beyond all timers", ["launch", "T", "--timeout", "ready=99999999m", ...AGENT], /24 days/u],
    ["an unknown way to end", ["launch", "T", "--when-done", "explode", ...AGENT], /--when-done/u],
    ["an unknown driver", ["launch", "T", "--driver", "telnet", ...AGENT], /--driver/u],
    [
      "a plain command without --accept",
      ["launch", "T", "--prompt", "x", "--driver", "command", ...AGENT],
      /needs --accept exit, output:REGEX or alive:DURATION/u,
    ],
    [
      "a pattern that is none",
      ["launch", "T", "--prompt", "x", "--driver", "command", "--accept", "output:(", ...AGENT],
      /expected a regular expression/u,
    ],
    ["an agent that nobody knows", ["launch", "T", "--prompt", "x", "--agent", "hal9000"], /"hal9000"/u],
    [
      "a role that nobody knows",
      ["launch", "T", "--prompt", "x", "--role", "king", ...AGENT],
      /no role "king"/u,
    ],
    ["a directory that is not there", ["launch", "T", "--cwd", "gone", "--prompt", "x", ...AGENT], /gone/u],
    [
      "a workspace that is not there",
      ["--workspace", "gone", "launch", "T", "--prompt", "x", ...AGENT],
      /gone/u,
    ],
    ["an empty ticket id", ["launch", "", "--prompt", "x", ...AGENT], /ticket/u],
    ["a ticket id with a control character", ["launch", "T\u001b[2J", "--prompt", "x", ...AGENT], /\\u001b/u],
    ["a ticket id that turns text around", ["launch", "T\u202e1", "--prompt", "x", ...AGENT], /\\u202e/u],
    ["a ticket id of 1,025 bytes", ["launch", "x".repeat(1_025), "--prompt", "x", ...AGENT], /1,?024/u],
  ])("%s is refused with exit code 2, and nothing is started", async (_what, args, message) => {
    const told = await bench.cli(args);
    expect({ code: told.code, stdout: told.stdout }, told.stderr).toEqual({ code: 2, stdout: "" });
    expect(told.stderr).toMatch(message);
    expectNothingLeft(bench, told);
  });

  test("is told to programs as one line with a code", async () => {
    const told = await bench.cli(["launch", "T", "--timeout", "ready=3", "--json", ...AGENT]);
    expect({ code: told.code, stderr: told.stderr }).toEqual({ code: 2, stderr: "" });
    expect(told.json()).toEqual([
      { error: { code: "usage_invalid", message: expect.stringContaining('"3"') as string } },
    ]);
  });

  test.each<[string, string, RegExp, (path: string) => void]>([
    ["that is missing", "missing", /missing/u, () => undefined],
    ["that is a link", "link", /"link" cannot be used/u, (path) => fs.symlinkSync("/etc/hostname", path)],
    ["of 2 MB", "big", /more than 1 MiB/u, (path) => fs.writeFileSync(path, "x".repeat(2_000_000))],
    ["that is a directory", "dir", /it is not a file/u, (path) => fs.mkdirSync(path)],
  ])("a prompt file %s is refused with exit code 2", async (_what, name, message, make) => {
    make(`${bench.project}/${name}`);
    const told = await bench.cli(["launch", "T", "--prompt-file", name, ...AGENT]);
    expect(told.code, told.stderr).toBe(2);
    expect(told.stderr).toMatch(message);
    expectNothingLeft(bench, told);
  });

  test("a prompt of 2 MB on standard input is refused with exit code 2", async () => {
    const args = ["launch", "T", "--prompt-file", "-", ...AGENT];
    const told = await bench.cli(args, { stdin: "x".repeat(2_000_000) });
    expect(told.code, told.stderr).toBe(2);
    expect(told.stderr).toMatch(/more than 1 MiB/u);
  });
});

describe("a configuration that cannot be meant", () => {
  const bench = sharedBench();

  test.each<[string, string, RegExp]>([
    ["no JSON", "{ agents", /config\.json:1:3: it is not JSON: expected a name .*but came "agents"/u],
    [
      "of a wrong type",
      '{"timeouts":{"readyMs":"soon"}}',
      /"timeouts\.readyMs": .*expected.*but came "soon"/u,
    ],
    ["with an unknown field", '{"agnets":{}}', /agnets/u],
    [
      "with an unknown driver",
      '{"agents":{"a":{"driver":"telnet","command":["a"]}}}',
      /"agents\.a\.driver".*expected one of "acp"\|"command"\|"yoi", but came "telnet"/u,
    ],
    ["that is an array", "[]", /expected.*but came \[\]/u],
  ])("%s is told with file, place, what was expected and what came", async (_what, text, message) => {
    const file = `${bench.project}/launch-claim.config.json`;
    fs.writeFileSync(file, text);
    const told = await bench.cli(["launch", "T", "--prompt", "x", ...AGENT]);
    expect(told.code, told.stderr).toBe(2);
    expect(told.stderr).toContain(file);
    expect(told.stderr).toMatch(message);
    expectNothingLeft(bench, told);
  });
});

test("a configuration's command runs only once it is trusted, and again after each change", async () => {
  const bench = cliBench();
  const launch = (ticket: string) =>
    bench.cli(["launch", ticket, "--agent", "mine", "--prompt", "x", "--when-done", "stop"]);
  const configure = (script: object) => {
    const agents = { mine: { driver: "acp", command: scriptedCommand(script) } };
    fs.writeFileSync(`${bench.project}/launch-claim.config.json`, JSON.stringify({ agents }));
  };
  configure({ promptsFile: bench.path("first") });
  const untrusted = await launch("T");
  expect(untrusted.code, untrusted.stderr).toBe(2);
  expect(untrusted.stderr).toMatch(/scripted-agent\.js/u);
  expect(untrusted.stderr).toMatch(/launch-claim trust/u);
  expectNothingLeft(bench, untrusted);

  expect((await bench.cli(["trust"])).code).toBe(0);
  const trusted = await launch("T");
  expect(trusted.code, trusted.stderr).toBe(0);
  expect(fs.existsSync(bench.path("first"))).toBe(true);

  configure({ promptsFile: bench.path("second") });
  const changed = await launch("U");
  expect(changed.code, changed.stderr).toBe(2);
  expect(changed.stderr).toMatch(/has changed since you trusted it/u);
  expect(untrusted.stderr).not.toMatch(/has changed/u);
  expect(fs.existsSync(bench.path("second"))).toBe(false);
  expect(bench.claims()).toHaveLength(1);
});
