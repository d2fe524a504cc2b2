import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { KnownAgent } from "../../src/cli/known-agents.js";
import { versionOf } from "../../src/cli/program-version.js";
import { CliHost } from "../fixtures/cli-host.js";
import { isRunning, waitUntil } from "../fixtures/processes.js";
import { temporaryDirectory } from "../fixtures/temporary.js";

/** A command line whose PATH is one directory, and what is put there. */
class Bench extends CliHost {
  readonly programs = join(this.directory, "bin");

  constructor() {
    super();
    fs.mkdirSync(this.programs);
    this.env["PATH"] = this.programs;
  }

  program(name: string, script: string): string {
    return writeProgram(join(this.programs, name), script);
  }

  /** As npm installs one: a link to a file of the package. */
  installPackage(name: string, { version, bin }: { version: unknown; bin: unknown }): string {
    const place = join(this.directory, "lib", name);
    fs.mkdirSync(place, { recursive: true });
    fs.writeFileSync(join(place, "package.json"), JSON.stringify({ name, version, bin }));
    writeProgram(join(place, "cli.js"), "exit 3");
    const link = join(this.programs, name);
    fs.symlinkSync(join(place, "cli.js"), link);
    return link;
  }

  async agents(): Promise<Map<string, KnownAgent>> {
    const [told] = await this.json(0, "agents");
    return new Map((told as unknown as { agents: KnownAgent[] }).agents.map((agent) => [agent.name, agent]));
  }
}

function writeProgram(file: string, script: string): string {
  fs.writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return file;
}

const mine = (command: string[]) => ({ agents: { mine: { driver: "acp", command } } });

describe("agents", () => {
  test("lists every preset, with where it is found, and how one that is not can be installed", async () => {
    const bench = new Bench();
    const file = bench.installPackage("gemini", { version: "0.61.0", bin: { gemini: "cli.js" } });
    const agents = await bench.agents();
    expect([...agents.keys()]).toEqual(["opencode", "claude", "codex", "gemini", "qwen", "copilot"]);
    expect(agents.get("gemini")).toEqual({
      name: "gemini",
      from: "preset",
      driver: "acp",
      command: ["gemini", "--acp"],
      found: true,
      file,
      version: "0.61.0",
      needsTrust: false,
      restores: "no",
      restoresBecause: expect.stringContaining("0.61.0") as unknown,
      install: "npm install --global @google/gemini-cli",
    });
    expect(agents.get("codex")).toMatchObject({ found: false, restores: "yes" });
    expect(agents.get("codex")).not.toHaveProperty("file");
  });

  test("tells people the same, and what is to be installed apart from it", async () => {
    const bench = new Bench();
    bench.installPackage("qwen", { version: "0.24.4", bin: "cli.js" });
    const { out, err } = await bench.expectCode(0, "agents");
    expect(out).toMatch(/^AGENT +FROM +VERSION +RESTORES +PROGRAM +COMMAND\n/u);
    expect(out).toMatch(/^qwen +preset +0\.24\.4 +yes +\/.*qwen +qwen --acp$/mu);
    expect(out).toMatch(/^opencode +preset +yes +not found +opencode acp$/mu);
    expect(err).toContain("to install opencode: npm install --global opencode-ai\n");
    expect(err).not.toContain("to install qwen");
  });

  test("a configured agent takes the place of the preset of its name", async () => {
    const bench = new Bench();
    bench.configure({ agents: { gemini: { driver: "acp", command: ["my-gemini"] } } });
    const agents = await bench.agents();
    expect(agents.size).toBe(6);
    expect(agents.get("gemini")).toMatchObject({
      from: "configuration",
      command: ["my-gemini"],
      restores: "offered",
    });
  });

  test("nothing of a configuration that is not trusted is run, not even for its version", async () => {
    const bench = new Bench();
    const mark = join(bench.directory, "ran");
    bench.program("mine", `: > ${mark}; echo 1.2.3`);
    bench.configure(mine(["mine"]));
    expect((await bench.agents()).get("mine")).toMatchObject({ found: true, needsTrust: true });
    const { out, err } = await bench.expectCode(0, "agents");
    expect(out).toMatch(/^mine +configuration +needs trust /mu);
    expect(err).toContain("launch-claim trust");
    expect(fs.existsSync(mark)).toBe(false);

    await bench.expectCode(0, "trust");
    expect((await bench.agents()).get("mine")).toMatchObject({ version: "1.2.3", needsTrust: false });
    expect(fs.existsSync(mark)).toBe(true);
  });

  test("what a program answers is shown with everything invisible made visible", async () => {
    const bench = new Bench();
    bench.program("gemini", String.raw`printf '\033[31mred\033[0m\nsecond line\n'`);
    const { out } = await bench.expectCode(0, "agents");
    expect(out).toContain("\\u001b[31mred");
    expect(out).not.toContain("\u001b");
    expect(out).not.toContain("second line");
  });

  test("a file that cannot be run is told as that", async () => {
    const bench = new Bench();
    fs.writeFileSync(join(bench.programs, "gemini"), "", { mode: 0o644 });
    expect((await bench.expectCode(0, "agents")).out).toMatch(/^gemini .* not executable: \//mu);
  });

  test("bad configuration is 2", async () => {
    const bench = new Bench();
    bench.configure({ agents: { mine: {} } });
    expect((await bench.expectCode(2, "agents")).err).toContain("agents.mine.driver");
  });
});

describe("the version of a program", () => {
  const env = { PATH: process.env["PATH"] };

  test("is not that of a package which does not name it as its own", async () => {
    const place = temporaryDirectory();
    fs.writeFileSync(join(place, "package.json"), JSON.stringify({ version: "9.9.9", bin: "other.js" }));
    fs.writeFileSync(join(place, "other.js"), "");
    const file = writeProgram(join(place, "tool"), "echo tool 1.0");
    expect(await versionOf(file, { mayRun: true, env })).toBe("tool 1.0");
    expect(await versionOf(file, { mayRun: false, env })).toBeUndefined();
  });

  test.each(["exit 1", "echo 1.0; exit 1", ":", "kill -9 $$"])(
    "is unknown of one that does: %s",
    async (script) => {
      const file = writeProgram(join(temporaryDirectory(), "tool"), script);
      expect(await versionOf(file, { mayRun: true, env })).toBeUndefined();
    },
  );

  test("is unknown of one that does not answer, and nothing of it is left", async () => {
    const place = temporaryDirectory();
    const file = writeProgram(join(place, "tool"), `sleep 600 & echo $! > ${place}/pid; wait`);
    expect(await versionOf(file, { mayRun: true, env, withinMs: 1_000 })).toBeUndefined();
    const pid = Number(fs.readFileSync(join(place, "pid"), "utf8"));
    await waitUntil(() => !isRunning(pid), { deadlineMs: 10_000, what: "the end of what it had started" });
  });

  test("is bounded, whatever is printed", async () => {
    const file = writeProgram(
      join(temporaryDirectory(), "tool"),
      "yes | head -c 300000 | tr '\\n' y; exit 0",
    );
    expect((await versionOf(file, { mayRun: true, env }))?.length).toBeLessThan(100);
  });
});
