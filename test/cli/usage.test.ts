import fs from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands.js";
import { CliHost } from "../fixtures/cli-host.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const NAMES = [
  ...["launch", "restore", "status", "attach", "logs", "stop", "release", "reclaim", "adopt", "doctor"],
  ...["history", "sessions", "agents", "tickets", "paths", "graph", "init", "trust"],
];

describe("help", () => {
  test("lists every command, and no command that does not work yet", async () => {
    const { out, err } = await new CliHost().expectCode(0, "--help");
    expect(COMMANDS.map(({ name }) => name)).toEqual(NAMES);
    for (const name of NAMES) expect(out).toMatch(new RegExp(`^ {2}${name} +\\w`, "mu"));
    expect(out).not.toMatch(/^ {2}(?:panel|mcp)\b/mu);
    expect(err).toBe("");
    expect(await new CliHost().expectCode(0, "help")).toMatchObject({ out });
  });

  test.each(NAMES)("of %s is the same by help and by --help, and names every flag", async (name) => {
    const host = new CliHost();
    const { out } = await host.expectCode(0, "help", name);
    expect(out).toMatch(new RegExp(`^Usage: launch-claim ${name}`, "u"));
    const command = await COMMANDS.find((entry) => entry.name === name)!.load();
    for (const flag of [...Object.keys(command.flags), "workspace", "json", "help"]) {
      expect(out).toMatch(new RegExp(`^ {2}--${flag}\\b`, "mu"));
    }
    expect(await host.expectCode(0, name, "--help")).toMatchObject({ out });
    expect(await host.expectCode(0, name, "-h")).toMatchObject({ out });
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(115);
  });

  test("goes to standard error with exit code 2 if nothing was asked for", async () => {
    const { out, err } = await new CliHost().expectCode(2);
    expect(out).toBe("");
    expect(err).toContain("launch-claim <command>");
  });
});

