import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, onTestFinished, test } from "vitest";
import type {
  JsonObject,
  Launcher,
  LaunchRequest,
  PodRuntime,
  PodSnapshot,
  RunResult,
  StopAnswer,
} from "../../src/index.js";
import type { Outcome } from "../../src/outcome.js";
import type { InProcessPod } from "../../src/testing/index.js";
import {
  clockByHand,
  forEver,
  Held,
  LaunchHost,
  LONG,
  outcomeAs,
  turns,
  watchUnhandled,
} from "../fixtures/launch-host.js";
import { waitUntil } from "../fixtures/processes.js";

type Runtime = PodRuntime<InProcessPod>;

const ticket = { id: "T-1" };
const timeouts = { ...LONG, readyMs: 1_001, connectMs: 1_002, peerMs: 1_003, runAckMs: 1_004, stopMs: 1_005 };
const request: LaunchRequest = { ticket, peers: ["panel"], timeouts };

/** What a careless host throws. */
const foreign: readonly (readonly [string, unknown])[] = [
  ["an Error", new Error("the host's own trouble")],
  ["text", "the host's own trouble"],
  ["nothing", undefined],
  ["null", null],
  ["a number", 42],
  ["a symbol", Symbol("trouble")],
  ["an object without a prototype", Object.create(null)],
  ["an object whose message is no text", { code: 7, message: { not: "text" }, hint: [] }],
];

/** Breaks the machine itself when it reads what was thrown. */
const notToBeLookedAt = {
  get message(): never {
    throw new Error("do not look");
  },
};

function nested(levels: number): JsonObject {
  return levels === 1 ? {} : { further: nested(levels - 1) };
}

async function rejecting(thrown: unknown): Promise<never> {
  throw thrown;
}

/** A call that throws at once, or rejects, in every way there is. */
function failures(): { how: string; call: () => Promise<never> }[] {
  return foreign.flatMap(([what, thrown]) => [
    { how: `rejects with ${what}`, call: () => Promise.reject(thrown) },
    {
      how: `throws ${what} synchronously`,
      call: () => {
        throw thrown as Error;
      },
    },
  ]);
}

interface Expected {
  readonly status: Outcome["status"];
  readonly phase?: string;
}

/** Methods whose failure or silence costs the launch, but nothing else. */
const fatal: readonly {
  method: "start" | "connect" | "requestRun";
  failed: Expected;
  silent: Expected;
  delayMs: number;
}[] = [
  {
    method: "start",
    failed: { status: "failed", phase: "spawning" },
    // A start that never settles may still bring a Pod: nothing can be proven.
    silent: { status: "unresolved", phase: "stopping" },
    delayMs: timeouts.readyMs,
  },
  {
    method: "connect",
    failed: { status: "failed", phase: "connecting" },
    silent: { status: "timedOut", phase: "connecting" },
    delayMs: timeouts.connectMs,
  },
  {
    method: "requestRun",
    failed: { status: "failed", phase: "awaitingRunAck" },
    silent: { status: "timedOut", phase: "awaitingRunAck" },
    delayMs: timeouts.runAckMs,
  },
];

async function expectAdmitted(host: LaunchHost): Promise<void> {
  const launch = host.launcher().launch({ ticket });
  await outcomeAs(launch.outcome, "claimed");
  host.expectClaimed(ticket.id, launch.launchId);
}

