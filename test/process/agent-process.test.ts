import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startAgent } from "../../src/pod/agent-process.js";
import { chooseProof } from "../../src/pod/reaper.js";
import { nativeLocks } from "../../src/registry/native-locks.js";
import {
  end,
  namingDirectory,
  notedPid,
  pidOf,
  startTestAgent,
  testLaunch,
} from "../fixtures/escape-agents.js";
import { isRunning, locksHeld, processAt, waitUntil } from "../fixtures/processes.js";

describe.each(["kernel", "scan"] as const)("an agent at %s level", (proof) => {
  test("an agent whose gate is never opened ends without having run anything", async () => {
    const { agent, directory } = await startTestAgent(proof, "plain");
    expect(isRunning(pidOf(agent, "agent"))).toBe(true);
    agent.stdin.end();
    expect(await agent.exited).toEqual({ code: 0, signal: null });
    await agent.gone;
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  test("the pid that is told before the gate opens is the program's", async () => {
    const started = await startTestAgent(proof, "plain");
    started.agent.open();
    started.agent.open();
    expect(await notedPid(started.directory, "agent")).toBe(pidOf(started.agent, "agent"));
    await end(started);
  });

  test("the program gets every byte after the gate's, and its exact arguments and environment", async () => {
    const { directory, launchId } = testLaunch();
    const script =
      'my $in = do { local $/; <STDIN> }; print join "|", $in, @ARGV, $ENV{PERL_UNICODE}, $ENV{ODD}';
    const agent = await startAgent({
      command: ["perl", "-e", script, "--", "a b", "$HOME;*", "", directory],
      cwd: directory,
      environment: {
        PATH: process.env["PATH"],
        LAUNCH_CLAIM_LAUNCH_ID: launchId,
        PERL_UNICODE: "0",
        ODD: " ü\n",
      },
      proof,
    });
    let output = "";
    agent.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    agent.open();
    agent.stdin.end("first\nsecond");
    await Promise.all([agent.gone, new Promise((resolve) => agent.stdout.once("end", resolve))]);
    expect(output).toBe(`first\nsecond|a b|$HOME;*||${directory}|0| ü\n`);
  });

  test("the agent inherits no descriptor, and leads its own process group", async () => {
    const { directory, launchId, environment } = testLaunch();
    // A program that opens nothing by itself.
    const agent = await startAgent({ command: ["cat"], cwd: directory, environment, proof });
    agent.open();
    agent.stdin.write("runs\n");
    await new Promise((resolve) => agent.stdout.once("data", resolve));
    const pid = pidOf(agent, "agent");
    const inherited = fs
      .readdirSync(`/proc/${pid}/fd`)
      .filter((fd) => !(proof === "scan" && isLeakOfHost(fd)));
    expect(inherited).toEqual(["0", "1", "2"]);
    const [, group] = /\) \S \d+ (\d+) /u.exec(fs.readFileSync(`/proc/${pid}/stat`, "latin1")) ?? [];
    expect(group).toBe(String(pid));
    await end({ agent, directory, launchId });
  });

  test("the agent starts with no ignored and no blocked signal", async () => {
    const { directory, launchId, environment } = testLaunch();
    const agent = await startAgent({
      command: ["grep", "-E", "Sig(Ign|Blk)", "/proc/self/status"],
      cwd: directory,
      environment,
      proof,
    });
    let output = "";
    agent.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    agent.open();
    await end({ agent, directory, launchId }, { farewell: () => agent.gone });
    expect(output).toMatch(/^SigBlk:\s+0+\nSigIgn:\s+0+\n$/u);
  });

  test.each([
    ["exits", "0", { code: 0, signal: null }],
    ["exits", "7", { code: 7, signal: null }],
    ["dies", "SEGV", { code: null, signal: "SIGSEGV" }],
    ["dies", "KILL", { code: null, signal: "SIGKILL" }],
  ])("tells how it ended: %s %s", async (manner, argument, exit) => {
    const { agent } = await startTestAgent(proof, manner, { argument });
    agent.open();
    expect(await agent.exited).toEqual(exit);
    await agent.gone;
  });

  test("a program that does not exist ends with 127", async () => {
    const { directory, environment } = testLaunch();
    const agent = await startAgent({
      command: ["/nowhere/no-such-agent", directory],
      cwd: directory,
      environment,
      proof,
    });
    agent.open();
    expect(await agent.exited).toEqual({ code: 127, signal: null });
    await agent.gone;
    if (proof === "kernel") expect(agent.execFailure()).toBe("No such file or directory");
  });

  test("a directory that does not exist is an error, and nothing is left", async () => {
    const { directory, environment } = testLaunch();
    const cwd = join(directory, "missing");
    const starting = startAgent({ command: ["true", directory], cwd, environment, proof });
    await expect(starting).rejects.toMatchObject({
      code: "runtime_failed",
      message: expect.stringContaining("the directory does not exist") as string,
    });
    expect(namingDirectory(directory)).toEqual([]);
  });

  test("of its stderr the last 20 lines are kept, each cut at 2 KiB, and every line is told", async () => {
    const lines = Array.from({ length: 30 }, (_, index) => `line ${index}`);
    const argument = [...lines, "x".repeat(100_000), "without an end"].join("\n");
    const told: string[] = [];
    const { agent } = await startTestAgent(proof, "says", {
      argument,
      onStderr: (line) => told.push(line),
    });
    agent.open();
    await agent.gone;
    await waitUntil(() => told.length === 32, {
      deadlineMs: 5_000,
      what: () => `32 lines, not ${told.length}`,
    });
    expect(agent.stderrTail()).toEqual([...lines.slice(12), "x".repeat(2048), "without an end"]);
    expect(told.slice(0, 30)).toEqual(lines);
  });

  test("what is written to an agent that has ended becomes no unhandled error", async () => {
    const { agent } = await startTestAgent(proof, "exits", { argument: "0" });
    agent.open();
    await agent.exited;
    agent.stdin.write("x".repeat(1_000_000));
    agent.stdin.write("y");
    await agent.gone;
    agent.open();
    agent.stdin.end();
  });

  test("that the agent has closed its stdout does not count as its end", async () => {
    const started = await startTestAgent(proof, "closes-stdout");
    const ended = new Promise((resolve) => started.agent.stdout.once("end", resolve));
    started.agent.open();
    await ended;
    const pid = await notedPid(started.directory, "agent");
    expect(isRunning(pid)).toBe(true);
    expect(await end(started)).toEqual({ kind: "gone", proof });
    expect(isRunning(pid)).toBe(false);
  });
});

describe("the reaper", () => {
  test("alone holds the agent lock, until nothing is left", async () => {
    const lockFile = join(testLaunch().directory, "agent.lock");
    const fd = fs.openSync(lockFile, "a+");
    expect(nativeLocks().tryLock(fd)).toBe(true);
    const started = await startTestAgent("kernel", "plain", { agentLockFd: fd });
    fs.closeSync(fd);
    started.agent.open();
    const pid = await notedPid(started.directory, "agent");
    expect(filesOf(pid)).not.toContain(lockFile);
    expect(filesOf(pidOf(started.agent, "reaper"))).toContain(lockFile);
    expect(locksHeld(lockFile)).toBe(true);
    expect(await end(started)).toEqual({ kind: "gone", proof: "kernel" });
    expect(locksHeld(lockFile)).toBe(false);
  });

  test("shares the lock with no agent that still stands at its gate", async () => {
    const lockFile = join(testLaunch().directory, "agent.lock");
    const fd = fs.openSync(lockFile, "a+");
    nativeLocks().tryLock(fd);
    const { agent } = await startTestAgent("kernel", "plain", { agentLockFd: fd });
    fs.closeSync(fd);
    const pid = pidOf(agent, "agent");
    await waitUntil(() => !filesOf(pid).includes(lockFile), {
      deadlineMs: 5_000,
      what: "the child to let go",
    });
    agent.stdin.end();
    await agent.gone;
  });

  test.each(["SIGHUP", "SIGINT", "SIGPIPE", "SIGQUIT", "SIGUSR1", "SIGALRM"] as const)(
    "does not die of %s",
    async (signal) => {
      const started = await startTestAgent("kernel", "plain");
      started.agent.open();
      await notedPid(started.directory, "agent");
      const reaper = pidOf(started.agent, "reaper");
      process.kill(reaper, signal);
      // A blocked signal that is pending was delivered, and did nothing.
      const pending = () => /^ShdPnd:\s+0*[1-9a-f]/mu.test(fs.readFileSync(`/proc/${reaper}/status`, "utf8"));
      await waitUntil(pending, { deadlineMs: 5_000, what: `${signal} to be delivered` });
      expect(isRunning(reaper)).toBe(true);
      expect(await end(started)).toEqual({ kind: "gone", proof: "kernel" });
    },
  );

  test("lets go of the agent's stdin and stdout, so that their ends are seen", async () => {
    const { agent } = await startTestAgent("kernel", "plain");
    const reaper = pidOf(agent, "reaper");
    expect(filesOf(reaper).slice(0, 3)).toEqual(["/dev/null", "/dev/null", "/dev/null"]);
    agent.stdin.end();
    await agent.gone;
  });

  test("ends an agent that stands at its gate, told to end all", async () => {
    const { agent } = await startTestAgent("kernel", "plain");
    process.kill(pidOf(agent, "reaper"), "SIGTERM");
    expect(await agent.exited).toEqual({ code: null, signal: "SIGKILL" });
    await agent.gone;
    expect(agent.isProvenGone()).toBe(true);
  });

  test("if it is killed itself, that is no word of the kernel, and the agent is found all the same", async () => {
    const started = await startTestAgent("kernel", "stubborn");
    started.agent.open();
    const pid = await notedPid(started.directory, "agent");
    process.kill(pidOf(started.agent, "reaper"), "SIGKILL");
    await started.agent.gone;
    expect(started.agent.isProvenGone()).toBe(false);
    expect(isRunning(pid)).toBe(true);
    expect(await end(started, { hurry: AbortSignal.abort(), withinMs: 60_000 })).toEqual({
      kind: "gone",
      proof: "scan",
    });
    expect(isRunning(pid)).toBe(false);
    expect(await started.agent.exited).toEqual({ code: null, signal: "unknown" });
  });

  test("keeps its mark readable, and leaves no zombie", async () => {
    const started = await startTestAgent("kernel", "double-fork");
    started.agent.open();
    const helper = await notedPid(started.directory, "helper");
    const reaper = pidOf(started.agent, "reaper");
    const environment = fs.readFileSync(`/proc/${reaper}/environ`, "latin1").split("\0");
    expect(environment).toContain(`LAUNCH_CLAIM_LAUNCH_ID=${started.launchId}`);
    await waitUntil(() => processAt(helper)?.parent === reaper, {
      deadlineMs: 5_000,
      what: "the orphan to come to the reaper",
    });
    process.kill(helper, "SIGKILL");
    await waitUntil(() => !fs.existsSync(`/proc/${helper}`), {
      deadlineMs: 5_000,
      what: "the orphan to be reaped",
    });
    await end(started);
  });

  test("a broken PERL5OPT of the agent's is not the reaper's", async () => {
    const { directory, launchId, environment } = testLaunch();
    const agent = await startAgent({
      command: ["sh", "-c", 'echo "$PERL5OPT:$PERL_BADLANG:$LAUNCH_CLAIM_KEPT_PERL5OPT" >seen', directory],
      cwd: directory,
      environment: { ...environment, PERL5OPT: "-MNo::Such::Module", LC_ALL: "xx_YY.UTF-8" },
      proof: "kernel",
    });
    agent.open();
    await end({ agent, directory, launchId }, { farewell: () => agent.gone });
    expect(fs.readFileSync(join(directory, "seen"), "utf8")).toBe("-MNo::Such::Module::\n");
    expect(agent.stderrTail()).toEqual([]);
  });
});

describe("the choice of proof", () => {
  const linux = { platform: "linux", arch: "x64", listsChildren: true };
  const path = { PATH: process.env["PATH"] };

  test("is the kernel's word wherever that works", () => {
    expect(spawnSync("perl", ["-e", "1"]).status).toBe(0);
    expect(chooseProof(path, linux)).toBe("kernel");
    expect(chooseProof({ ...path, LAUNCH_CLAIM_PROOF: "kernel" }, linux)).toBe("kernel");
    expect(chooseProof(path)).toBe("kernel");
  });

  test.each([
    { ...linux, platform: "darwin" },
    { ...linux, arch: "riscv64" },
    { ...linux, listsChildren: false },
  ])("is a scan elsewhere, and to demand the other is an error: %j", (host) => {
    expect(chooseProof(path, host)).toBe("scan");
    expect(() => chooseProof({ ...path, LAUNCH_CLAIM_PROOF: "kernel" }, host)).toThrow(
      expect.objectContaining({ code: "request_invalid" }),
    );
  });

  test("can be demanded to be a scan, and to be nothing else", () => {
    expect(chooseProof({ ...path, LAUNCH_CLAIM_PROOF: "scan" }, linux)).toBe("scan");
    expect(() => chooseProof({ ...path, LAUNCH_CLAIM_PROOF: "faith" }, linux)).toThrow(
      expect.objectContaining({ code: "request_invalid" }),
    );
  });
});

function filesOf(pid: number): string[] {
  return fs.readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
}

/** What the host of these tests let slip through to everything it starts. A guardian closes such before it starts an agent. */
function isLeakOfHost(fd: string): boolean {
  if (!fs.existsSync(`/proc/self/fdinfo/${fd}`)) return false;
  const [, flags = "0"] =
    /^flags:\s+(\d+)$/mu.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, "latin1")) ?? [];
  return (Number.parseInt(flags, 8) & 0o2000000) === 0;
}

function linkOf(path: string): string {
  try {
    return fs.readlinkSync(path);
  } catch {
    return "";
  }
}
