import fs from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { podArguments, requireShortSocket, socketIn } from "../../src/pod/agents/yoi-command.js";
import { driveUpstream, LAUNCH_ID, type DrivenUpstream } from "../fixtures/driven-upstream.js";
import { isRunning, waitUntil } from "../fixtures/processes.js";
import { temporaryDirectory } from "../fixtures/temporary.js";
import {
  another,
  failure,
  FINISHED,
  IDLE,
  RUNNING,
  START,
  TURN,
  type UpstreamManner,
  type UpstreamStep,
} from "../fixtures/upstream-pod.js";

const OURS: UpstreamStep = { takes: "ours" };

/** Boots and gives the first run. */
async function prompted(manner: UpstreamManner): Promise<DrivenUpstream> {
  const driven = await driveUpstream(manner);
  await driven.driver.boot();
  driven.driver.prompt("Clarify T-1.");
  return driven;
}

describe("the words of the Pod's command", () => {
  const given = { workspace: "/w", pod: "intake-t-1" };

  it("are workspace, name and profile, and nothing where there is no profile", () => {
    const words = ["pod", "--workspace", "/w", "--pod", "intake-t-1"];
    expect(podArguments({ ...given, profile: "project:intake" })).toEqual([
      ...words,
      "--profile",
      "project:intake",
    ]);
    expect(podArguments({ ...given, profile: undefined })).toEqual(words);
  });

  it.each<[string, Record<string, string>, number]>([
    ["YOI_RUNTIME_DIR", { YOI_RUNTIME_DIR: "/r".padEnd(91, "x") }, 91],
    ["YOI_HOME", { YOI_HOME: "/r".padEnd(87, "x") }, 87],
    ["XDG_RUNTIME_DIR", { XDG_RUNTIME_DIR: "/r".padEnd(87, "x") }, 87],
    ["HOME", { HOME: "/r".padEnd(82, "x") }, 82],
  ])("allow a socket of 107 bytes below %s, and not one more", (_name, environment) => {
    expect(() => requireShortSocket("intake-t-1", environment)).not.toThrow();
    expect(() => requireShortSocket("intake-t-12", environment)).toThrow(/a path of 108 bytes, and 107/u);
  });

  it("name the socket in the ready line, and only there", () => {
    expect(socketIn("YOI-READY\tintake-t-1\t/r/sock\r", "intake-t-1")).toBe("/r/sock");
    expect(socketIn("pod: YOI-READY\tintake-t-1\t/r/sock", "intake-t-1")).toBeUndefined();
    for (const line of ["YOI-READY\tintake-t-1", "YOI-READY\tintake-t-1\tsock", "YOI-READY\ta\t/b\tc"]) {
      expect(() => socketIn(line, "intake-t-1")).toThrow(/cannot be read/u);
    }
  });
});