for (const { method, failed, silent, delayMs } of fatal) {
  describe(`a runtime whose ${method}`, () => {
    for (const { how, call } of failures()) {
      test(`${how}: the launch has ${failed.status}, and nothing is left`, async () => {
        const host = new LaunchHost();
        const unhandled = watchUnhandled();
        const runtime = host.runtimeWith({ [method]: call });
        const outcome = await host.launcher({ runtime }).launch(request).outcome;
        expect(outcome).toMatchObject(failed);
        host.expectNothingLeft(ticket.id);
        await turns();
        expect(unhandled.map(String)).toEqual([]);
        await expectAdmitted(host);
      });
    }

    test("rejects with what throws when it is looked at: the launch has failed all the same, and nothing is left", async () => {
      const host = new LaunchHost();
      const unhandled = watchUnhandled();
      const reject = () => rejecting(notToBeLookedAt);
      const launch = host.launcher({ runtime: host.runtimeWith({ [method]: reject }) }).launch(request);
      await outcomeAs(launch.outcome, "failed");
      host.expectNothingLeft(ticket.id);
      await turns();
      expect(unhandled.map(String)).toEqual([]);
      await expectAdmitted(host);
    });

    test(`never settles: the launch ends as ${silent.status}; what comes late changes nothing`, async () => {
      const host = new LaunchHost();
      const unhandled = watchUnhandled();
      const held = new Held<never>();
      const { clock, pass } = clockByHand();
      const launch = host
        .launcher({ runtime: host.runtimeWith({ [method]: held.call }), clock })
        .launch(request);
      await held.called();
      pass(delayMs);
      if (silent.status === "unresolved") pass(timeouts.stopMs);
      expect(await launch.outcome).toMatchObject(silent);
      expect(host.observe(ticket.id)).toMatchObject({ claims: [], sessions: [], launchLock: "free" });
      if (silent.status === "timedOut") host.expectNothingLeft(ticket.id);
      held.fail(new Error("late"));
      await turns();
      expect(unhandled.map(String)).toEqual([]);
      if (silent.status === "timedOut") await expectAdmitted(host);
    });
  });
}

