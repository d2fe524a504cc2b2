/**
 * The structure of the restore machine, asserted by hand: what is derived from the machine moves with the machine. Each rule names
 * the states that it is about.
 */
import { getStateNodes } from "xstate/graph";
import { describe, expect, it } from "vitest";
import { restoreMachine } from "launch-claim/machines";
import {
  shortestRestorePaths,
  simpleRestorePaths,
  transitionOf,
  type RestorePathStep,
} from "launch-claim/testing";

const paths = simpleRestorePaths();
const steps = new Map(paths.flatMap((path) => path.steps).map((step) => [transitionOf(step), step]));
const into = (state: string) => [...steps.values()].filter(({ to }) => to === state);
const outOf = (state: string) => [...steps.values()].filter(({ from }) => from === state);
const nodeAt = (state: string) =>
  getStateNodes(restoreMachine.root).find(({ path }) => path.join(".") === state);

const invoking = {
  judging: "judgeClaim",
  endingSurvivors: "endSurvivors",
  starting: "restorePod",
  connecting: "connect",
  "replacingClaim.writing": "replaceClaim",
  "replacingClaim.verifying": "readBackClaim",
  stopping: "stopPod",
};
const inFlight = Object.keys(invoking);
const final = ["restored", "blocked", "failed", "timedOut", "cancelled", "unresolved"];

/** A transition that an actor's result makes, in the words of these tests: `connecting: connect done`. */
function told({ from, by }: RestorePathStep): string {
  return by.kind === "done" ? `${from}: ${by.actor} ${by.result}` : `${from}: ${by.kind}`;
}

describe("the restore machine", () => {
  it("has these states and no others", () => {
    const leaves = getStateNodes(restoreMachine.root)
      .filter(({ states }) => Object.keys(states).length === 0)
      .map(({ path }) => path.join("."));
    expect(new Set(leaves)).toEqual(new Set(["idle", ...inFlight, ...final]));
  });

  it("replaces a claim only once the new Pod was dialed", () => {
    expect(into("replacingClaim.writing").map(told)).toEqual(["connecting: connect done"]);
    expect(new Set(into("replacingClaim.verifying").map(({ from }) => from))).toEqual(
      new Set(["replacingClaim.writing"]),
    );
  });

  it("calls a restore restored only if its claim was written, or read back as ours", () => {
    expect(into("restored").map(told).sort()).toEqual([
      "replacingClaim.verifying: readBackClaim ours",
      "replacingClaim.writing: replaceClaim replaced",
    ]);
  });

  it("starts a Pod only once it was proven that nothing of the old one is left", () => {
    expect(into("starting").map(told)).toEqual(["endingSurvivors: endSurvivors stopped"]);
    expect(into("endingSurvivors").map(told)).toEqual(["judging: judgeClaim restorable"]);
  });

  it("never replaces a claim once it is stopping or has ended", () => {
    for (const { steps } of paths) {
      const leftAt = steps.findIndex(({ to }) => to === "stopping" || final.includes(to));
      expect(steps.slice(leftAt + 1).some(({ to }) => to.startsWith("replacingClaim"))).toBe(false);
    }
    expect(outOf("stopping").every(({ to }) => final.includes(to) && to !== "restored")).toBe(true);
  });

  it("goes on after no failure: once it is unknown whether the claim was replaced, it only looks", () => {
    const goesOn = [...steps.values()].filter(
      ({ by, to }) =>
        (by.kind === "error" || by.kind === "timeout") && !final.includes(to) && to !== "stopping",
    );
    expect(goesOn.map(({ from, by, to }) => `${from} ─ ${by.kind} → ${to}`).sort()).toEqual([
      "replacingClaim.writing ─ error → replacingClaim.verifying",
      "replacingClaim.writing ─ timeout → replacingClaim.verifying",
    ]);
  });

  it.each(inFlight)("leaves %s on failure and on timeout, and before replacing on CANCEL", (state) => {
    const causes = outOf(state).map(({ by }) => (by.kind === "event" ? by.type : by.kind));
    expect(causes).toContain("error");
    expect(causes).toContain("timeout");
    const cancellable = !state.startsWith("replacingClaim") && state !== "stopping";
    expect(causes.includes("CANCEL")).toBe(cancellable);
  });

  it("passes through stopping on every way from a started Pod to an end that is not restored", () => {
    for (const { steps, end, title } of paths) {
      if (!steps.some(({ to }) => to === "starting") || end === "restored") continue;
      const last = steps.at(-1);
      const doubtful = last?.from === "replacingClaim.verifying" && last.by.kind !== "done";
      expect(doubtful || last?.from === "stopping", title).toBe(true);
    }
  });

  it("ends as failed, timedOut, cancelled or blocked after a start only if the stop was proven", () => {
    for (const step of outOf("stopping")) {
      const proven = told(step) === "stopping: stopPod stopped";
      expect(step.to === "unresolved", transitionOf(step)).toBe(!proven);
    }
  });

  it("is unresolved if what survived of the old Pod could not be proven gone", () => {
    const doubtful = outOf("endingSurvivors").filter(({ to }) => to === "unresolved");
    expect(doubtful.map(told).sort()).toEqual([
      "endingSurvivors: endSurvivors unproven",
      "endingSurvivors: error",
      "endingSurvivors: timeout",
    ]);
  });

  it.each(final)("can end as %s", (state) => {
    expect(into(state).length).toBeGreaterThan(0);
  });

  it.each(Object.entries(invoking))(
    "invokes in %s the actor %s alone, and hears of both its ends",
    (state, actor) => {
      expect(nodeAt(state)?.invoke.map(({ src }) => src)).toEqual([actor]);
      const events = nodeAt(state)?.ownEvents ?? [];
      expect(events).toContain(`xstate.done.actor.${actor}`);
      expect(events).toContain(`xstate.error.actor.${actor}`);
    },
  );

  it("names no delay that does not exist: an unknown one would fire at once", () => {
    const known = Object.keys(restoreMachine.implementations.delays);
    const used = getStateNodes(restoreMachine.root).flatMap(({ after }) => after.map(({ delay }) => delay));
    expect(used).toHaveLength(inFlight.length);
    for (const delay of used) expect(known).toContain(delay);
  });

  it("sends no run and meets no peer: it knows no actor that could", () => {
    const known = Object.keys(restoreMachine.implementations.actors);
    expect(new Set(known)).toEqual(new Set(Object.values(invoking)));
  });

  it("is pure: a context that is entered is never changed", () => {
    const before = JSON.stringify(paths);
    expect(JSON.stringify(simpleRestorePaths())).toBe(before);
  });
});

describe("the real restores", () => {
  const shortest = shortestRestorePaths();

  it("take every transition that the machine has", () => {
    const taken = new Set(shortest.flatMap(({ steps }) => steps.map(transitionOf)));
    expect([...steps.keys()].filter((transition) => !taken.has(transition))).toEqual([]);
  });

  it("end in every way", () => {
    expect(new Set(shortest.map(({ end }) => end))).toEqual(new Set(final));
  });

  it("are told apart by their titles", () => {
    for (const list of [paths, shortest])
      expect(new Set(list.map(({ title }) => title)).size).toBe(list.length);
  });
});