describe("the boot", () => {
  it("hears a ready line in pieces among noise, split within a character, and alerts before the snapshot", async () => {
    const { driver, logged, told, heard } = await driveUpstream({
      start: [{ stderr: "warming up\n" }, { stderrBytes: "e282" }, { wait: 20 }, { stderrBytes: "ac0a" }],
      ready: { pauseMs: 15 },
      afterReady: [{ stderr: "afterwards\n" }],
      alerts: 3,
    });
    const { agent, session } = await driver.boot();
    expect(agent).toMatchObject({ driver: "yoi", name: "the agent" });
    expect(agent.command?.join(" ")).not.toContain("--workspace");
    expect(session).toEqual({ id: "intake-t-1", restorable: true });
    expect(told.updates).toMatchObject([{ event: "alert" }, { event: "alert" }, { event: "alert" }]);
    await waitUntil(() => logged.includes("afterwards"), { deadlineMs: 20_000, what: "the noise" });
    expect(logged).toEqual(expect.arrayContaining(["warming up", "€"]));
    expect(logged.some((line) => line.startsWith("YOI-READY\tintake-t-1\t/"))).toBe(true);
    expect(heard()[0]?.argv?.slice(-2)).toEqual(["--profile", "project:intake"]);
  });

  it.each<[string, UpstreamManner, string, RegExp]>([
    ["the ready line of another Pod", { ready: { name: "intake-t-2" } }, "pod_mismatch", /"intake-t-2"/u],
    ["another Pod's snapshot", { snapshot: { pod: "x" } }, "pod_mismatch", /"x" answers at the socket/u],
    ["a Pod that runs already", { snapshot: { status: "running" } }, "agent_busy", /is "running"/u],
    [
      "a socket that is none",
      { ready: { socket: "/nowhere/sock" } },
      "pod_unreachable",
      /\/nowhere\/sock cannot be connected to: ENOENT/u,
    ],
    [
      "a socket with a path that is too long",
      { ready: { socket: `/${"x".repeat(107)}` } },
      "socket_path_too_long",
      /108 bytes/u,
    ],
    ["a hang-up", { snapshot: { none: "hangUp" } }, "agent_hung_up", /before it was ready, and lives on/u],
    [
      "an exit",
      { start: [{ stderr: "no such profile\n" }, { exit: 3 }] },
      "agent_exited",
      /exited with code 3/u,
    ],
  ])("is refused by %s", async (_what, manner, code, message) => {
    const { driver, told } = await driveUpstream({ start: [{ stderr: "no such profile\n" }], ...manner });
    await expect(driver.boot()).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
      stderrTail: expect.arrayContaining(["no such profile"]) as unknown,
    });
    expect(told.order).toEqual([]);
  });

  it("is refused by a line without an end", async () => {
    const driven = await driveUpstream({ alerts: 1_000, snapshot: { none: "stall" } }, { maxLineBytes: 20 });
    await expect(driven.driver.boot()).rejects.toMatchObject({ code: "agent_line_too_long" });
  });

  it("of a Pod that never had a run fails with upstream's reason, as a restore and by its name alone", async () => {
    const home = temporaryDirectory();
    const first = await driveUpstream({}, { home });
    await first.driver.boot();
    await first.driver.farewell({ accepted: false, signal: AbortSignal.timeout(20_000) });
    await first.agent.exited;
    const again = await driveUpstream({}, { home, restores: true });
    await expect(again.driver.boot()).rejects.toMatchObject({
      code: "session_not_loaded",
      stderrTail: [expect.stringContaining("no segment is materialized yet") as string],
    });
  });

  it("of a Pod that had a run is a restore by name, without a profile", async () => {
    const home = temporaryDirectory();
    const first = await driveUpstream({}, { home });
    await first.driver.boot();
    first.driver.prompt("Clarify T-1.");
    await first.until("ended");
    await first.driver.farewell({ accepted: true, signal: AbortSignal.timeout(20_000) });
    await first.agent.exited;
    const again = await driveUpstream({}, { home, restores: true });
    expect((await again.driver.boot()).session).toEqual({ id: "intake-t-1", restorable: true });
    expect(again.heard()[0]?.argv).not.toContain("--profile");
  });
});

