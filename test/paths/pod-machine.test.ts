/** The structure of the Pod machine, asserted by hand over every transition that it can take and every path to its end. */
import { createActor, SimulatedClock } from "xstate";
import { describe, expect, it } from "vitest";
import { podMachine } from "../../machines/pod.machine.js";
import type { PodInput, PodMachineEvent, PodTold } from "../../machines/pod.types.js";
import { heldActors, podNodeAt, podPaths, podStates, podTransitions, type PodStep } from "./pod-paths.js";

const ownRun: readonly PodInput[] = (["keep", "stop", "release"] as const).flatMap((whenDone) =>
  [0, 1_000].map((idleStopMs) => ({ whenDone, idleStopMs })),
);
const inputs = [...ownRun, ...ownRun.map((input) => ({ ...input, restored: true }))];
const transitions = inputs.flatMap(podTransitions);
const paths = inputs.flatMap(podPaths);
const stateOf = ({ value }: PodStep["after"]) =>
  typeof value === "string" ? value : `running.${value.running}`;
const invoking = {
  booting: "bootAgent",
  confirming: "confirmClaim",
  "running.recording": "writeReceipt",
  settling: "settleClaim",
  draining: "endAgent",
};

function shown({ event, before, after }: PodStep): string {
  return `${stateOf(before)} ─ ${event.type} → ${stateOf(after)}`;
}

function isRestored({ before }: PodStep): boolean {
  return before.context.restored === true;
}

function isConfirmed({ before, event }: PodStep): boolean {
  const { output } = event as { readonly output?: { readonly kind?: string } };
  return stateOf(before) === "confirming" && output?.kind === "ours";
}

