import { spawn } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { endSurvivors } from "../../src/pod/end-survivors.js";
import { findSurvivors } from "../../src/pod/survivors.js";
import type { PodProcess } from "../../src/ports.js";
import { nativeLocks } from "../../src/registry/native-locks.js";
import { identityOf } from "../../src/processes.js";
import {
  end,
  escapeCommand,
  namingDirectory,
  notedPid,
  pidOf,
  startTestAgent,
  testLaunch,
} from "../fixtures/escape-agents.js";
import { environmentOf, isRunning, locksHeld, waitUntil } from "../fixtures/processes.js";

/** At once, and however long it takes on a busy machine. */
const KILL = { hurry: AbortSignal.abort(), withinMs: 60_000 };

describe.each(["kernel", "scan"] as const)("the end of an agent at %s level", (proof) => {
  test.each(["grandchild", "new-session", "double-fork"])("takes a helper with it: %s", async (manner) => {
    const started = await startTestAgent(proof, manner);
    started.agent.open();
    const helper = await notedPid(started.directory, "helper");
    expect(await end(started, { withinMs: 2_000 })).toEqual({ kind: "gone", proof });
    expect(isRunning(helper)).toBe(false);
    expect(namingDirectory(started.directory)).toEqual([]);
  });

  test("an idle agent needs no signal: the end of its stdin is enough", async () => {
    const started = await startTestAgent(proof, "plain");
    started.agent.open();
    await notedPid(started.directory, "agent");
    const log: string[] = [];
    expect(await end(started, { log: (line) => log.push(line) })).toEqual({ kind: "gone", proof });
    expect(await started.agent.exited).toEqual({ code: 0, signal: null });
    expect(log).toEqual([]);
  });

  test("an agent that heeds SIGTERM gets it, once, and no SIGKILL", async () => {
    const started = await startTestAgent(proof, "terminable");
    started.agent.open();
    await notedPid(started.directory, "agent");
    const log: string[] = [];
    await end(started, { withinMs: 5_000, log: (line) => log.push(line) });
    expect(await started.agent.exited).toEqual({ code: 0, signal: null });
    expect(fs.existsSync(join(started.directory, "terminated.pid"))).toBe(true);
    expect(log).toEqual([`SIGTERM to agent ${pidOf(started.agent, "agent")}`]);
  });

  test("an agent that ignores SIGTERM is killed", async () => {
    const started = await startTestAgent(proof, "stubborn");
    started.agent.open();
    await notedPid(started.directory, "agent");
    expect(await end(started, { withinMs: 2_000 })).toEqual({ kind: "gone", proof });
    expect(await started.agent.exited).toEqual({ code: null, signal: "SIGKILL" });
  });

  test("a stopped agent is killed, too", async () => {
    const started = await startTestAgent(proof, "plain");
    started.agent.open();
    process.kill(await notedPid(started.directory, "agent"), "SIGSTOP");
    expect(await end(started, KILL)).toEqual({ kind: "gone", proof });
  });

  test("a farewell that never ends, or is refused, holds nothing up", async () => {
    for (const farewell of [
      () => new Promise<void>(() => undefined),
      () => Promise.reject(new Error("no")),
    ]) {
      const started = await startTestAgent(proof, "plain");
      started.agent.open();
      expect(await end(started, { withinMs: 2_000, farewell })).toEqual({ kind: "gone", proof });
    }
  });

  test("in a hurry it is killed at once, without a farewell, however long it might have taken", async () => {
    const started = await startTestAgent(proof, "stubborn");
    started.agent.open();
    await notedPid(started.directory, "agent");
    const farewell = () => Promise.reject(new Error("there was no time for it"));
    const log: string[] = [];
    const hurry = AbortSignal.abort();
    await end(started, { withinMs: 1_000_000, farewell, hurry, log: (line) => log.push(line) });
    expect(log).toEqual([`SIGKILL to agent ${pidOf(started.agent, "agent")}`]);
  });

  test("a hurry that comes in the middle cuts short what is under way", async () => {
    const started = await startTestAgent(proof, "stubborn");
    started.agent.open();
    await notedPid(started.directory, "agent");
    const hurry = new AbortController();
    const farewell = () => {
      setImmediate(() => hurry.abort());
      return new Promise<void>(() => undefined);
    };
    expect(await end(started, { withinMs: 1_000_000, farewell, hurry: hurry.signal })).toEqual({
      kind: "gone",
      proof,
    });
  });

  test("a nested Pod survives, and holds up no proof", async () => {
    const started = await startTestAgent(proof, "nested");
    started.agent.open();
    const nested = await notedPid(started.directory, "helper");
    expect(environmentOf(nested)).toContain("LAUNCH_CLAIM_LAUNCH_ID=another-launch");
    expect(await end(started)).toEqual({ kind: "gone", proof });
    expect(isRunning(nested)).toBe(true);
  });

  test("a nested Pod survives the killing, too", async () => {
    const started = await startTestAgent(proof, "nested");
    started.agent.open();
    const nested = await notedPid(started.directory, "helper");
    expect(await end(started, KILL)).toEqual({ kind: "gone", proof });
    expect(isRunning(nested)).toBe(true);
  });
});