describe("a runtime whose start", () => {
  test("never settles, though it has published its Pod: the Pod is stopped, and that is all that can be said: unresolved", async () => {
    const host = new LaunchHost();
    const held = new Held<never>();
    const { clock, pass } = clockByHand();
    const runtime = host.runtimeWith({
      start: async (launch, context) => {
        await host.runtime.start(launch, context);
        return await held.call();
      },
    });
    const launch = host.launcher({ runtime, clock }).launch(request);
    await held.called();
    pass(timeouts.readyMs);
    await waitUntil(() => host.runtime.pods().length === 0, {
      deadlineMs: 10_000,
      what: "the Pod to be stopped",
    });
    pass(timeouts.stopMs);
    await outcomeAs(launch.outcome, "unresolved");
    host.expectNothingLeft(ticket.id);
    await expectAdmitted(host);
  });

  test("settles only after it was given up, deaf to the abort: its Pod is stopped, and the launch has timed out", async () => {
    const host = new LaunchHost();
    const held = new Held<"ok">();
    host.runtime.script(ticket.id, { create: held.call, deaf: true });
    const { clock, pass } = clockByHand();
    const launch = host.launcher({ clock }).launch(request);
    await held.called();
    pass(timeouts.readyMs);
    expect(host.observe(ticket.id).launchLock).toBe("held");
    held.settle("ok");
    expect(await outcomeAs(launch.outcome, "timedOut")).toMatchObject({
      phase: "spawning",
      afterMs: timeouts.readyMs,
    });
    host.expectNothingLeft(ticket.id);
    host.runtime.script(ticket.id, {});
    await expectAdmitted(host);
  });

  test("brings its Pod when the launch has ended as unresolved: it is stopped, and the ticket is free again", async () => {
    const host = new LaunchHost();
    const held = new Held<"ok">();
    host.runtime.script(ticket.id, { create: held.call, deaf: true });
    const { clock, pass } = clockByHand();
    const launch = host.launcher({ clock }).launch(request);
    await held.called();
    pass(timeouts.readyMs);
    pass(timeouts.stopMs);
    await outcomeAs(launch.outcome, "unresolved");
    const blocked = await outcomeAs(host.launcher().launch(request).outcome, "blocked");
    expect(blocked).toMatchObject({ by: "unknown", pod: { launchId: launch.launchId } });

    held.settle("ok");
    await waitUntil(
      async () =>
        (await host.files.pods(ticket)).every((pod) => pod.kind === "pod" && pod.record.state === "ended"),
      { deadlineMs: 10_000, what: "the late Pod to be known as ended" },
    );
    await waitUntil(() => host.runtime.tied().length === 0, {
      deadlineMs: 10_000,
      what: "the late Pod's detach",
    });
    host.expectNothingLeft(ticket.id);
    host.runtime.script(ticket.id, {});
    await expectAdmitted(host);
  });

  test("fails late, without a Pod, when the launch has ended as unresolved: that proves it, and the ticket is free again", async () => {
    const host = new LaunchHost();
    const held = new Held<"fail">();
    host.runtime.script(ticket.id, { create: held.call, deaf: true });
    const { clock, pass } = clockByHand();
    const launch = host.launcher({ clock }).launch(request);
    await held.called();
    pass(timeouts.readyMs);
    pass(timeouts.stopMs);
    await outcomeAs(launch.outcome, "unresolved");
    expect(await host.files.pods(ticket)).toMatchObject([{ record: { state: "unresolved" } }]);
    held.settle("fail");
    await waitUntil(
      async () =>
        (await host.files.pods(ticket)).every((pod) => pod.kind === "pod" && pod.record.state === "ended"),
      { deadlineMs: 10_000, what: "the record to say that nothing runs" },
    );
    host.expectNothingLeft(ticket.id);
    host.runtime.script(ticket.id, {});
    await expectAdmitted(host);
  });

  test("asks for the Pod lock when it was given up long ago: it gets none", async () => {
    const host = new LaunchHost();
    const held = new Held<undefined>();
    const late = new Held<unknown>();
    const runtime = host.runtimeWith({
      start: async (_, context) => {
        await held.call();
        await context.lockPod().then(late.settle, late.fail);
        throw new Error("without a lock there is no Pod");
      },
    });
    const { clock, pass } = clockByHand();
    const launch = host.launcher({ runtime, clock }).launch(request);
    await held.called();
    pass(timeouts.readyMs);
    pass(timeouts.stopMs);
    await outcomeAs(launch.outcome, "unresolved");
    held.settle(undefined);
    await expect(late.call()).rejects.toMatchObject({ name: "LaunchClaimError" });
    expect(host.observe(ticket.id).podLock).toBe("free");
  });

  const other = (pod: InProcessPod): InProcessPod => ({ ...pod, name: "another-pod" });
  const lies: readonly (readonly [string, string, (host: LaunchHost) => Runtime["start"]])[] = [
    [
      "publishes two different Pods",
      "runtime_contract",
      (host) => async (launch, context) => {
        const pod = await host.runtime.start(launch, context);
        context.own(other(pod));
        return pod;
      },
    ],
    [
      "returns another Pod than it has published",
      "runtime_contract",
      (host) => async (launch, context) => other(await host.runtime.start(launch, context)),
    ],
    [
      "returns a Pod that it never published",
      "runtime_contract",
      (host) => async (launch, context) =>
        await host.runtime.start(launch, { ...context, own: () => undefined }),
    ],
    [
      "starts a Pod of another name than it was told",
      "pod_mismatch",
      (host) => async (launch, context) =>
        await host.runtime.start({ ...launch, podName: "not-that-one" }, context),
    ],
    [
      "starts a Pod for another launch than it was told",
      "pod_mismatch",
      (host) => async (launch, context) =>
        await host.runtime.start({ ...launch, launchId: "another-launch-id" }, context),
    ],
  ];
  for (const [what, code, start] of lies) {
    test(`${what}: failed as ${code}, and every Pod of it is stopped`, async () => {
      const host = new LaunchHost();
      const runtime = host.runtimeWith({ start: start(host) });
      const outcome = await outcomeAs(host.launcher({ runtime }).launch(request).outcome, "failed");
      expect(outcome).toMatchObject({ phase: "spawning", code });
      host.expectNothingLeft(ticket.id);
      await expectAdmitted(host);
    });
  }

  for (const garbage of [undefined, null, 7, "a Pod", {}]) {
    test(`returns ${JSON.stringify(garbage)} instead of a Pod: the launch has failed, and says so`, async () => {
      const host = new LaunchHost();
      const unhandled = watchUnhandled();
      const runtime = host.runtimeWith({ start: async () => garbage as InProcessPod });
      const outcome = await host.launcher({ runtime }).launch(request).outcome;
      // Nothing was published, and nothing that could be stopped: a runtime like that is not to be believed either way.
      expect(["failed", "unresolved"]).toContain(outcome.status);
      expect(host.observe(ticket.id)).toMatchObject({
        claims: [],
        sessions: [],
        launchLock: "free",
        podLock: "free",
      });
      await turns();
      expect(unhandled.map(String)).toEqual([]);
    });
  }

  for (const [what, locator] of [
    ["text", "text"],
    ["nothing", undefined],
    ["null", null],
    ["a number that JSON does not know", { big: 1n }],
    ["what nests 250 levels deep", nested(250)],
  ] as const) {
    test(`locates its Pod by ${what}, which no record can hold: the launch has failed, and the ticket is free`, async () => {
      const host = new LaunchHost();
      const runtime = host.runtimeWith({
        start: async (launch, context) => {
          const published: InProcessPod[] = [];
          const own = (pod: InProcessPod) => {
            const odd = { ...pod, locator: locator as unknown as InProcessPod["locator"] };
            published.push(odd);
            context.own(odd);
          };
          await host.runtime.start(launch, { ...context, own });
          return published[0]!;
        },
      });
      const outcome = await host.launcher({ runtime }).launch(request).outcome;
      expect(await host.launcher().status()).toEqual({ claims: [] });
      expect(outcome).toMatchObject({ status: "failed", phase: "spawning" });
      host.expectNothingLeft(ticket.id);
      await expectAdmitted(host);
    });
  }

  test("foretells a locator that nests 250 levels deep: the launch has failed before anything was started", async () => {
    const host = new LaunchHost();
    let starts = 0;
    const runtime = host.runtimeWith({
      locatorOf: () => nested(250),
      start: async (launch, context) => {
        starts += 1;
        return await host.runtime.start(launch, context);
      },
    });
    const outcome = await host.launcher({ runtime }).launch(request).outcome;
    expect(outcome).toMatchObject({ status: "failed", phase: "spawning", code: "runtime_contract" });
    expect(starts).toBe(0);
    host.expectNothingLeft(ticket.id);
    await expectAdmitted(host);
  });

  test("publishes a second Pod when the ticket is claimed: that one is stopped, the claimed one stays what it is", async () => {
    const host = new LaunchHost();
    let own: (pod: InProcessPod) => void = () => undefined;
    const stopped: string[] = [];
    const runtime = host.runtimeWith({
      start: (launch, context) => {
        own = context.own;
        return host.runtime.start(launch, context);
      },
      stop: async ({ name }) => {
        stopped.push(name);
        return { stopped: true };
      },
    });
    const launch = host.launcher({ runtime }).launch(request);
    const { claim } = await outcomeAs(launch.outcome, "claimed");
    own({ name: "afterthought", launchId: launch.launchId, locator: { inProcess: launch.launchId } });
    await waitUntil(() => stopped.length > 0, { deadlineMs: 10_000, what: "the second Pod to be stopped" });
    await turns(10);
    expect(stopped).toEqual(["afterthought"]);
    host.expectClaimed(ticket.id, launch.launchId);
    expect(await host.files.pods(ticket)).toMatchObject([{ record: { pod: claim.pod, state: "started" } }]);
  });
});

