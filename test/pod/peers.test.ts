/** Two real Pods: one that hands off, and its Orchestrator. */
import fs from "node:fs";
import { describe, expect, it } from "vitest";
import type { LaunchPlan } from "../../machines/launch.types.js";
import type { AgentScript } from "../../src/testing/scripted-agent/script.js";
import { waitUntil } from "../fixtures/processes.js";
import { temporaryDirectory } from "../fixtures/temporary.js";
import { dial, patient, runOf, startPod, untilGone } from "./bench.js";

const SOON = { deadlineMs: 20_000 };

/** An Orchestrator that has taken its first run, and a Pod whose peer it is. */
async function handOff(script: AgentScript = {}, more: Partial<LaunchPlan> = {}) {
  const root = temporaryDirectory();
  const orchestrator = await startPod({ root, id: "peer" });
  const heard = dial(orchestrator.socket);
  heard.send(runOf(orchestrator.launchId));
  await heard.first("run_ended");
  const pod = await startPod({ root, script, more });
  const client = dial(pod.socket);
  client.send({ method: "register_peer", params: { name: orchestrator.pod.name } });
  await client.first("peer_registered");
  const notices = () => heard.all("notify").map(({ from, message }) => ({ from, message: String(message) }));
  const untilHeard = (text: string) =>
    waitUntil(() => notices().some(({ message }) => message.includes(text)), {
      ...SOON,
      what: () => `${text} in ${JSON.stringify(notices())}`,
    });
  return { orchestrator, heard, pod, client, notices, untilHeard };
}

describe("a hand-off peer", () => {
  it("is told who the Pod is and when its run has ended, and its agent reads both with its next run", async () => {
    const { orchestrator, heard, pod, client, notices, untilHeard } = await handOff();
    expect(notices()).toHaveLength(1);
    expect(notices()[0]?.message).toContain("T-1");
    client.send(runOf(pod.launchId));
    await untilHeard("has ended: end_turn");
    expect(notices().map(({ from }) => from)).toEqual([pod.pod.name, pod.pod.name]);
    const promptsBefore = fs.readFileSync(orchestrator.promptsFile, "utf8");
    expect(promptsBefore).not.toContain("hands off to you");
    const orchestrators = () =>
      fs
        .readFileSync(orchestrator.promptsFile, "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as { launchId: string; text: string })
        .filter(({ launchId }) => launchId === orchestrator.launchId)
        .map(({ text }) => text);
    heard.send(runOf(orchestrator.launchId, "What is new?", "second"));
    await waitUntil(() => orchestrators().length === 2, { ...SOON, what: "the Orchestrator's second run" });
    expect(orchestrators()[1]).toMatch(/hands off to you[^]*has ended: end_turn[^]*What is new\?$/u);
    await waitUntil(() => heard.all("run_ended").length === 2, { ...SOON, what: "its end" });
    heard.send(runOf(orchestrator.launchId, "And now?", "third"));
    await waitUntil(() => orchestrators().length === 3, { ...SOON, what: "the third run" });
    expect(orchestrators()[2]).toBe("And now?");
  });

  it("is told of the end before a Pod goes that stops with its run", async () => {
    const { pod, client, notices } = await handOff({}, { whenDone: "stop" });
    client.send(runOf(pod.launchId));
    await client.first("run_accepted");
    pod.runtime.detach(pod.pod);
    pod.launchLock.close();
    client.send({ method: "shutdown" });
    await untilGone(pod.launchId);
    await waitUntil(() => notices().length >= 2, { ...SOON, what: "the second notice" });
    expect(notices()[1]?.message).toMatch(/ended|ends/u);
  });

  it("is told that the end of the run will not come, if the Pod is stopped before it", async () => {
    const { pod, untilHeard } = await handOff({ prompt: [{ stall: true }] });
    expect(await pod.runtime.stop(pod.pod, { ...patient, withinMs: 8_000 })).toMatchObject({ stopped: true });
    await untilHeard("ends before its run has: stopped");
  });

  it("that stands still is a refusal in time, and keeps no Pod from its end", async () => {
    const { orchestrator, heard, pod, client } = await handOff();
    await heard.roundTrip();
    process.kill(await orchestrator.pidOf("guardian"), "SIGSTOP");
    const again = dial(pod.socket);
    again.send({ method: "register_peer", params: { name: orchestrator.pod.name } });
    expect(await again.first("error")).toMatchObject({
      code: "peer_not_registered",
      peer: orchestrator.pod.name,
    });
    client.send(runOf(pod.launchId));
    await client.first("run_ended");
    expect(await pod.runtime.stop(pod.pod, { ...patient, withinMs: 8_000 })).toMatchObject({ stopped: true });
    expect((await pod.record()).state).toBe("ended");
  });
});
