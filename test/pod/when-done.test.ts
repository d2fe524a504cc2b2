/** A guardian whose launcher goes, at each moment, and one whose work is done. */
import fs from "node:fs";
import { describe, expect, it } from "vitest";
import type { Acceptance, Claim } from "../../machines/launch.types.js";
import type { LaunchLock, RoleSession } from "../../src/ports.js";
import { settleClaim } from "../../src/pod/settle-claim.js";
import { locksHeld, processesOfLaunch, waitUntil } from "../fixtures/processes.js";
import { AT_ONCE } from "../fixtures/guardian-runtime.js";
import { dial, patient, promptsIn, runOf, startPod, untilGone, type TestPod } from "./bench.js";

const chunk = { update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "On it." } } };
const DEADLINE = { deadlineMs: 20_000 };

/** Its run has ended, and its launcher is gone, so that whatever it does next is its own decision. */
async function doneAndAlone(pod: TestPod): Promise<Acceptance> {
  const client = dial(pod.socket);
  client.send(runOf(pod.launchId));
  const accepted = await client.first("run_accepted");
  await client.first("run_ended");
  pod.runtime.detach(pod.pod);
  await seenGone(pod);
  return accepted["evidence"] as Acceptance;
}

async function seenGone(pod: TestPod): Promise<void> {
  await waitUntil(async () => (await dial(pod.socket).first("snapshot"))["launcher"] === "gone", {
    ...DEADLINE,
    what: "the launcher to be missed",
  });
}

async function claim(pod: TestPod, lock: LaunchLock, acceptance: Acceptance): Promise<void> {
  const { ticket, launchId } = pod;
  const at = new Date().toISOString();
  const runtime = { kind: "guardian", locator: { ...pod.pod.locator } };
  const claim: Claim = {
    ticket,
    role: "coder",
    pod: pod.pod.name,
    launchId,
    claimedAt: at,
    adopted: true,
    acceptance,
    runtime,
  };
  const session: RoleSession = {
    pod: pod.pod.name,
    role: "coder",
    launchId,
    origin: "launch",
    tickets: [ticket],
    createdAt: at,
    updatedAt: at,
  };
  expect(await pod.registry.commit(lock, { claim, session }, patient)).toMatchObject({ kind: "committed" });
}

describe("a Pod whose work is done", () => {
  it("waits while it is unclaimed, can be adopted, and stops once its claim was seen", async () => {
    const pod = await startPod({ more: { whenDone: "stop" } });
    const acceptance = await doneAndAlone(pod);
    expect((await pod.runtime.findAccepted(pod.ticket))?.launchId).toBe(pod.launchId);
    await claim(pod, pod.launchLock, acceptance);
    // Still under the launch lock: the launch may be in the middle of its commit.
    expect((await pod.registry.probeLocks(pod.ticket)).pod).toBe("held");
    pod.launchLock.close();
    await untilGone(pod.launchId);
    expect(await pod.registry.read(pod.ticket)).toMatchObject({ kind: "claim" });
  });

  it("ends its claim into history when it is to be released, and then stops", async () => {
    const pod = await startPod({ more: { whenDone: "release" } });
    await claim(pod, pod.launchLock, await doneAndAlone(pod));
    pod.launchLock.close();
    await untilGone(pod.launchId);
    expect(await pod.registry.read(pod.ticket)).toBeUndefined();
    const [entry] = await pod.registry.history(pod.ticket);
    expect(entry).toMatchObject({ how: "released", by: "guardian", claim: { launchId: pod.launchId } });
    expect(entry?.reason).toContain("end_turn");
  });

  it("does not even look at its claim while the launch lock is held", async () => {
    const pod = await startPod({});
    const acceptance = await doneAndAlone(pod);
    await claim(pod, pod.launchLock, acceptance);
    const { registry, ticket, launchId } = pod;
    const asked: string[] = [];
    const watched: Parameters<typeof settleClaim>[1]["registry"] = Object.assign(
      Object.create(registry) as typeof registry,
      {
        async lockLaunch(...args: Parameters<typeof registry.lockLaunch>) {
          const lock = await registry.lockLaunch(...args);
          asked.push(lock ? "locked" : "busy");
          return lock;
        },
        async read(...args: Parameters<typeof registry.read>) {
          asked.push("read");
          return await registry.read(...args);
        },
      },
    );
    const settled = settleClaim(
      { release: false, ending: undefined },
      { registry: watched, ticket, launchId, launcherGone: Promise.resolve(), ...patient },
    );
    await waitUntil(() => asked.length >= 2, { ...DEADLINE, what: "two attempts" });
    expect(asked.slice(0, 2)).toEqual(["busy", "busy"]);
    pod.launchLock.close();
    expect(await settled).toBeNull();
    expect(asked.slice(-2)).toEqual(["locked", "read"]);
  });

  it("stops by itself when it has been idle for so long, claimed or not", async () => {
    const pod = await startPod({ more: { idleStopMs: 100 } });
    const client = dial(pod.socket);
    client.send(runOf(pod.launchId));
    await client.first("run_ended");
    await untilGone(pod.launchId);
    expect((await pod.record()).state).toBe("ended");
  });
});

describe("a Pod whose launcher goes", () => {
  it("before it is ready ends by itself", async () => {
    const settled: Promise<void>[] = [];
    const started = startPod({
      script: { initialize: "stall" },
      own: (pod, runtime) => {
        const isStarted = () =>
          processesOfLaunch(pod.launchId).some(({ command }) => command.includes("scripted-agent"));
        const leave = async () => {
          await waitUntil(isStarted, { ...DEADLINE, what: "the agent" });
          runtime.detach(pod);
          await untilGone(pod.launchId);
        };
        settled.push(leave());
      },
    });
    await expect(started).rejects.toMatchObject({ code: "pod_not_started" });
    expect(settled).toHaveLength(1);
    await Promise.all(settled);
  });

  it("when it is ready ends by itself, and leaves its record ended", async () => {
    const pod = await startPod({});
    pod.runtime.detach(pod.pod);
    await untilGone(pod.launchId);
    expect((await pod.record()).state).toBe("ended");
    expect(fs.existsSync(pod.socket)).toBe(false);
    expect(locksHeld(`${pod.directory}/../../../locks/T-1.agent`)).toBe(false);
  });

  it("in the settle window of its evidence ends by itself, and was never accepted", async () => {
    const pod = await startPod({
      script: { prompt: [chunk, { stall: true }] },
      evidence: { ...AT_ONCE, settleMs: 600_000 },
    });
    const client = dial(pod.socket);
    client.send(runOf(pod.launchId));
    await client.first("update");
    pod.runtime.detach(pod.pod);
    await untilGone(pod.launchId);
    expect(promptsIn(pod.promptsFile)).toBe(1);
    expect(client.all("run_accepted")).toEqual([]);
    expect((await pod.record()).acceptance).toBeUndefined();
  });
});