describe("a runtime whose connect", () => {
  const lies: readonly (readonly [string, string, (snapshot: PodSnapshot) => unknown])[] = [
    ["tells of another version of the protocol", "pod_mismatch", (real) => ({ ...real, protocol: 2 })],
    ["tells of another Pod", "pod_mismatch", (real) => ({ ...real, pod: "another" })],
    ["tells of another launch", "pod_mismatch", (real) => ({ ...real, launchId: "another-launch" })],
    ["answers null", "runtime_contract", () => null],
    ["answers nothing", "runtime_contract", () => undefined],
    ["answers a number", "runtime_contract", () => 7],
    ["answers an empty object", "runtime_contract", () => ({})],
    ["leaves out the launch id", "runtime_contract", ({ launchId: _, ...rest }) => rest],
    [
      "tells of a session without an id",
      "runtime_contract",
      (real) => ({ ...real, session: { restorable: true } }),
    ],
    [
      "tells of an accepted run without evidence",
      "runtime_contract",
      (real) => ({ ...real, run: { runId: "r" } }),
    ],
  ];
  for (const [what, code, lie] of lies) {
    test(`${what}: failed as ${code}, and the Pod is stopped without having been given a prompt`, async () => {
      const host = new LaunchHost();
      const runtime = host.runtimeWith({
        connect: async (pod, context) => lie(await host.runtime.connect(pod, context)) as PodSnapshot,
      });
      const launch = host.launcher({ runtime }).launch(request);
      expect(await outcomeAs(launch.outcome, "failed")).toMatchObject({ phase: "connecting", code });
      expect(host.runtime.prompts(launch.launchId)).toEqual([]);
      host.expectNothingLeft(ticket.id);
      await expectAdmitted(host);
    });
  }
});

