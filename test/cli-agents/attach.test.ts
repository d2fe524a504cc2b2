/** The program itself: peers of a launch, and a client that is attached through pipes. */
import { describe, expect, test } from "vitest";
import { claimOf, CliWorld, DEADLINE_MS, outcomeOf } from "../fixtures/cli-world.js";
import { waitUntil } from "../fixtures/processes.js";

interface Told {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

describe("attach", () => {
  test("shows an Orchestrator's terminal the hand-off of another launch, before its first run and at its end", async () => {
    await using world = new CliWorld();
    const orchestrator = claimOf(await world.launch("O-1", {}, { flags: ["--role", "orchestrator"] }));
    const watching = world.start("attach", "O-1", "--json");
    const told = (event: string) => (watching.lines as Told[]).filter((line) => line.event === event);
    await waitUntil(() => told("history").length === 1, { deadlineMs: DEADLINE_MS, what: "to be attached" });
    const ended = await world.launch("T-1", {}, { flags: ["--peer", orchestrator.pod, "--peer", "nobody"] });
    const { pod } = claimOf(ended);
    await waitUntil(() => told("notify").length === 2, {
      deadlineMs: DEADLINE_MS,
      what: () => `two notices; so far: ${watching.said}`,
    });
    const [first, second] = told("notify");
    expect(first?.data).toMatchObject({ from: pod, message: expect.stringContaining("T-1") as string });
    expect(second?.data).toMatchObject({
      from: pod,
      message: expect.stringContaining("has ended") as string,
    });
    const outcome = outcomeOf(ended);
    expect(outcome).toMatchObject({ warnings: [{ code: "peer_not_registered" }] });
    expect(JSON.stringify(outcome)).toContain("nobody");
    watching.child.stdin?.write("What is new?\n");
    await waitUntil(() => told("run_ended").length === 1, {
      deadlineMs: DEADLINE_MS,
      what: () => `the end of the run; so far: ${watching.said}`,
    });
    expect(await watching.dies("SIGTERM")).toMatchObject({ code: 0 });
    expect((await world.status("O-1"))?.state).toBe("live");
  });

  test("status says what a living claim waits for", async () => {
    await using world = new CliWorld();
    const permission = { toolCall: { toolCallId: "c", title: "Run make" }, options: [] };
    claimOf(await world.launch("T-1", { prompt: [{ permission }, { stall: true }] }));
    expect(await world.status("T-1")).toMatchObject({
      state: "live",
      permissions: [{ title: "Run make" }],
    });
  });
});