describe("what scrubs its environment and daemonises", () => {
  test("is ended at kernel level", async () => {
    const started = await startTestAgent("kernel", "scrubbed");
    started.agent.open();
    const helper = await notedPid(started.directory, "helper");
    expect(await end(started, KILL)).toEqual({ kind: "gone", proof: "kernel" });
    expect(isRunning(helper)).toBe(false);
  });

  test("escapes a scan: the limit that the README states", async () => {
    const started = await startTestAgent("scan", "scrubbed");
    started.agent.open();
    const helper = await notedPid(started.directory, "helper");
    expect(await end(started, KILL)).toEqual({ kind: "gone", proof: "scan" });
    expect(isRunning(helper)).toBe(true);
  });

  test("is ended at kernel level even if it forks anew every 2 ms, each time into a session of its own", async () => {
    const started = await startTestAgent("kernel", "refork-scrubbed");
    started.agent.open();
    await notedPid(started.directory, "helper");
    expect(await end(started, KILL)).toEqual({ kind: "gone", proof: "kernel" });
    expect(namingDirectory(started.directory)).toEqual([]);
  });

  test("is named while it cannot be ended", async () => {
    const started = await startTestAgent("kernel", "scrubbed");
    started.agent.open();
    const helper = await notedPid(started.directory, "helper");
    const reaper = pidOf(started.agent, "reaper");
    started.agent.stdin.end();
    await started.agent.exited;
    const { processes } = started.agent;
    const found = findSurvivors({ launchId: started.launchId, processes });
    expect(found.map(({ pid }) => pid).sort()).toEqual([helper, reaper].sort());
    await end(started, KILL);
  });
});