describe("a runtime whose requestRun", () => {
  const at = "2026-01-01T00:00:00.000Z";
  const answers: readonly (readonly [string, unknown])[] = [
    ["null", null],
    ["nothing", undefined],
    ["true", true],
    ["an empty object", {}],
    ["accepted without an acceptance", { kind: "accepted" }],
    ["accepted on no known level", { kind: "accepted", acceptance: { level: "hope", kind: "x", at } }],
    ["accepted at no time", { kind: "accepted", acceptance: { level: "ack", kind: "x", at: "lately" } }],
    ["rejected without a reason", { kind: "rejected" }],
    ["neither accepted nor rejected", { kind: "perhaps", code: "x", message: "y" }],
  ];
  for (const [what, answer] of answers) {
    test(`answers ${what}: failed as runtime_contract, no claim, and the Pod is stopped`, async () => {
      const host = new LaunchHost();
      const runtime = host.runtimeWith({
        requestRun: async (pod, run, context) => {
          await host.runtime.requestRun(pod, run, context);
          return answer as RunResult;
        },
      });
      const outcome = await outcomeAs(host.launcher({ runtime }).launch(request).outcome, "failed");
      expect(outcome).toMatchObject({ phase: "awaitingRunAck", code: "runtime_contract" });
      host.expectNothingLeft(ticket.id);
      await expectAdmitted(host);
    });
  }

  test("says accepted when the launch has timed out already: no claim, and no Pod", async () => {
    const host = new LaunchHost();
    const held = new Held<"accept">();
    host.runtime.script(ticket.id, { requestRun: held.call, deaf: true });
    const { clock, pass } = clockByHand();
    const launch = host.launcher({ clock }).launch(request);
    await held.called();
    pass(timeouts.runAckMs);
    held.settle("accept");
    expect(await outcomeAs(launch.outcome, "timedOut")).toMatchObject({ phase: "awaitingRunAck" });
    await turns();
    host.expectNothingLeft(ticket.id);
  });
});

describe("a runtime whose registerPeer", () => {
  for (const { how, call } of failures()) {
    test(`${how}: the launch is claimed, with a warning that names the peer`, async () => {
      const host = new LaunchHost();
      const told: string[] = [];
      const runtime = host.runtimeWith({
        registerPeer: (_, name) => {
          told.push(name);
          return name === "panel" ? call() : Promise.resolve();
        },
      });
      const launch = host.launcher({ runtime }).launch({ ...request, peers: ["panel", "orchestrator"] });
      const { warnings } = await outcomeAs(launch.outcome, "claimed");
      expect(warnings).toMatchObject([{ code: "peer_not_registered" }]);
      expect(warnings[0]?.message).toContain("panel");
      expect(warnings[0]?.message).not.toContain("orchestrator");
      // One peer that cannot be told does not cost the next one its hand-off.
      expect(told).toEqual(["panel", "orchestrator"]);
      host.expectClaimed(ticket.id, launch.launchId);
    });
  }

  test("never settles: the launch goes on when its time is over, claimed with a warning that names the peer", async () => {
    const host = new LaunchHost();
    const held = new Held<"ok">();
    host.runtime.script(ticket.id, { registerPeer: held.call });
    const { clock, pass } = clockByHand();
    const launch = host.launcher({ clock }).launch(request);
    await held.called();
    pass(timeouts.peerMs);
    const { warnings } = await outcomeAs(launch.outcome, "claimed");
    expect(warnings).toMatchObject([{ code: "peer_timed_out" }]);
    expect(warnings[0]?.message).toContain("panel");
    held.fail(new Error("late"));
    await turns();
    host.expectClaimed(ticket.id, launch.launchId);
  });
});

