import { getEventListeners } from "node:events";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import {
  clockByHand,
  forEver,
  Held,
  inState,
  LaunchHost,
  LONG,
  outcomeAs,
  stateOf,
  stepsOf,
  turns,
  watchUnhandled,
} from "../fixtures/launch-host.js";
import { waitUntil } from "../fixtures/processes.js";
import type { CommitAnswer, LaunchLock } from "../../src/ports.js";
import type { PodScript } from "../../src/testing/pod-script.js";

const ticket = { id: "T-1" };
const ALL_STATES = [
  "idle",
  "spawning.admitting",
  "spawning.starting",
  "connecting.dialing",
  "connecting.registeringPeers",
  "awaitingRunAck",
  "committingClaim.writing",
  "claimed",
];

describe("the progress of a launch", () => {
  test("is every state from the first, in order, for several readers, and for one that comes when it has ended", async () => {
    const host = new LaunchHost();
    const held = new Held<"ok">();
    host.runtime.script(ticket.id, { connect: held.call });
    const launch = host.launcher().launch({ ticket });
    const early = stepsOf(launch);
    await inState(launch, "connecting.dialing");
    const inTheMiddle = stepsOf(launch);
    held.settle("ok");
    await outcomeAs(launch.outcome, "claimed");

    expect(await early).toEqual(ALL_STATES);
    expect(await inTheMiddle).toEqual(ALL_STATES);
    expect(await stepsOf(launch)).toEqual(ALL_STATES);
  });

  test("is told while the launch goes on, not at its end", async () => {
    const host = new LaunchHost();
    const held = new Held<"accept">();
    host.runtime.script(ticket.id, { requestRun: held.call });
    const launch = host.launcher().launch({ ticket });
    const seen: string[] = [];
    for await (const { state } of launch) {
      seen.push(state);
      if (state === "awaitingRunAck") break;
    }
    expect(seen).toEqual(ALL_STATES.slice(0, 6));
    // A reader that has left disturbs neither the launch nor the next reader.
    held.settle("accept");
    await outcomeAs(launch.outcome, "claimed");
    expect(await stepsOf(launch)).toEqual(ALL_STATES);
  });

  test("passes through stopping when a run was refused", async () => {
    const host = new LaunchHost();
    host.runtime.script(ticket.id, { requestRun: "reject" });
    expect(await stepsOf(host.launcher().launch({ ticket }))).toEqual([
      ...ALL_STATES.slice(0, 6),
      "stopping",
      "failed",
    ]);
  });

  test("carries the launcher's time", async () => {
    const host = new LaunchHost();
    const { clock } = clockByHand();
    const launch = host.launcher({ clock: { ...clock, now: () => 0 } }).launch({ ticket });
    for await (const { at } of launch) expect(at).toBe("1970-01-01T00:00:00.000Z");
    const { claim } = await outcomeAs(launch.outcome, "claimed");
    expect(claim.claimedAt).toBe("1970-01-01T00:00:00.000Z");
  });
});

