/**
 * The structure of the launch machine, asserted by hand: what is derived from the machine moves with the machine. Each rule names
 * the states that it is about.
 */
import { getStateNodes } from "xstate/graph";
import { describe, expect, it } from "vitest";
import { launchMachine } from "launch-claim/machines";
import { shortestPaths, simplePaths, transitionOf, type PathStep } from "launch-claim/testing";

const paths = simplePaths();
const steps = new Map(paths.flatMap((path) => path.steps).map((step) => [transitionOf(step), step]));
const into = (state: string) => [...steps.values()].filter(({ to }) => to === state);
const outOf = (state: string) => [...steps.values()].filter(({ from }) => from === state);
const nodeAt = (state: string) =>
  getStateNodes(launchMachine.root).find(({ path }) => path.join(".") === state);

const invoking = {
  "spawning.admitting": "admit",
  "spawning.starting": "startPod",
  "connecting.dialing": "connect",
  "connecting.registeringPeers": "registerPeers",
  awaitingRunAck: "requestRun",
  "committingClaim.writing": "commitClaim",
  "committingClaim.verifying": "readBackClaim",
  stopping: "stopPod",
};
const inFlight = Object.keys(invoking);
const final = ["claimed", "blocked", "failed", "timedOut", "cancelled", "unresolved"];

function isDone({ by }: PathStep, actor: string, result: string): boolean {
  return by.kind === "done" && by.actor === actor && by.result === result;
}

describe("the launch machine", () => {
  it("has the states of the design and no others", () => {
    const leaves = getStateNodes(launchMachine.root)
      .filter(({ states }) => Object.keys(states).length === 0)
      .map(({ path }) => path.join("."));
    expect(new Set(leaves)).toEqual(new Set(["idle", ...inFlight, ...final]));
  });

  it("commits a claim only after an accepted run", () => {
    expect(into("committingClaim.writing").every((step) => isDone(step, "requestRun", "accepted"))).toBe(
      true,
    );
    expect(into("committingClaim.writing").map(({ from }) => from)).toEqual(["awaitingRunAck"]);
    expect(into("committingClaim.verifying").every(({ from }) => from === "committingClaim.writing")).toBe(
      true,
    );
  });

  it("calls a launch claimed only if its claim was committed, or read back as ours", () => {
    const ways = into("claimed");
    expect(ways).toHaveLength(2);
    expect(
      ways.some(
        (step) => step.from === "committingClaim.writing" && isDone(step, "commitClaim", "committed"),
      ),
    ).toBe(true);
    expect(
      ways.some((step) => step.from === "committingClaim.verifying" && isDone(step, "readBackClaim", "ours")),
    ).toBe(true);
  });

  it("never commits once it is stopping or has ended", () => {
    for (const { steps } of paths) {
      const leftAt = steps.findIndex(({ to }) => to === "stopping" || final.includes(to));
      expect(steps.slice(leftAt + 1).some(({ to }) => to.startsWith("committingClaim"))).toBe(false);
    }
    expect(outOf("stopping").every(({ to }) => final.includes(to) && to !== "claimed")).toBe(true);
  });

  it("goes on after a failure in one state only, that of the hand-off", () => {
    const goesOn = [...steps.values()].filter(
      ({ by, to }) =>
        (by.kind === "error" || by.kind === "timeout") && !final.includes(to) && to !== "stopping",
    );
    expect(new Set(goesOn.map(({ from }) => from))).toEqual(
      new Set(["connecting.registeringPeers", "committingClaim.writing"]),
    );
    // From `writing` on it is not known whether the claim is on disk: looking is not going on.
    const fromWriting = goesOn.filter(({ from }) => from === "committingClaim.writing");
    expect(fromWriting.map(({ to }) => to)).toEqual([
      "committingClaim.verifying",
      "committingClaim.verifying",
    ]);
  });

  it.each(inFlight)("leaves %s on failure and on timeout, and before the commit on CANCEL", (state) => {
    const causes = outOf(state).map(({ by }) => (by.kind === "event" ? by.type : by.kind));
    expect(causes).toContain("error");
    expect(causes).toContain("timeout");
    const cancellable = !state.startsWith("committingClaim") && state !== "stopping";
    expect(causes.includes("CANCEL")).toBe(cancellable);
  });

  it("passes through stopping on every way from a started Pod to an end without a claim", () => {
    for (const { steps, end, title } of paths) {
      const started = steps.some(({ to }) => to === "spawning.starting");
      if (!started || end === "claimed") continue;
      const doubtful = steps.at(-1)?.from === "committingClaim.verifying";
      expect(doubtful || steps.some(({ to }) => to === "stopping"), title).toBe(true);
    }
  });

  it("ends as failed, timedOut, cancelled or blocked after a start only if the stop was proven", () => {
    for (const step of outOf("stopping")) {
      const proven = isDone(step, "stopPod", "stopped");
      expect(step.to === "unresolved", transitionOf(step)).toBe(!proven);
    }
  });

  it.each(final)("can end as %s", (state) => {
    expect(into(state).length).toBeGreaterThan(0);
  });

  it.each(Object.entries(invoking))(
    "invokes in %s the actor %s alone, and hears of both its ends",
    (state, actor) => {
      const invoked = nodeAt(state)?.invoke ?? [];
      expect(invoked.map(({ src }) => src)).toEqual([actor]);
      const events = nodeAt(state)?.ownEvents ?? [];
      expect(events).toContain(`xstate.done.actor.${actor}`);
      expect(events).toContain(`xstate.error.actor.${actor}`);
    },
  );

  it("names no delay that does not exist: an unknown one would fire at once", () => {
    const known = Object.keys(launchMachine.implementations.delays);
    const used = getStateNodes(launchMachine.root).flatMap(({ after }) => after.map(({ delay }) => delay));
    expect(used).toHaveLength(inFlight.length);
    for (const delay of used) expect(known).toContain(delay);
  });

  it("is pure: a context that is entered is never changed", () => {
    const before = JSON.stringify(paths);
    expect(JSON.stringify(simplePaths())).toBe(before);
  });
});

describe("the real runs", () => {
  it("take every transition that the machine has", () => {
    const taken = new Set(shortestPaths().flatMap(({ steps }) => steps.map(transitionOf)));
    expect([...steps.keys()].filter((transition) => !taken.has(transition))).toEqual([]);
  });

  it("end in every way", () => {
    expect(new Set(shortestPaths().map(({ end }) => end))).toEqual(new Set(final));
  });

  it("are told apart by their titles", () => {
    for (const list of [paths, shortestPaths()])
      expect(new Set(list.map(({ title }) => title)).size).toBe(list.length);
  });
});