describe("a runtime whose stop", () => {
  /** A launch whose run is refused, so that its Pod is to be stopped. */
  const refused = async (host: LaunchHost, stop: Runtime["stop"], launcher?: Launcher) => {
    host.runtime.script(ticket.id, { requestRun: "reject" });
    const launch = (launcher ?? host.launcher({ runtime: host.runtimeWith({ stop }) })).launch(request);
    return { launch, outcome: await launch.outcome };
  };

  test("rejects with what throws when it is looked at: unresolved all the same", async () => {
    const host = new LaunchHost();
    const { outcome } = await refused(host, () => rejecting(notToBeLookedAt));
    expect(outcome).toMatchObject({ status: "unresolved" });
    expect(host.observe(ticket.id)).toMatchObject({ claims: [], launchLock: "free", podLock: "held" });
  });

  const faults: readonly (readonly [string, () => Promise<unknown>])[] = [
    ...failures().map(({ how, call }) => [how, call] as const),
    ["answers null", async () => null],
    ["answers nothing", async () => undefined],
    ["answers an empty object", async () => ({})],
    ["answers that it is not stopped, and names nothing", async () => ({ stopped: false })],
    ["answers no yes and no no", async () => ({ stopped: "no" })],
  ];
  for (const [how, stop] of faults) {
    test(`${how}: unresolved, and the ticket is blocked until a stop succeeds`, async () => {
      const host = new LaunchHost();
      const unhandled = watchUnhandled();
      const { launch, outcome } = await refused(host, stop as Runtime["stop"]);
      expect(outcome).toMatchObject({ status: "unresolved", phase: "stopping", because: { kind: "failed" } });
      expect(host.observe(ticket.id)).toMatchObject({
        claims: [],
        sessions: [],
        launchLock: "free",
        podLock: "held",
      });

      host.runtime.script(ticket.id, {});
      const launcher = host.launcher();
      const blocked = await outcomeAs(launcher.launch(request).outcome, "blocked");
      expect(blocked).toMatchObject({ by: "live", pod: { launchId: launch.launchId } });
      expect(await launcher.stop(ticket)).toMatchObject({ status: "stopped" });
      await turns();
      expect(unhandled.map(String)).toEqual([]);
      host.expectNothingLeft(ticket.id);
      await expectAdmitted(host);
    });
  }

  test("never settles: unresolved when its time is over; the ticket stays blocked", async () => {
    const host = new LaunchHost();
    const held = new Held<never>();
    host.runtime.script(ticket.id, { requestRun: "reject" });
    const { clock, pass } = clockByHand();
    const launch = host.launcher({ runtime: host.runtimeWith({ stop: held.call }), clock }).launch(request);
    await held.called();
    pass(timeouts.stopMs);
    await outcomeAs(launch.outcome, "unresolved");
    expect(await outcomeAs(host.launcher().launch(request).outcome, "blocked")).toMatchObject({ by: "live" });
    held.fail(new Error("late"));
  });

  test("names a process that survives: it is named, and blocks as lingering until it is gone", async () => {
    const host = new LaunchHost();
    const survivor = spawn("sleep", ["1000"], { stdio: "ignore" });
    const gone = once(survivor, "exit");
    onTestFinished(async () => {
      survivor.kill("SIGKILL");
      await gone;
    });
    const pids = [survivor.pid!];
    const stop = async (pod: InProcessPod): Promise<StopAnswer> => {
      await host.runtime.stop(pod, forEver);
      return { stopped: false, pids };
    };
    const { launch, outcome } = await refused(host, stop);
    expect(outcome).toMatchObject({ status: "unresolved", pids });
    expect(outcome.status === "unresolved" && outcome.advice).toContain(String(survivor.pid));

    host.runtime.script(ticket.id, {});
    const blocked = await outcomeAs(host.launcher().launch(request).outcome, "blocked");
    expect(blocked).toMatchObject({ by: "lingering", pids, pod: { launchId: launch.launchId } });
    expect(blocked.advice).toContain(String(survivor.pid));
    expect(await host.launcher().doctor()).toMatchObject({
      healthy: false,
      findings: [{ code: "pod_lingering" }],
    });

    survivor.kill("SIGKILL");
    await gone;
    await expectAdmitted(host);
  });

  test("names survivors by what can be no pid: unresolved, and the ticket stays blocked while its Pod lives", async () => {
    const host = new LaunchHost();
    const pids = [-1, Number.NaN, 2 ** 40] as const;
    const { outcome } = await refused(host, async () => ({ stopped: false, pids }));
    expect(outcome).toMatchObject({ status: "unresolved" });
    expect(await outcomeAs(host.launcher().launch(request).outcome, "blocked")).toMatchObject({ by: "live" });
  });

  test("says stopped while its Pod still holds the Pod lock: the kernel's word counts, and it is unresolved", async () => {
    const host = new LaunchHost();
    const { outcome } = await refused(host, async () => ({ stopped: true }));
    expect(host.observe(ticket.id).podLock).toBe("held");
    expect(await outcomeAs(host.launcher().launch(request).outcome, "blocked")).toMatchObject({ by: "live" });
    expect(outcome.status).toBe("unresolved");
  });
});

