/** The program itself, as a process, from the build. */
import { spawn } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { CliHost } from "../fixtures/cli-host.js";
import { waitUntil } from "../fixtures/processes.js";

const MAIN = fileURLToPath(new URL("../../dist/bin/launch-claim.js", import.meta.url));

function start(host: CliHost, ...argv: string[]) {
  const child = spawn(process.execPath, [MAIN, ...argv], {
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