describe("a launch that is cancelled", () => {
  const states: { state: string; phase: string; script: (held: Held<never>) => PodScript }[] = [
    { state: "spawning.starting", phase: "spawning", script: ({ call }) => ({ create: call }) },
    { state: "spawning.starting", phase: "spawning", script: ({ call }) => ({ start: call }) },
    { state: "connecting.dialing", phase: "connecting", script: ({ call }) => ({ connect: call }) },
    {
      state: "connecting.registeringPeers",
      phase: "connecting",
      script: ({ call }) => ({ registerPeer: call }),
    },
    { state: "awaitingRunAck", phase: "awaitingRunAck", script: ({ call }) => ({ requestRun: call }) },
  ];

  for (const { state, phase, script } of states) {
    const what = Object.keys(script(new Held()))[0]!;
    test(`in ${state}, at ${what}, is cancelled in ${phase}, and leaves nothing`, async () => {
      const host = new LaunchHost();
      const held = new Held<never>();
      host.runtime.script(ticket.id, script(held));
      const launcher = host.launcher();
      const launch = launcher.launch({ ticket, peers: ["panel"], timeouts: LONG });
      await held.called();
      expect(stateOf(launch)).toBe(state);
      launch.cancel("the user has closed the panel");

      const outcome = await outcomeAs(launch.outcome, "cancelled");
      expect(outcome).toMatchObject({ phase, message: "the user has closed the panel" });
      expect((await stepsOf(launch)).slice(-2)).toEqual(["stopping", "cancelled"]);
      host.expectNothingLeft(ticket.id);
      host.runtime.script(ticket.id, {});
      await outcomeAs(launcher.launch({ ticket }).outcome, "claimed");
    });
  }

  test("in spawning.admitting is cancelled at once; the lock that arrives later is given back", async () => {
    const host = new LaunchHost();
    const held = new Held<undefined>();
    const late: (LaunchLock | undefined)[] = [];
    const registry = host.registryWith({
      lockLaunch: async (of) => {
        await held.call();
        // As slow as can be: what was given up long ago is taken all the same.
        const lock = await host.files.lockLaunch(of, forEver);
        late.push(lock);
        return lock;
      },
    });
    const launch = host.launcher({ registry }).launch({ ticket, timeouts: LONG });
    await held.called();
    launch.cancel();
    const outcome = await outcomeAs(launch.outcome, "cancelled");
    expect(outcome).toMatchObject({ phase: "spawning", proof: "nothingStarted" });
    held.settle(undefined);
    await waitUntil(() => late.length > 0, { deadlineMs: 10_000, what: "the late lock" });
    await turns();
    expect(late.map((lock) => lock?.held)).toEqual([false]);
    host.expectNothingLeft(ticket.id);
    await outcomeAs(host.launcher().launch({ ticket }).outcome, "claimed");
  });

  test("while the claim is being committed goes on, and is claimed", async () => {
    const host = new LaunchHost();
    const held = new Held<undefined>();
    const registry = host.registryWith({
      commit: async (...args): Promise<CommitAnswer> => {
        await held.call();
        return await host.files.commit(...args);
      },
    });
    const controller = new AbortController();
    const launch = host.launcher({ registry }).launch({ ticket, timeouts: LONG, signal: controller.signal });
    await held.called();
    launch.cancel();
    controller.abort();
    held.settle(undefined);
    await outcomeAs(launch.outcome, "claimed");
    host.expectClaimed(ticket.id, launch.launchId);
  });

  test("while it is stopping ends as it would have, and when it has ended, nothing happens any more", async () => {
    const host = new LaunchHost();
    const unhandled = watchUnhandled();
    const held = new Held<"ok">();
    host.runtime.script(ticket.id, { requestRun: "reject", stop: held.call, deaf: true });
    const launch = host.launcher().launch({ ticket, timeouts: LONG });
    await inState(launch, "stopping");
    await held.called();
    launch.cancel();
    held.settle("ok");
    await outcomeAs(launch.outcome, "failed");
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    onTestFinished(() => warn.mockRestore());
    launch.cancel();
    launch.cancel("again");
    await turns();
    // The library prints nothing; XState does, where a bundler or a test runner has it built for development.
    expect(warn).not.toHaveBeenCalled();
    expect(await launch.outcome).toMatchObject({ status: "failed" });
    expect(unhandled.map(String)).toEqual([]);
    host.expectNothingLeft(ticket.id);
  });
});