test("the version is that of the package", async () => {
  const { version } = JSON.parse(fs.readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  expect(await new CliHost().expectCode(0, "--version")).toMatchObject({ out: `${version}\n`, err: "" });
});

describe("what was not understood is told in one message with what was expected and what came, exit code 2:", () => {
  const wrong: Readonly<Record<string, readonly [argv: string[], says: string]>> = {
    "a command": [["lunch", "T-1"], 'there is no command "lunch"'],
    "a command that is to come": [["panel", "T-1"], 'there is no command "panel"'],
    "a command that every object knows": [["constructor"], 'there is no command "constructor"'],
    "a flag before the command": [["--verbose", "status"], '"status" has no flag "--verbose"'],
    "a flag without a command": [["--verbose"], 'expected a command, but came "--verbose"'],
    "a flag": [["stop", "T-1", "--now"], '"stop" has no flag "--now"'],
    "a flag of another command": [["stop", "T-1", "--expect", "x"], '"stop" has no flag "--expect"'],
    "a short flag": [["stop", "T-1", "-x"], '"stop" has no flag "-x"'],
    "a flag that every object knows": [["stop", "T-1", "--constructor"], 'no flag "--constructor"'],
    "a value that is missing": [
      ["launch", "T-1", "--slug"],
      "--slug needs a value: --slug S, but nothing came",
    ],
    "a flag in a value's place": [
      ["launch", "T-1", "--slug", "--json"],
      'needs a value: --slug S, but came "--json"',
    ],
    "a value that is none": [["stop", "T-1", "--json=yes"], '--json takes no value, but came with "yes"'],
    "a ticket that is missing": [["stop"], '"stop" needs <ticket>, but nothing came'],
    "a word too many": [["stop", "T-1", "T-2"], '"stop" takes <ticket>, but came "T-2" as well'],
    "a word where none is taken": [["sessions", "T-2"], '"sessions" takes no arguments, but came "T-2"'],
    "a command after -- where none is taken": [["stop", "T-1", "--", "cat"], 'but came "cat" as well'],
    "a name with what a screen acts on": [["\u001b[2J\u202e"], '"\\u001b[2J\\u202e"'],
  };
  test.each(Object.entries(wrong))("%s", async (_, [argv, says]) => {
    const host = new CliHost();
    const { out, err } = await host.expectCode(2, ...argv);
    if (!argv.join(" ").includes("--json")) expect(out).toBe("");
    expect(out + err).toContain(argv.includes("--json") ? JSON.stringify(says).slice(1, -1) : says);
    expect(err.match(/^error:/gmu) ?? []).toHaveLength(argv.includes("--json") ? 0 : 1);
  });

  test("with --json as an object on standard output, wherever the flag stands", async () => {
    for (const argv of [
      ["stop", "--json"],
      ["--json", "stop"],
    ]) {
      const { out, err } = await new CliHost().expectCode(2, ...argv);
      expect(err).toBe("");
      expect(JSON.parse(out)).toEqual({
        error: {
          code: "usage_invalid",
          message: '"stop" needs <ticket>, but nothing came',
          hint: "How it is used: launch-claim help stop",
        },
      });
    }
  });
});

test("an error that nobody foresaw is told in one message without a stack, exit code 1", async () => {
  const host = new CliHost();
  Object.defineProperty(host, "podRuntime", {
    get: () => {
      throw new TypeError("it is not a function");
    },
  });
  expect(await host.expectCode(1, "status")).toMatchObject({ out: "", err: "error: it is not a function\n" });
  expect(await host.json(1, "status")).toEqual([
    { error: { code: "internal", message: "it is not a function" } },
  ]);
});

describe("the workspace", () => {
  const claims = (out: string) => (JSON.parse(out) as { claims: { ticket: { id: string } }[] }).claims;

  test("is the nearest parent with a configuration or a repository", async () => {
    const host = new CliHost();
    await host.expectCode(0, "launch", "T-1");
    const below = join(host.workspace, "a", "b");
    fs.mkdirSync(below, { recursive: true });
    for (const mark of ["launch-claim.config.json", ".git"]) {
      host.cwd = below;
      expect(claims((await host.expectCode(0, "status", "--json")).out)).toEqual([]);
      fs.writeFileSync(join(host.workspace, mark), "{}");
      expect(claims((await host.expectCode(0, "status", "--json")).out)).toHaveLength(1);
      fs.rmSync(join(host.workspace, mark));
    }
  });

  test("is what --workspace names, before or after the command, and stands in every command that is advised", async () => {
    const host = new CliHost();
    await host.expectCode(0, "launch", "T-1");
    host.cwd = host.directory;
    for (const argv of [
      ["--workspace", "project", "launch", "T-1"],
      ["launch", "T-1", "--workspace=project"],
    ]) {
      const { err } = await host.expectCode(3, ...argv);
      expect(err).toContain("launch-claim stop --workspace project T-1");
    }
  });

  test.each(["missing", ""])("that is %j is a usage error", async (name) => {
    const { err } = await new CliHost().expectCode(
      2,
      "status",
      "--workspace",
      name || "",
      ...(name ? [] : []),
    );
    expect(err).toContain("error: the workspace");
  });

  test("with a configuration that cannot be used launches nothing, and disarms nothing else", async () => {
    const host = new CliHost();
    fs.writeFileSync(host.configFile(), '{"timeouts":{"stopMs":0}}');
    await host.expectCode(0, "status");
    const { err } = await host.expectCode(2, "launch", "T-1");
    expect(err).toMatch(/error: .*timeouts\.stopMs.*but came 0\nhint: /u);
    await host.expectCode(1, "logs", "T-1");
  });
});

/** The files and packages that are loaded with a file: what it imports, but not what it imports when it is used. */
function loadedWith(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const source = fs.readFileSync(file, "utf8");
  for (const [, from = ""] of source.matchAll(/^(?:import|export)(?! type)[^;]*? from "([^"]+)";$/gmu)) {
    if (from.startsWith(".")) loadedWith(resolve(dirname(file), from.replace(/\.js$/u, ".ts")), seen);
    else seen.add(from);
  }
  return seen;
}

describe("what is loaded", () => {
  const packages = (file: string) =>
    [...loadedWith(join(root, file))].filter((name) => !name.startsWith("/") && !name.startsWith("node:"));

  test("for --version and --help is no package at all, nor for any command's help", () => {
    expect(packages("src/cli/main.ts")).toEqual([]);
    for (const name of NAMES) expect(packages(`src/cli/commands/${name}.ts`), name).toEqual([]);
  });

  test("for what only looks is no schema, no machine, and nothing that starts or stops a Pod", () => {
    expect(packages("src/reading.ts")).toEqual(["env-paths"]);
    const loaded = [...loadedWith(join(root, "src/reading.ts"))].join("\n");
    expect(loaded).toContain("guardian-probe.ts");
    expect(loaded).not.toMatch(/guardian-runtime|protocol\/|launch\/|machine\.ts/u);
  });

  test("for what looks, stops and ends is no machine", () => {
    const loaded = [...loadedWith(join(root, "src/launcher-tools.ts"))].join("\n");
    expect(loaded).toContain("zod");
    expect(loaded).not.toMatch(/xstate|launcher\.ts|machine\.ts/u);
  });
});