describe("the Pod machine", () => {
  it("has these states and no others, and every one can be reached", () => {
    const states = ["booting", "idle", "confirming", "refused", "settling", "draining", "stopped"];
    const running = ["running.pending", "running.recording", "running.accepted"];
    expect(new Set(podStates())).toEqual(new Set([...states, ...running]));
    const reached = new Set(transitions.flatMap(({ before, after }) => [stateOf(before), stateOf(after)]));
    expect(reached).toEqual(new Set(podStates()));
  });

  it.each(Object.entries(invoking))("invokes in %s %s alone, and hears of both its ends", (state, actor) => {
    expect(podNodeAt(state)?.invoke.map(({ src }) => src)).toEqual([actor]);
    expect(podNodeAt(state)?.ownEvents).toEqual(
      expect.arrayContaining([`xstate.done.actor.${actor}`, `xstate.error.actor.${actor}`]),
    );
  });

  it("has no transition in which it fails", () => {
    expect(transitions.filter(({ after }) => after.status === "error").map(shown)).toEqual([]);
  });

  it("is accepted only once the receipt was written, and says so in that turn; restored, also by its claim", () => {
    const accepting = transitions.filter(
      ({ before, after }) => after.context.accepted && !before.context.accepted,
    );
    expect(accepting.length).toBeGreaterThan(0);
    for (const step of transitions) {
      const written =
        stateOf(step.before) === "running.recording" && step.event.type.includes("done.actor.writeReceipt");
      expect(
        step.told.some(({ type }) => type === "runAccepted"),
        shown(step),
      ).toBe(written);
      if (accepting.includes(step)) expect(written || isConfirmed(step), shown(step)).toBe(true);
    }
  });

  it("refuses the run whose receipt could not be written", () => {
    const failed = transitions.filter(({ event }) => event.type.includes("error.actor.writeReceipt"));
    expect(failed.length).toBeGreaterThan(0);
    for (const step of failed) {
      expect(step.told.map(({ type }) => type)).toEqual(["runRejected"]);
      expect(step.after.context.accepted).toBe(step.before.context.accepted);
    }
  });

  it("ends only through draining, and never comes back from it", () => {
    for (const step of transitions) {
      if (stateOf(step.after) === "stopped") expect(stateOf(step.before), shown(step)).toBe("draining");
      if (stateOf(step.before) === "draining")
        expect(["draining", "stopped"], shown(step)).toContain(stateOf(step.after));
      if (stateOf(step.after) === "draining") expect(step.after.context.cause, shown(step)).toBeDefined();
    }
  });

  it("ends when the launcher goes before acceptance, but for a receipt that is being written; after it stays", () => {
    for (const step of transitions.filter(({ event }) => event.type === "LAUNCHER_GONE")) {
      const before = stateOf(step.before);
      const stays = step.before.context.accepted || before === "running.recording" || before === "confirming";
      const asksFirst = isRestored(step) && before === "idle";
      const then = asksFirst ? "confirming" : "draining";
      expect(stateOf(step.after), shown(step)).toBe(stays ? before : then);
      expect(step.after.context.launcherPresent).toBe(false);
    }
  });

  it("never rests without launcher and acceptance but where receipt or claim decides or all is over", () => {
    for (const { after } of transitions) {
      if (after.context.launcherPresent || after.context.accepted) continue;
      expect(["running.recording", "confirming", "draining", "stopped"]).toContain(stateOf(after));
    }
  });

  it("restored, asks for its claim when the launcher goes away, and stays only if it is its own", () => {
    const asked = transitions.filter(({ before }) => stateOf(before) === "confirming");
    expect(asked.every(isRestored)).toBe(true);
    const left = asked.filter(({ after }) => stateOf(after) !== "confirming");
    const stays = left.filter(({ after }) => stateOf(after) !== "draining");
    expect(stays.length).toBeGreaterThan(0);
    expect(stays.every(isConfirmed), stays.map(shown).join("; ")).toBe(true);
    const drains = left.filter((step) => !isConfirmed(step)).map(({ event: { type } }) => type);
    expect(new Set(drains)).toEqual(
      new Set(["STOP", "xstate.done.actor.confirmClaim", "xstate.error.actor.confirmClaim"]),
    );
  });

  it("restored, takes no run before its claim was seen", () => {
    const runs = transitions.filter((step) => isRestored(step) && step.event.type === "RUN");
    for (const step of runs) {
      expect(stateOf(step.after), shown(step)).toBe(
        step.before.context.accepted ? "running.pending" : stateOf(step.before),
      );
    }
    expect(new Set(runs.map(({ before }) => before.context.accepted))).toEqual(new Set([true, false]));
  });

  it("restored, is accepted by nothing but its claim, and never without it on any path", () => {
    for (const { title, steps } of paths.filter(({ steps }) => steps.some(isRestored))) {
      const first = steps.findIndex(({ after }) => after.context.accepted);
      if (first !== -1) expect(steps.slice(0, first + 1).filter(isConfirmed), title).toHaveLength(1);
    }
  });

  it("is stopped from every state", () => {
    for (const step of transitions.filter(({ event }) => event.type === "STOP"))
      expect(stateOf(step.after), shown(step)).toBe("draining");
    const stoppable = new Set(
      transitions.filter(({ event }) => event.type === "STOP").map(({ before }) => stateOf(before)),
    );
    expect(stoppable).toEqual(new Set(podStates().filter((state) => state !== "stopped")));
  });

  it("settles only once accepted, and then only if it is to end after a run that has, or its agent is gone", () => {
    for (const { after } of transitions.filter(({ after }) => stateOf(after) === "settling")) {
      const { accepted, agentGone, whenDone, lastEnding } = after.context;
      expect(accepted).toBe(true);
      expect(agentGone || (whenDone !== "keep" && lastEnding !== undefined)).toBe(true);
    }
  });

  it("tells of each run in order: its acceptance, then its end, on every path", () => {
    expect(paths.length).toBeGreaterThan(100);
    for (const { title, steps } of paths) {
      let accepted = false;
      for (const { type } of steps.flatMap(({ told }) => told)) {
        if (type === "runEnded") expect(accepted, title).toBe(true);
        accepted = type === "runAccepted";
      }
      expect(steps.at(-2)?.after.value, title).toBe("draining");
      expect(steps.at(-1)?.after.value, title).toBe("stopped");
    }
  });
});