describe("a run", () => {
  it("is sent once, with the launch in its text, is accepted by its own message, and ends", async () => {
    const driven = await prompted({});
    await driven.until("ended");
    expect(driven.told.evidence).toMatchObject([{ level: "ack", kind: "user_message" }]);
    expect(driven.told.ended).toEqual([{ kind: "done", stopReason: "finished" }]);
    const runs = driven.heard().filter(({ method }) => method === "run");
    const content = `Clarify T-1.\n\n[launch ${LAUNCH_ID}, run 1]`;
    expect(runs).toEqual([{ method: "run", params: { input: [{ kind: "text", content }] } }]);
    // Unaltered, and before what they are evidence for.
    expect(driven.told.updates[1]).toEqual({ event: "invoke_start", data: { kind: "user_send" } });
    expect(driven.told.order.slice(0, 4)).toEqual(["update", "update", "update", "evidence"]);
    driven.driver.prompt("Clarify T-1.");
    await waitUntil(() => driven.told.ended.length === 2, { deadlineMs: 20_000, what: "the second end" });
    expect(driven.told.evidence).toHaveLength(2);
  });

  it.each<[string, readonly UpstreamStep[], object]>([
    [
      "that is rejected",
      [RUNNING, failure("invalid_request", "no such workflow"), IDLE],
      { code: "invalid_request", message: "the Pod did not take the run: invalid_request: no such workflow" },
    ],
    ["whose Pod exits", [RUNNING, { stderr: "panicked\n" }, { exit: 101 }], { code: "agent_exited" }],
    ["whose Pod is killed", [RUNNING, START, { kill: "SIGKILL" }], { code: "agent_exited" }],
    ["whose Pod hangs up", [RUNNING, START, { hangUp: true }, { stall: true }], { code: "agent_hung_up" }],
    ["that is answered by a line without an end", [{ hugeLine: 70_000 }], { code: "agent_line_too_long" }],
  ])("%s has ended before any evidence", async (_what, steps, end) => {
    const driven = await driveUpstream({ runs: [steps] }, { maxLineBytes: 64 * 1024 });
    await driven.driver.boot();
    driven.driver.prompt("Clarify T-1.");
    await driven.until("ended");
    expect(driven.told.ended).toMatchObject([{ kind: "failed", ...end }]);
    expect(driven.told.evidence).toEqual([]);
  });

  it("is not accepted by what others cause, and not rejected by their errors", async () => {
    const runs = [
      [
        RUNNING,
        another("Clarify T-1."),
        failure("already_running"),
        TURN,
        { wait: 900 },
        OURS,
        FINISHED,
        IDLE,
      ],
    ];
    const driven = await prompted({ runs });
    await driven.until("ended");
    const before = driven.told.order.slice(0, driven.told.order.indexOf("evidence"));
    expect(before).toEqual(["update", "update", "update", "update", "update"]);
    expect(driven.told.ended).toEqual([{ kind: "done", stopReason: "finished" }]);
  });

  it("that was stored and told to nobody is found among what is stored", async () => {
    const runs = [[RUNNING, { takes: "silently" } as const, failure("provider_error", "no key"), IDLE]];
    const driven = await prompted({ runs });
    await driven.until("ended");
    expect(driven.told.evidence).toMatchObject([{ level: "ack", kind: "user_message" }]);
    expect(driven.told.ended).toMatchObject([{ kind: "failed", code: "provider_error" }]);
  });

  it("is not ended by another client's error, whenever that comes", async () => {
    const driven = await prompted({ runs: [[RUNNING, START, OURS, TURN, { wait: 300 }, FINISHED, IDLE]] });
    const socket = join(driven.home, "run", "intake-t-1", "sock");
    const other = net.createConnection(socket);
    const run = { method: "run", params: { input: [{ kind: "text", content: "and I?" }] } };
    other.write(`${JSON.stringify(run)}\n`);
    await driven.until("ended");
    other.destroy();
    expect(driven.told.ended).toEqual([{ kind: "done", stopReason: "finished" }]);
  });

  it("is cancelled by the Pod's own method", async () => {
    const driven = await prompted({ runs: [[RUNNING, START, OURS, TURN, { stall: true }]] });
    await driven.until("evidence");
    driven.driver.cancel();
    await driven.until("ended");
    expect(driven.told.ended).toEqual([{ kind: "done", stopReason: "cancelled" }]);
  });
});

describe("the peers", () => {
  it("are handed to the Pod, which says when it knows them", async () => {
    const { driver, heard } = await driveUpstream({});
    await driver.boot();
    await driver.registerPeer?.("orchestrator-1", AbortSignal.timeout(20_000));
    expect(heard().at(-1)).toEqual({ method: "register_peer", params: { name: "orchestrator-1" } });
  });

  it("that it does not know are refused, with its reason", async () => {
    const { driver } = await driveUpstream({ refusesPeers: true });
    await driver.boot();
    await expect(driver.registerPeer?.("x", AbortSignal.timeout(20_000))).rejects.toThrow(/no such Pod/u);
  });
});

describe("the farewell", () => {
  it("asks the Pod to shut down, and returns when it says so", async () => {
    const driven = await prompted({ runs: [[RUNNING, START, OURS, { stall: true }]] });
    await driven.until("evidence");
    await driven.driver.farewell({ accepted: true, signal: new AbortController().signal });
    expect(driven.heard().at(-1)).toEqual({ method: "shutdown" });
    expect(await driven.agent.exited).toEqual({ code: 0, signal: null });
  });

  it("is bounded by its signal, where the Pod does not listen", async () => {
    const { driver, pid } = await driveUpstream({ ignoresShutdown: true });
    await driver.boot();
    await driver.farewell({ accepted: false, signal: AbortSignal.timeout(50) });
    expect(isRunning(pid)).toBe(true);
  });
});

const real = process.env["YOI_BIN"];
if (!real)
  process.stderr.write("skipped: YOI_BIN names no binary, and the real upstream Pod was not tried\n");
describe("the real upstream binary", () => {
  it.skipIf(!real)(`becomes ready and shuts down (YOI_BIN ${real ?? "names none: SKIPPED"})`, async () => {
    expect(fs.existsSync(real ?? "")).toBe(true);
    const { driver, agent } = await driveUpstream({}, { program: [real ?? ""], profile: "builtin:default" });
    expect((await driver.boot()).session?.restorable).toBe(true);
    driver.prompt("Say hello.");
    await driver.farewell({ accepted: false, signal: AbortSignal.timeout(20_000) });
    await agent.exited;
  });
});
