/** What a real guardian says to its clients, and what it keeps and holds. */
import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { environmentOf, locksHeld, processesOfLaunch, waitUntil } from "../fixtures/processes.js";
import { temporaryDirectory } from "../fixtures/temporary.js";
import { dial, patient, promptsIn, runOf, startPod, untilGone } from "./bench.js";

const chunk = { update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "On it." } } };

function filesUnder(directory: string): string[] {
  return fs
    .readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Which files of the registry's locks this process has open. */
function locksOpenIn(pid: number): string[] {
  return fs
    .readdirSync(`/proc/${pid}/fd`)
    .flatMap((fd) => {
      try {
        return [fs.readlinkSync(`/proc/${pid}/fd/${fd}`)];
      } catch {
        return [];
      }
    })
    .filter((path) => path.includes("/locks/"))
    .map((path) => path.slice(path.lastIndexOf(".") + 1));
}

describe("a guardian's Pod", () => {
  it("answers the same run with what is known, and sends it once; another launch's it refuses", async () => {
    const pod = await startPod({});
    const { launchId } = pod;
    const client = dial(pod.socket);
    expect(await client.first("snapshot")).toMatchObject({ launch_id: launchId, launcher: "present" });
    client.send(runOf(launchId));
    const ended = await client.first("run_ended");
    const accepted = await client.first("run_accepted");
    const later = dial(pod.socket);
    expect(await later.first("snapshot")).toMatchObject({
      run: { ...accepted, stop_reason: ended["stop_reason"] },
    });
    later.send(runOf(launchId));
    expect(await later.first("run_accepted")).toEqual(accepted);
    expect(await later.first("run_ended")).toEqual(ended);
    later.send(runOf("another", "text", launchId));
    expect(await later.first("run_rejected")).toMatchObject({ code: "pod_mismatch" });
    expect(later.all("run_accepted")).toHaveLength(1);
    expect(promptsIn(pod.promptsFile)).toBe(1);
  });

  it("answers everybody who asks for a run that is pending, and sends it once", async () => {
    const pod = await startPod({
      script: { prompt: [{ permission: { options: [] } }, { end: "end_turn" }] },
    });
    const [one, two] = [dial(pod.socket), dial(pod.socket)];
    for (const client of [one, two, one]) {
      client.send(runOf(pod.launchId));
      await client.roundTrip();
    }
    expect(await one.first("run_accepted")).toEqual(await two.first("run_accepted"));
    expect(promptsIn(pod.promptsFile)).toBe(1);
  });

  it("passes a permission request to its clients, late ones too, and the answer to the agent", async () => {
    const options = [{ optionId: "yes", name: "Yes", kind: "allow_once" }];
    const toolCall = { toolCallId: "call" };
    const pod = await startPod({
      script: { prompt: [{ permission: { options, toolCall } }, { end: "end_turn" }] },
    });
    const client = dial(pod.socket);
    client.send(runOf(pod.launchId));
    const asked = await client.first("permission_request");
    const late = dial(pod.socket);
    expect(await late.first("permission_request")).toEqual(asked);
    const outcome = { outcome: "selected", optionId: "yes" } as const;
    late.send({
      method: "permission_response",
      params: { request_id: String(asked["request_id"]), outcome },
    });
    await client.first("run_ended");
    expect(JSON.stringify(client.all("update"))).toContain(String.raw`\"optionId\":\"yes\"`);
  });

  it("tells its peers who it is, and when its run has ended", async () => {
    const root = temporaryDirectory();
    const peer = await startPod({ root, id: "peer" });
    const pod = await startPod({ root });
    const heard = dial(peer.socket);
    await heard.first("snapshot");
    const client = dial(pod.socket);
    client.send({ method: "register_peer", params: { name: "nobody" } });
    expect(await client.first("error")).toMatchObject({ code: "peer_not_registered", peer: "nobody" });
    client.send({ method: "register_peer", params: { name: peer.pod.name } });
    await client.first("peer_registered");
    client.send(runOf(pod.launchId));
    await waitUntil(() => heard.all("notify").length === 2, { deadlineMs: 20_000, what: "two notices" });
    expect(heard.all("notify")[0]).toMatchObject({ from: pod.pod.name });
    expect(heard.all("notify")[1]?.["message"]).toContain("ended");
  });

  it("ends by shutdown, and leaves neither process nor lock nor socket", async () => {
    const pod = await startPod({});
    dial(pod.socket).send({ method: "shutdown" });
    await untilGone(pod.launchId);
    expect((await pod.record()).state).toBe("ended");
    expect(fs.existsSync(pod.socket)).toBe(false);
    // A process that ends gives up its memory, by which it is found, a moment before its descriptors.
    await waitUntil(async () => (await pod.registry.probeLocks(pod.ticket)).pod === "free", {
      deadlineMs: 20_000,
      what: "the Pod lock to be free",
    });
  });

  it("works on after acceptance when its launcher has gone, and says so", async () => {
    const pod = await startPod({ script: { prompt: [chunk, { stall: true }] } });
    const client = dial(pod.socket);
    client.send(runOf(pod.launchId));
    await client.first("run_accepted");
    pod.runtime.detach(pod.pod);
    await waitUntil(async () => (await dial(pod.socket).first("snapshot"))["launcher"] === "gone", {
      deadlineMs: 20_000,
      what: "the snapshot to say that the launcher is gone",
    });
    expect((await pod.runtime.findAccepted(pod.ticket))?.launchId).toBe(pod.launchId);
  });

  it("ends by itself when its launcher goes before acceptance, also with a run under way", async () => {
    const pod = await startPod({ script: { prompt: [{ stall: true }] } });
    const client = dial(pod.socket);
    client.send(runOf(pod.launchId));
    await waitUntil(() => promptsIn(pod.promptsFile) === 1, { deadlineMs: 20_000, what: "the prompt" });
    expect(await pod.runtime.findAccepted(pod.ticket)).toBeUndefined();
    pod.runtime.detach(pod.pod);
    await untilGone(pod.launchId);
  });

  it("refuses a run whose receipt cannot be written, and is not accepted", async () => {
    const pod = await startPod({});
    fs.renameSync(pod.directory, `${pod.root}/moved`);
    fs.writeFileSync(pod.directory, "in the way");
    const client = dial(pod.socket);
    client.send(runOf(pod.launchId));
    expect(await client.first("run_rejected")).toMatchObject({ code: "io_failed" });
    expect(client.all("run_accepted")).toEqual([]);
    pod.runtime.detach(pod.pod);
    await untilGone(pod.launchId);
  });

  it("holds the Pod lock alone, its reaper alone the agent lock, and the agent neither", async () => {
    const pod = await startPod({});
    const { locks } = { locks: join(pod.directory, "../../../locks") };
    expect(locksOpenIn(await pod.pidOf("guardian"))).toEqual(["pod"]);
    expect(locksOpenIn(await pod.pidOf("reaper"))).toEqual(["agent"]);
    expect(locksOpenIn(await pod.pidOf("agent"))).toEqual([]);
    for (const kind of ["pod", "agent"]) expect(locksHeld(join(locks, `T-1.${kind}`)), kind).toBe(true);
  });

  it("writes the prompt into no file of the registry", async () => {
    const pod = await startPod({});
    const client = dial(pod.socket);
    client.send(runOf(pod.launchId));
    await client.first("run_ended");
    for (const file of filesUnder(join(pod.root, "home")))
      expect(fs.readFileSync(file, "latin1"), file).not.toContain("secret prompt");
  });

  it("shows what its agent says on stderr without the terminal's escapes", async () => {
    const pod = await startPod({ script: { onStart: [{ stderr: "\u001b[2Jcleared\u202e\n" }] } });
    const log = () => fs.readFileSync(join(pod.directory, "pod.log"), "utf8");
    await waitUntil(() => log().includes("cleared"), { deadlineMs: 20_000, what: "the line in the log" });
    expect(log()).toContain(String.raw`\u001b[2Jcleared\u202e`);
    expect(log()).not.toContain("\u001b");
  });

  it("is not disturbed by an update that nests deeper than can be passed on", async () => {
    const pod = await startPod({ script: { prompt: [{ deepUpdate: 20_000 }, chunk, { end: "end_turn" }] } });
    const client = dial(pod.socket);
    await client.first("snapshot");
    client.send(runOf(pod.launchId));
    expect(await client.first("run_ended")).toMatchObject({ stop_reason: "end_turn" });
  });

  it("gives NODE_OPTIONS to its agent and keeps it from itself", async () => {
    const before = process.env["NODE_OPTIONS"];
    process.env["NODE_OPTIONS"] = "--no-deprecation";
    process.env["NODE_CHANNEL_FD"] = "3";
    try {
      const pod = await startPod({});
      const [guardian, agent] = [await pod.pidOf("guardian"), await pod.pidOf("agent")];
      expect(environmentOf(guardian).some((entry) => entry.startsWith("NODE_OPTIONS="))).toBe(false);
      expect(environmentOf(agent)).toContain("NODE_OPTIONS=--no-deprecation");
      for (const pid of [guardian, agent])
        expect(environmentOf(pid).some((entry) => entry.startsWith("NODE_CHANNEL_FD="))).toBe(false);
    } finally {
      delete process.env["NODE_CHANNEL_FD"];
      if (before === undefined) delete process.env["NODE_OPTIONS"];
      else process.env["NODE_OPTIONS"] = before;
    }
  });
});

describe("a guardian that is killed or stopped", () => {
  it("leaves a Pod that lingers, its pids named, until stop clears it", async () => {
    const pod = await startPod({ script: { ignoreStdinEnd: true, ignoreSigterm: true } });
    const agent = await pod.pidOf("agent");
    process.kill(await pod.pidOf("guardian"), "SIGKILL");
    await waitUntil(async () => (await pod.registry.probeLocks(pod.ticket)).pod === "free", {
      deadlineMs: 20_000,
      what: "the Pod lock to be free",
    });
    const reference = {
      ticket: pod.ticket,
      pod: pod.pod.name,
      launchId: pod.launchId,
      runtime: { kind: "guardian", locator: pod.pod.locator },
    };
    const probe = await pod.runtime.probe(reference, { ...patient, podLock: "free" });
    expect(probe).toMatchObject({ probe: "lingering", pids: expect.arrayContaining([agent]) as number[] });
    expect(await pod.runtime.stop(pod.pod, { ...patient, withinMs: 8_000 })).toMatchObject({ stopped: true });
    expect(processesOfLaunch(pod.launchId)).toEqual([]);
  });

  it("is continued by stop when it stands still, and leaves nothing", async () => {
    const pod = await startPod({ script: { ignoreStdinEnd: true } });
    process.kill(await pod.pidOf("guardian"), "SIGSTOP");
    expect(await pod.runtime.stop(pod.pod, { ...patient, withinMs: 3_000 })).toMatchObject({ stopped: true });
    expect(processesOfLaunch(pod.launchId)).toEqual([]);
  });
});