describe("a runtime whose probe", () => {
  const standing = async (host: LaunchHost) => {
    const launch = host.launcher().launch({ ticket });
    const { claim } = await outcomeAs(launch.outcome, "claimed");
    return claim;
  };
  const faults: readonly (readonly [string, () => Promise<unknown>])[] = [
    ...failures().map(({ how, call }) => [how, call] as const),
    ["answers null", async () => null],
    ["answers nothing", async () => undefined],
    ["answers a word that nobody knows", async () => "asleep"],
    ["answers a word that every object knows", async () => "toString"],
  ];
  for (const [how, probe] of faults) {
    test(`${how}: the claim is unknown, and blocks`, async () => {
      const host = new LaunchHost();
      const claim = await standing(host);
      const launcher = host.launcher({ runtime: host.runtimeWith({ probe: probe as Runtime["probe"] }) });
      expect(await launcher.launch(request).outcome).toMatchObject({
        status: "blocked",
        by: "unknown",
        claim,
      });
      expect(await launcher.status(ticket)).toMatchObject({ claims: [{ state: "unknown", claim }] });
      expect(await launcher.release(ticket)).toMatchObject({ status: "refused", by: "unknown" });
      host.expectClaimed(ticket.id, claim.launchId);
    });
  }

  test("never answers: admission times out, status says unknown within admitMs, and the claim stands", async () => {
    const host = new LaunchHost();
    const claim = await standing(host);
    const held = new Held<never>();
    const { clock, pass } = clockByHand();
    const runtime = host.runtimeWith({ probe: held.call });
    const launch = host.launcher({ runtime, clock }).launch(request);
    await held.called();
    pass(timeouts.admitMs);
    const outcome = await launch.outcome;
    expect(["blocked", "timedOut"]).toContain(outcome.status);
    expect(host.observe(ticket.id).launchLock).toBe("free");

    host.configure({ timeouts: { admitMs: 50 } });
    expect(await host.launcher({ runtime }).status()).toMatchObject({ claims: [{ state: "unknown" }] });
    host.expectClaimed(ticket.id, claim.launchId);
  });
});