describe("what is left by a guardian that was killed", () => {
  const GUARDIAN = fileURLToPath(new URL("../../dist/test/fixtures/escape-guardian.js", import.meta.url));

  /** An agent, its reaper and the lock file, of a guardian that is dead. */
  async function orphaned(manner: string) {
    const { directory, launchId, environment } = testLaunch();
    const lockFile = join(directory, "agent.lock");
    const slipped = fs.openSync(join(directory, "slipped"), "w");
    const guardian = spawn(process.execPath, [GUARDIAN, lockFile, ...escapeCommand(manner, directory)], {
      cwd: directory,
      env: environment,
      // Node closes only the lowest 16 descriptors on exec: what a host lets slip through as a higher one goes on and on.
      stdio: ["ignore", "pipe", "inherit", ...Array<"ignore">(17).fill("ignore"), slipped],
    });
    fs.closeSync(slipped);
    onTestFinished(() => void guardian.kill("SIGKILL"));
    const line = await new Promise<Buffer>((resolve) => guardian.stdout!.once("data", resolve));
    const processes = JSON.parse(line.toString()) as PodProcess[];
    const helper = await notedPid(directory, manner === "stubborn" ? "agent" : "helper");
    const dead = new Promise((resolve) => guardian.once("exit", resolve));
    guardian.kill("SIGKILL");
    await dead;
    const agentLock = () => probe(lockFile);
    return { directory, launchId, processes, helper, lockFile, agentLock };
  }

  test.each(["stubborn", "double-fork", "scrubbed", "refork-scrubbed"])(
    "holds the agent lock, and can be ended: %s",
    async (manner) => {
      const { directory, launchId, processes, lockFile, agentLock } = await orphaned(manner);
      expect(locksHeld(lockFile)).toBe(true);
      expect(processes.some(({ as, pid }) => as === "reaper" && isRunning(pid))).toBe(true);
      const signal = new AbortController().signal;
      const result = await endSurvivors({ launchId, processes, withinMs: 10_000, signal, agentLock });
      expect(result).toEqual({ kind: "gone", proof: "kernel" });
      expect(locksHeld(lockFile)).toBe(false);
      expect(namingDirectory(directory)).toEqual([]);
    },
  );

  test("has none of the descriptors that a host let slip through to the guardian", async () => {
    const { directory, launchId, processes, helper, agentLock } = await orphaned("stubborn");
    const files = [helper, ...processes.map(({ pid }) => pid)].flatMap((pid) =>
      fs.readdirSync(`/proc/${pid}/fd`).map((fd) => fs.readlinkSync(`/proc/${pid}/fd/${fd}`)),
    );
    expect(files).toContain(join(directory, "agent.lock"));
    expect(files).not.toContain(join(directory, "slipped"));
    const signal = new AbortController().signal;
    await endSurvivors({ launchId, processes, withinMs: 10_000, signal, agentLock });
  });

  test("is told by pid while its lock is held, even by a reaper that stands still", async () => {
    const { launchId, processes, helper, agentLock } = await orphaned("scrubbed");
    const reaper = processes.find(({ as }) => as === "reaper")!.pid;
    const signal = new AbortController().signal;
    // A record of another boot names nobody: only the lock says that something is left.
    const foreign = processes.map((recorded) => ({ ...recorded, bootId: "another" }));
    const blind = await endSurvivors({
      launchId: "unknown",
      processes: foreign,
      withinMs: 0,
      signal,
      agentLock,
    });
    expect(blind).toEqual({ kind: "left", pids: [] });
    expect(isRunning(helper)).toBe(true);

    process.kill(reaper, "SIGSTOP");
    const result = await endSurvivors({ launchId, processes, withinMs: 10_000, signal, agentLock });
    expect(result).toEqual({ kind: "gone", proof: "kernel" });
    expect(isRunning(helper)).toBe(false);
  });

  test("is nothing at all if the agent stood at its gate", async () => {
    const { directory, launchId, environment } = testLaunch();
    const agent = await startTestAgent("kernel", "plain", { cwd: directory, environment });
    agent.agent.stdin.destroy();
    await agent.agent.gone;
    const { processes } = agent.agent;
    const signal = new AbortController().signal;
    const result = await endSurvivors({
      launchId,
      processes,
      withinMs: 1_000,
      signal,
      agentLock: () => "free",
    });
    expect(result).toEqual({ kind: "gone", proof: "scan" });
  });

  test("is not said to be gone by a scan that has not looked again: without the time for that it is named", async () => {
    const { agent, directory, launchId } = await startTestAgent("scan", "stubborn");
    agent.open();
    const pid = await notedPid(directory, "agent");
    const { processes } = agent;
    const signal = new AbortController().signal;
    const ending = { launchId, processes, signal, agentLock: () => "free" as const };
    expect(await endSurvivors({ ...ending, withinMs: 0 })).toEqual({ kind: "left", pids: [pid] });
    expect(await endSurvivors({ ...ending, withinMs: 10_000 })).toEqual({ kind: "gone", proof: "scan" });
    expect(isRunning(pid)).toBe(false);
  });

  test("a pid that was given to another is never signalled", async () => {
    const { directory, launchId } = testLaunch();
    const bystander = spawn("sleep", ["300"], { cwd: directory, stdio: "ignore", detached: true });
    onTestFinished(() => void bystander.kill("SIGKILL"));
    await waitUntil(() => bystander.pid !== undefined, { deadlineMs: 5_000, what: "the bystander" });
    const now = identityOf(bystander.pid!)!;
    const processes = (["reaper", "agent"] as const).map((as) => ({ ...now, startTime: "1", as }));
    const signal = new AbortController().signal;
    const result = await endSurvivors({
      launchId,
      processes,
      withinMs: 1_000,
      signal,
      agentLock: () => "free",
    });
    expect(result).toEqual({ kind: "gone", proof: "scan" });
    expect(isRunning(now.pid, now.startTime)).toBe(true);
  });
});

function probe(path: string): "held" | "free" {
  const fd = fs.openSync(path, "r");
  try {
    return nativeLocks().tryLock(fd, { shared: true }) ? "free" : "held";
  } finally {
    fs.closeSync(fd);
  }
}
