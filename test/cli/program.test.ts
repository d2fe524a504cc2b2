/** The program itself, as a process, from the build. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { CliHost } from "../fixtures/cli-host.js";
import { waitUntil } from "../fixtures/processes.js";

const MAIN = fileURLToPath(new URL("../../dist/bin/launch-claim.js", import.meta.url));

function start(host: CliHost, ...argv: string[]) {
  return startWith(host, [], argv);
}

/** @param under what starts it, as `sh -c … sh` */
function startWith(
  host: CliHost,
  flags: readonly string[],
  argv: readonly string[],
  under: readonly string[] = [],
) {
  const [program = "", ...words] = [...under, process.execPath, ...flags, MAIN, ...argv];
  const child = spawn(program, words, {
    cwd: host.workspace,
    env: { ...process.env, ...host.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const printed = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed.out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (printed.err += text));
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.on("close", (code, signal) => resolve({ code, signal })),
  );
  return { child, printed, ended };
}

/** What the program has loaded by its end, apart from Node's own: the text of each file by its path. */
async function loadedBy(host: CliHost, ...argv: string[]): Promise<ReadonlyMap<string, string>> {
  const list = join(host.workspace, "loaded.json");
  const watch = `process.on("exit", () => require("fs").writeFileSync(${JSON.stringify(list)}, JSON.stringify(Object.keys(require.cache))))`;
  const preload = join(host.workspace, "watch.cjs");
  fs.writeFileSync(preload, watch);
  const { child } = startWith(host, ["--require", preload], argv);
  await once(child, "close");
  const files = JSON.parse(fs.readFileSync(list, "utf8")) as string[];
  const loaded = files.filter((file) => file !== preload);
  return new Map(loaded.map((file) => [file, fs.readFileSync(file, "latin1")]));
}

describe("what is loaded", () => {
  /** The bundle says of each file where it came from. */
  const HEAVY = /\/\/ node_modules\/(?:zod|xstate|yaml|fs-extra|@agentclientprotocol)\//u;

  test.each(["status", "history", "sessions", "tickets"])(
    "for %s is our own code and the locks, and little of it in few files",
    async (command) => {
      const host = new CliHost();
      await host.expectCode(0, "launch", "T-1");
      const loaded = await loadedBy(host, command);
      const [foreign, own] = [[...loaded.keys()].filter(isForeign), [...loaded.values()]];
      expect(foreign.map((file) => file.replace(/^.*node_modules\//u, ""))).toEqual([
        "fs-native-extensions/package.json",
        expect.stringMatching(/^fs-native-extensions\/prebuilds\/.*\.node$/u) as string,
      ]);
      expect(own.filter((text) => HEAVY.test(text))).toEqual([]);
      expect(loaded.size).toBeLessThan(14);
    },
  );

  test("for --version is nothing that any command needs", async () => {
    const loaded = await loadedBy(new CliHost(), "--version");
    expect([...loaded.keys()].filter(isForeign)).toEqual([]);
    expect([...loaded.values()].filter((text) => HEAVY.test(text))).toEqual([]);
    expect(loaded.size).toBeLessThan(5);
  });

  test("for the doctor is more: the test can see what it looks for", async () => {
    const loaded = await loadedBy(new CliHost(), "doctor");
    expect([...loaded.values()].some((text) => HEAVY.test(text))).toBe(true);
  });
});

const isForeign = (file: string) => file.includes("node_modules");

describe("the program", () => {
  test("has a line by which it is run, and exits with the code of its command", async () => {
    expect(fs.readFileSync(MAIN, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/u);
    const { printed, ended } = start(new CliHost(), "stop");
    expect(await ended).toEqual({ code: 2, signal: null });
    expect(printed).toMatchObject({
      out: "",
      err: expect.stringMatching(/^error: "stop" needs <ticket>/u) as string,
    });
  });

  test("in a directory that was removed says so, exit code 2, and needs none to tell its version", async () => {
    const host = new CliHost();
    const gone = join(host.directory, "gone");
    const under = ["sh", "-c", 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"', gone];
    const lost = startWith(host, [], ["status"], under);
    expect(await lost.ended).toEqual({ code: 2, signal: null });
    expect(lost.printed).toEqual({
      out: "",
      err: expect.stringMatching(/^error: the current directory is gone: .*\nhint: .*\n$/u) as string,
    });
    expect(await startWith(host, [], ["--version"], under).ended).toEqual({ code: 0, signal: null });
  });

  test("does not crash when whoever reads its results goes away", async () => {
    const { child, printed, ended } = start(new CliHost(), "paths");
    child.stdout.destroy();
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(printed.err).not.toMatch(/EPIPE|at .*\.js/u);
  });

  test("prints all of a long result into a pipe before it ends", async () => {
    const { printed, ended } = start(new CliHost(), "paths", "--json");
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(() => JSON.parse(printed.out) as unknown).not.toThrow();
    expect(printed.out.length).toBeGreaterThan(64 * 1024);
  });

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "that follows a log ends well by %s",
    async (signal) => {
      const host = new CliHost();
      await host.expectCode(0, "launch", "T-1");
      const [pod = ""] = fs.readdirSync(join(host.registry, "pods", "T-1"));
      fs.writeFileSync(join(host.registry, "pods", "T-1", pod, "pod.log"), "one\n");
      const { child, printed, ended } = start(host, "logs", "T-1", "--follow");
      await waitUntil(() => printed.out === "one\n", { deadlineMs: 20_000, what: "the first line" });
      child.kill(signal);
      expect(await ended).toEqual({ code: 0, signal: null });
    },
  );
});
