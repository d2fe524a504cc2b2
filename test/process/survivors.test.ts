import { spawn } from "node:child_process";
import fs from "node:fs";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ProcessTable, TableEntry } from "../../src/pod/process-table.js";
import { findSurvivors, killSurvivors, survivorsIn } from "../../src/pod/survivors.js";
import type { PodProcess } from "../../src/ports.js";
import { identityOf, ownIdentity } from "../../src/processes.js";
import { testLaunch } from "../fixtures/escape-agents.js";
import { environmentOf, isRunning, processAt, waitUntil } from "../fixtures/processes.js";

const { bootId, pidNamespace } = ownIdentity();
const agent: PodProcess = { pid: 100, startTime: "1000", bootId, pidNamespace, as: "agent" };
const reaper: PodProcess = { pid: 90, startTime: "990", bootId, pidNamespace, as: "reaper" };
const SELF = 1_000;

function table(...entries: (Partial<TableEntry> & { pid: number })[]): ProcessTable {
  const defaults = { parent: 1, startTime: "2000", zombie: false, launchId: undefined };
  return new Map(entries.map((entry) => [entry.pid, { ...defaults, group: entry.pid, ...entry }]));
}

function pidsIn(processes: ProcessTable, recorded: PodProcess[] = [agent], except: number[] = []): number[] {
  return survivorsIn(processes, { launchId: "ours", processes: recorded, except }, SELF).map(
    ({ pid }) => pid,
  );
}

const leader = { pid: 100, startTime: "1000" };

describe("the survivors of a launch", () => {
  test("are what is recorded and still the same", () => {
    expect(pidsIn(table(leader))).toEqual([100]);
    expect(pidsIn(table({ ...leader, startTime: "1001" }))).toEqual([]);
    expect(pidsIn(table(leader), [{ ...agent, bootId: "another" }])).toEqual([]);
    expect(pidsIn(table(leader), [{ ...agent, pidNamespace: "another" }])).toEqual([]);
  });

  test("are what carries its mark, wherever it runs", () => {
    expect(
      pidsIn(table({ pid: 7, launchId: "ours" }, { pid: 8, launchId: "another" }, { pid: 9 }), []),
    ).toEqual([7]);
  });

  test("are what descends from any of them, also where a child has the lower pid", () => {
    const processes = table(
      leader,
      { pid: 50, parent: 100 },
      { pid: 40, parent: 50 },
      { pid: 41, parent: 60 },
    );
    expect(pidsIn(processes).sort()).toEqual([100, 40, 50]);
  });

  test("are what has come back to the reaper", () => {
    const processes = table({ pid: 90, startTime: "990" }, { pid: 300, parent: 90 });
    expect(pidsIn(processes, [reaper, agent])).toEqual([90, 300]);
  });

  test("are the agent's group while its leader lives, be it as a zombie", () => {
    const member = { pid: 200, group: 100 };
    expect(pidsIn(table(leader, member))).toEqual([100, 200]);
    expect(pidsIn(table({ ...leader, zombie: true }, member))).toEqual([200]);
  });

  test("are the agent's group without its leader only if a member is known otherwise", () => {
    const member = { pid: 200, group: 100 };
    expect(pidsIn(table(member))).toEqual([]);
    expect(pidsIn(table(member, { pid: 201, group: 100, launchId: "ours" }))).toEqual([201, 200]);
  });

  test("are never the group of another that was given the agent's pid", () => {
    const other = { ...leader, startTime: "5000" };
    expect(pidsIn(table(other, { pid: 200, group: 100 }))).toEqual([]);
    expect(
      pidsIn(table(other, { pid: 201, group: 100, launchId: "ours" }, { pid: 202, group: 100 })),
    ).toEqual([201]);
  });

  test("are never a nested Pod, nor what descends from it, though it hangs below the agent or is in its group", () => {
    const nested = { pid: 300, parent: 100, group: 100, launchId: "nested" };
    expect(pidsIn(table(leader, nested, { pid: 301, parent: 300 }))).toEqual([100]);
  });

  test("are never a zombie, nor who asks, nor whom it excepts", () => {
    const zombie = { pid: 200, parent: 100, zombie: true };
    const self = { pid: SELF, parent: 100, launchId: "ours" };
    const guardian = { pid: 80, launchId: "ours" };
    expect(pidsIn(table(leader, zombie, self, guardian), [agent], [80])).toEqual([100]);
  });

  test("do not count the innocent children of who asks or is excepted", () => {
    const processes = table(
      { pid: SELF, launchId: "ours" },
      { pid: 5, parent: SELF },
      { pid: 80, launchId: "ours" },
      { pid: 6, parent: 80 },
    );
    expect(pidsIn(processes, [agent], [80])).toEqual([]);
  });

  test("are signalled as a group only where nobody else is in it", () => {
    const lead = (...entries: (Partial<TableEntry> & { pid: number })[]) =>
      survivorsIn(table(leader, ...entries), { launchId: "ours", processes: [agent] }, SELF).find(
        ({ pid }) => pid === 100,
      )?.leadsGroup;
    expect(lead({ pid: 200, group: 100 })).toBe(true);
    expect(lead({ pid: SELF, group: 100 })).toBe(false);
    expect(lead({ pid: 300, group: 100, launchId: "nested" })).toBe(false);
    expect(lead({ pid: 300, group: 100, launchId: "nested", zombie: true })).toBe(true);
  });
});

describe("survivors as they are", () => {
  async function marked(mark: string): Promise<number> {
    const { directory } = testLaunch();
    const child = spawn("sleep", ["300"], {
      cwd: directory,
      env: { ...process.env, LAUNCH_CLAIM_LAUNCH_ID: mark },
      stdio: "ignore",
      detached: true,
    });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    onTestFinished(async () => {
      child.kill("SIGKILL");
      await ended;
    });
    await waitUntil(() => environmentOf(child.pid!).includes(`LAUNCH_CLAIM_LAUNCH_ID=${mark}`), {
      deadlineMs: 5_000,
      what: "the program to run",
    });
    return child.pid!;
  }

  test("are found by their mark, and signalled only while they are the same", async () => {
    const { launchId } = testLaunch();
    const pid = await marked(launchId);
    const other = await marked(`${launchId}0`);
    const [found, ...more] = findSurvivors({ launchId, processes: [] });
    expect(more).toEqual([]);
    expect(found).toMatchObject({ ...identityOf(pid), group: pid, leadsGroup: true });
    // Stopped, it cannot take a signal: one that was sent by mistake stays to be seen.
    process.kill(pid, "SIGSTOP");
    await waitUntil(() => processAt(pid)?.state === "T", { deadlineMs: 5_000, what: "it to stop" });
    for (const leadsGroup of [true, false]) {
      killSurvivors([{ ...found!, startTime: "1", leadsGroup }], "SIGTERM");
      expect(fs.readFileSync(`/proc/${pid}/status`, "utf8")).toMatch(/^ShdPnd:\s+0+$/mu);
    }
    killSurvivors([found!], "SIGKILL");
    await waitUntil(() => !isRunning(pid), { deadlineMs: 5_000, what: "it to die" });
    expect(isRunning(other)).toBe(true);
  });

  test("that are older than the launch are not looked at", async () => {
    const { launchId } = testLaunch();
    const since = identityOf(await marked(launchId))!;
    expect(findSurvivors({ launchId, processes: [], since })).toHaveLength(1);
    const later = { ...since, startTime: String(Number(since.startTime) + 1) };
    expect(findSurvivors({ launchId, processes: [], since: later })).toEqual([]);
  });
});