describe("the signal of a request", () => {
  test("that is aborted already keeps the launch from touching anything", async () => {
    const host = new LaunchHost();
    const signal = AbortSignal.abort(new Error("too late"));
    const launch = host.launcher().launch({ ticket, signal });
    const outcome = await outcomeAs(launch.outcome, "cancelled");
    expect(outcome).toEqual({
      status: "cancelled",
      phase: "idle",
      message: "too late",
      proof: "nothingStarted",
    });
    expect(await stepsOf(launch)).toEqual(["idle", "cancelled"]);
    expect(await host.files.pods(ticket)).toEqual([]);
    expect(getEventListeners(signal, "abort")).toEqual([]);
    host.expectNothingLeft(ticket.id);
  });

  test("cancels the launch with its reason when it is aborted in the middle", async () => {
    const host = new LaunchHost();
    const held = new Held<never>();
    host.runtime.script(ticket.id, { requestRun: held.call });
    const controller = new AbortController();
    const launch = host.launcher().launch({ ticket, signal: controller.signal, timeouts: LONG });
    await held.called();
    controller.abort("the window was closed");
    const outcome = await outcomeAs(launch.outcome, "cancelled");
    expect(outcome).toMatchObject({ phase: "awaitingRunAck", message: "the window was closed" });
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    host.expectNothingLeft(ticket.id);
  });

  test("has a listener while the launch is under way, and none when it has ended, whichever way", async () => {
    const host = new LaunchHost();
    const { signal } = new AbortController();
    const ends: { status: "claimed" | "blocked" | "failed" | "unresolved"; script: PodScript }[] = [
      { status: "claimed", script: {} },
      { status: "blocked", script: {} },
      { status: "failed", script: { requestRun: "reject" } },
      { status: "unresolved", script: { requestRun: "reject", stop: "unproven" } },
    ];
    for (const { status, script } of ends) {
      const id = status === "blocked" ? "claimed" : status;
      host.runtime.script(id, script);
      const launch = host.launcher().launch({ ticket: { id }, signal });
      expect(getEventListeners(signal, "abort")).toHaveLength(1);
      await outcomeAs(launch.outcome, status);
      expect(getEventListeners(signal, "abort")).toEqual([]);
    }
  });

  test("that is aborted when its launch has ended disturbs nothing", async () => {
    const host = new LaunchHost();
    const unhandled = watchUnhandled();
    const controller = new AbortController();
    const launch = host.launcher().launch({ ticket, signal: controller.signal });
    await outcomeAs(launch.outcome, "claimed");
    controller.abort();
    await turns();
    host.expectClaimed(ticket.id, launch.launchId);
    expect(unhandled.map(String)).toEqual([]);
  });
});

describe("the launches in flight", () => {
  test("are named from the call on until the outcome is known", async () => {
    const host = new LaunchHost();
    const held = new Held<"ok">();
    host.runtime.script(ticket.id, { start: held.call });
    const launcher = host.launcher();
    expect(launcher.inFlight()).toEqual([]);
    const launch = launcher.launch({ ticket });
    expect(launcher.inFlight()).toMatchObject([{ ticket, launchId: launch.launchId }]);
    const other = launcher.launch({ ticket: { id: "T-2" } });
    expect(launcher.inFlight().map(({ ticket: { id } }) => id)).toEqual(["T-1", "T-2"]);
    await other.outcome;
    expect(launcher.inFlight().map(({ ticket: { id } }) => id)).toEqual(["T-1"]);
    held.settle("ok");
    await launch.outcome;
    expect(launcher.inFlight()).toEqual([]);
  });

  test("exclude each other in one process: the second is blocked and told by whom", async () => {
    const host = new LaunchHost();
    const held = new Held<"ok">();
    host.runtime.script(ticket.id, { start: held.call });
    const launcher = host.launcher();
    const first = launcher.launch({ ticket });
    await held.called();
    const second = await outcomeAs(launcher.launch({ ticket }).outcome, "blocked");
    expect(second).toMatchObject({
      by: "inFlight",
      pod: { launchId: first.launchId },
      holder: { pid: process.pid },
    });
    held.settle("ok");
    await outcomeAs(first.outcome, "claimed");
    host.expectClaimed(ticket.id, first.launchId);
  });
});