describe("a Pod on a simulated clock", () => {
  const run = { runId: "r", text: "t" };
  const acceptance = { level: "progress", kind: "model", at: "" } as const;
  const send = (event: PodMachineEvent) => event;
  const doneBy = (actor: string) => ({ type: `xstate.done.actor.${actor}`, output: null });
  const done = send({ type: "ENDED", end: { kind: "done", stopReason: "end_turn" } });
  const accepted = [
    doneBy("bootAgent"),
    send({ type: "RUN", run }),
    send({ type: "EVIDENCE", acceptance }),
    doneBy("writeReceipt"),
  ];

  function pod(input: PodInput, events: readonly object[]) {
    const clock = new SimulatedClock();
    const actor = createActor(podMachine.provide({ actors: heldActors() }), { input, clock });
    const told: PodTold["type"][] = [];
    actor.on("*", ({ type }) => told.push(type));
    actor.start();
    for (const event of events) actor.send(event as never);
    return { actor, clock, told, now: () => stateOf(actor.getSnapshot()) };
  }

  it("kept after its run, ends when it has been idle for so long, and not a moment before", () => {
    const { clock, now, actor } = pod({ whenDone: "keep", idleStopMs: 1_000 }, [...accepted, done]);
    clock.increment(999);
    expect(now()).toBe("idle");
    clock.increment(1);
    expect(now()).toBe("draining");
    expect(actor.getSnapshot().context.cause).toBe("idle");
  });

  it("with idleStop 0 never ends for being idle", () => {
    const { clock, now } = pod({ whenDone: "keep", idleStopMs: 0 }, [...accepted, done]);
    clock.increment(2_147_483_647);
    expect(now()).toBe("idle");
  });

  it("before its first run is never ended for being idle: that is its launcher's affair", () => {
    const { clock, now } = pod({ whenDone: "keep", idleStopMs: 1_000 }, accepted.slice(0, 1));
    clock.increment(60_000);
    expect(now()).toBe("idle");
  });

  it("that works is not idle, and a new run begins the idle time anew", () => {
    const { clock, now, actor } = pod({ whenDone: "keep", idleStopMs: 1_000 }, accepted);
    clock.increment(60_000);
    expect(now()).toBe("running.accepted");
    actor.send(done);
    clock.increment(900);
    for (const event of [...accepted.slice(1), done]) actor.send(event as never);
    clock.increment(900);
    expect(now()).toBe("idle");
    clock.increment(100);
    expect(now()).toBe("draining");
  });

  it.each([
    ["stop", false],
    ["release", true],
  ] as const)("when done is to %s, settles its claim and then ends", (whenDone, release) => {
    const { now, actor } = pod({ whenDone, idleStopMs: 0 }, [...accepted, done]);
    expect(now()).toBe("settling");
    const { lastEnding } = actor.getSnapshot().context;
    expect(whenDone === "release" && lastEnding !== undefined).toBe(release);
    actor.send(doneBy("settleClaim") as never);
    expect(now()).toBe("draining");
    expect(actor.getSnapshot().context.cause).toBe("whenDone");
  });

  it("that waits for its claim in vain ends when it has been idle for so long", () => {
    const { clock, now } = pod({ whenDone: "release", idleStopMs: 1_000 }, [...accepted, done]);
    clock.increment(1_000);
    expect(now()).toBe("draining");
  });

  it("tells the end of a run that has ended while its receipt was written only after its acceptance", () => {
    const { actor, told } = pod({ whenDone: "keep", idleStopMs: 0 }, [...accepted.slice(0, 3), done]);
    expect(told).toEqual([]);
    actor.send(doneBy("writeReceipt") as never);
    expect(told).toEqual(["runAccepted", "runEnded"]);
  });

  const seen = { type: "xstate.done.actor.confirmClaim", output: { kind: "ours" } };
  const confirmed = [accepted[0] ?? {}, { type: "LAUNCHER_GONE" }, seen];

  it("restored, ends when it has been idle for so long since its claim was seen, and not before that", () => {
    const input: PodInput = { whenDone: "keep", idleStopMs: 1_000, restored: true };
    const unseen = pod(input, confirmed.slice(0, 2));
    unseen.clock.increment(60_000);
    expect(unseen.now()).toBe("confirming");
    const { clock, now } = pod(input, confirmed);
    clock.increment(999);
    expect(now()).toBe("idle");
    clock.increment(1);
    expect(now()).toBe("draining");
  });

  it("restored, does what it is to do when done only after a run of its own", () => {
    const { now, actor } = pod({ whenDone: "release", idleStopMs: 0, restored: true }, confirmed);
    expect(now()).toBe("idle");
    for (const event of [...accepted.slice(1), done]) actor.send(event as never);
    expect(now()).toBe("settling");
  });

  it("restored, ends when its agent has died before its launcher was gone", () => {
    const [ready = {}] = confirmed;
    const { now } = pod({ whenDone: "keep", idleStopMs: 0, restored: true }, [ready, { type: "AGENT_GONE" }]);
    expect(now()).toBe("draining");
  });

  it("restored, settles when its agent has died while its claim was looked for", () => {
    const [ready = {}, gone = {}] = confirmed;
    const { now } = pod({ whenDone: "keep", idleStopMs: 0, restored: true }, [
      ready,
      gone,
      { type: "AGENT_GONE" },
      seen,
    ]);
    expect(now()).toBe("settling");
  });

  it("settles when its agent is gone after acceptance, whatever was asked for", () => {
    const { now } = pod({ whenDone: "keep", idleStopMs: 0 }, [...accepted, done, { type: "AGENT_GONE" }]);
    expect(now()).toBe("settling");
  });
});