describe("a runtime whose findAccepted", () => {
  for (const { how, call } of failures()) {
    test(`${how}: the launch has failed before anything was started`, async () => {
      const host = new LaunchHost();
      const runtime = host.runtimeWith({ findAccepted: call });
      const outcome = await outcomeAs(host.launcher({ runtime }).launch(request).outcome, "failed");
      expect(outcome).toMatchObject({ phase: "spawning", proof: "nothingStarted" });
      host.expectNothingLeft(ticket.id);
      await expectAdmitted(host);
    });
  }

  for (const garbage of [null, 7, "a Pod", {}, { name: "x" }]) {
    test(`answers ${JSON.stringify(garbage)}: the launch has failed, and nothing was started`, async () => {
      const host = new LaunchHost();
      const unhandled = watchUnhandled();
      const runtime = host.runtimeWith({ findAccepted: async () => garbage as unknown as InProcessPod });
      await outcomeAs(host.launcher({ runtime }).launch(request).outcome, "failed");
      host.expectNothingLeft(ticket.id);
      await turns();
      expect(unhandled.map(String)).toEqual([]);
    });
  }

  test("never answers: admission times out, and nothing was started", async () => {
    const host = new LaunchHost();
    const held = new Held<never>();
    const { clock, pass } = clockByHand();
    const launch = host
      .launcher({ runtime: host.runtimeWith({ findAccepted: held.call }), clock })
      .launch(request);
    await held.called();
    pass(timeouts.admitMs);
    const outcome = await outcomeAs(launch.outcome, "timedOut");
    expect(outcome).toMatchObject({ phase: "spawning", proof: "nothingStarted" });
    host.expectNothingLeft(ticket.id);
  });

  test("answers with the Pod of another ticket: that Pod is not claimed a second time", async () => {
    const host = new LaunchHost();
    const other = host.launcher().launch({ ticket: { id: "T-2" } });
    await outcomeAs(other.outcome, "claimed");
    const [pod] = host.runtime.pods();
    const runtime = host.runtimeWith({ findAccepted: async () => pod });
    const outcome = await host.launcher({ runtime }).launch(request).outcome;
    // It is passed over, and the ticket gets a Pod of its own.
    expect(outcome).toMatchObject({ status: "claimed", adopted: false });
    expect(host.observe(ticket.id).claims).not.toContain(other.launchId);
    host.expectClaimed("T-2", other.launchId);
  });

  test("answers with a Pod whose claim was ended: it is not claimed again, and blocks while it lives", async () => {
    const host = new LaunchHost();
    const first = host.launcher().launch({ ticket });
    await outcomeAs(first.outcome, "claimed");
    host.runtime.script(ticket.id, { probe: "gone" });
    expect(await host.launcher().release(ticket)).toMatchObject({ status: "ended" });
    const outcome = await outcomeAs(host.launcher().launch(request).outcome, "blocked");
    expect(outcome).toMatchObject({ by: "live" });
    expect(host.observe(ticket.id).claims).toEqual([]);
    expect(await host.launcher().adopt(ticket)).toMatchObject({ status: "blocked" });
  });
});

describe("a runtime whose detach throws", () => {
  const detach = () => {
    throw new Error("detach must not throw");
  };
  for (const requestRun of ["accept", "reject"] as const) {
    test(`disturbs nothing when the run is to ${requestRun}: outcome, steps, lock and flight end as ever`, async () => {
      const host = new LaunchHost();
      const unhandled = watchUnhandled();
      host.runtime.script(ticket.id, { requestRun });
      const launcher = host.launcher({ runtime: host.runtimeWith({ detach }) });
      const launch = launcher.launch(request);
      const status = await launch.outcome.then(
        (outcome) => outcome.status,
        (error: unknown) => error,
      );
      await turns();
      expect({
        status,
        unhandled,
        lock: host.observe(ticket.id).launchLock,
        inFlight: launcher.inFlight(),
      }).toEqual({
        status: requestRun === "accept" ? "claimed" : "failed",
        unhandled: [],
        lock: "free",
        inFlight: [],
      });
    });
  }
});
