/** Promises 1, 2 and 5: a launcher that is SIGKILLed in any state leaves no ghost claim, and no Pod that nobody finds. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { built } from "../fixtures/guardian-runtime.js";
import { OwnPodsWorld } from "../fixtures/own-pods-world.js";
import type { Moment } from "../fixtures/crash-moments.js";
import { disposableDirectory } from "../fixtures/temporary.js";
import { waitUntil } from "../fixtures/processes.js";

/** What stands after the kill: nothing, a Pod that accepted and can be adopted, or the claim. */
type Left = "nothing" | "adoptable" | "claimed";

const moments: (readonly [Moment, Left, string?])[] = [
  ["before admit", "nothing"],
  ["after admit", "nothing"],
  ["before startPod", "nothing"],
  ["after startPod", "nothing"],
  ["before connect", "nothing"],
  ["after connect", "nothing"],
  ["before registerPeers", "nothing"],
  ["after registerPeers", "nothing"],
  ["before requestRun", "nothing"],
  ["after requestRun", "adoptable"],
  ["before commitClaim", "adoptable"],
  ["after commitClaim", "claimed"],
  ["before readBackClaim", "adoptable"],
  ["after readBackClaim", "adoptable"],
  ["before stopPod", "nothing", "script:rejectsRun"],
  ["after stopPod", "nothing", "script:rejectsRun"],
];

describe("a launcher that is SIGKILLed", () => {
  it.each(moments.map(([moment, left, agent]) => ({ moment, left, agent })))(
    "$moment leaves $left, and the next launch tells the truth",
    async ({ moment, left, agent }) => {
      using directory = disposableDirectory();
      const world = new OwnPodsWorld(directory.path);
      const id = "CRASH";
      try {
        await killAt(moment, { world, id, agent });

        const crashed = world.observe(id);
        expect(crashed.launchLock, "the lock dies with its holder").toBe("free");
        expect(crashed.claims).toHaveLength(left === "claimed" ? 1 : 0);
        if (left === "nothing") {
          await waitUntil(() => world.livingPods(id).length === 0, {
            deadlineMs: 10_000,
            what: "the Pod to end by itself",
          });
        } else expect(world.livingPods(id)).toHaveLength(1);

        const next = await world.launcher().launch({ ticket: { id }, prompt: "again" }).outcome;
        if (left === "claimed") expect(next).toMatchObject({ status: "blocked", by: "live" });
        else expect(next).toMatchObject({ status: "claimed", adopted: left === "adoptable" });

        const settled = world.observe(id);
        expect(settled.claims).toHaveLength(1);
        expect(world.livingPods(id)).toEqual(settled.claims);
        expect(settled.sessions).toEqual(settled.claims);
        // Killed after a rejected run, two launches have spoken, to two Pods; no Pod ever heard two prompts.
        expect(world.prompts(id)).toBe(1);
        expect(await world.launcher().doctor()).toMatchObject({ healthy: true });
      } finally {
        await world.clear(id);
      }
    },
  );

  it("before its Pod has even been published, leaves a Pod that ends by itself", async () => {
    using directory = disposableDirectory();
    const world = new OwnPodsWorld(directory.path);
    const args = [built("test/fixtures/crash-launcher.js"), world.workspace, world.home, world.pods, "EARLY"];
    // Never ready: the launcher is killed while it waits for the ready line.
    const agent = ["after requestRun", built("test/fixtures/path-pod.js"), "script:neverReady"];
    const child = spawn(process.execPath, [...args, ...agent], { stdio: ["ignore", "pipe", "inherit"] });
    const exited = once(child, "exit");
    try {
      await waitUntil(() => world.livingPods("EARLY").length === 1, { deadlineMs: 20_000, what: "the Pod" });
      child.kill("SIGKILL");
      await exited;
      await waitUntil(() => world.livingPods("EARLY").length === 0, { deadlineMs: 10_000, what: "its end" });
      expect(
        await world.launcher().launch({ ticket: { id: "EARLY" }, prompt: "again" }).outcome,
      ).toMatchObject({
        status: "claimed",
        adopted: false,
      });
    } finally {
      child.kill("SIGKILL");
      await world.clear("EARLY");
    }
  });
});

describe("a Pod that is SIGKILLed", () => {
  it("leaves a stale claim that blocks, is shown with its evidence, and is reclaimed into history by hand", async () => {
    using directory = disposableDirectory();
    const world = new OwnPodsWorld(directory.path);
    const ticket = { id: "STALE" };
    const launcher = world.launcher();
    const first = await launcher.launch({ ticket, prompt: "first" }).outcome;
    if (first.status !== "claimed") throw new Error(`claimed was expected, not ${first.status}`);
    const { launchId } = first.claim;
    await world.clear("STALE");

    expect((await launcher.status(ticket)).claims).toMatchObject([
      { state: "stale", evidence: { podLock: "free" } },
    ]);
    expect(await launcher.launch({ ticket, prompt: "second" }).outcome).toMatchObject({
      status: "blocked",
      by: "stale",
    });
    expect(await launcher.reclaim(ticket, { expect: "another-launch" })).toMatchObject({
      status: "refused",
      by: "mismatch",
    });
    expect(world.observe("STALE").claims).toEqual([launchId]);
    expect(await launcher.reclaim(ticket, { expect: launchId })).toMatchObject({ status: "ended" });
    expect(await launcher.history(ticket)).toMatchObject([{ claim: { launchId }, how: "reclaimed" }]);
    expect(await launcher.launch({ ticket, prompt: "third" }).outcome).toMatchObject({
      status: "claimed",
      adopted: false,
    });
    await world.clear("STALE");
  });
});

async function killAt(
  moment: Moment,
  { world, id, agent }: { world: OwnPodsWorld; id: string; agent: string | undefined },
): Promise<void> {
  const program = built(agent === undefined ? "examples/own-pods/pod.js" : "test/fixtures/path-pod.js");
  const args = [
    built("test/fixtures/crash-launcher.js"),
    world.workspace,
    world.home,
    world.pods,
    id,
    moment,
    program,
  ];
  const child = spawn(process.execPath, [...args, ...(agent === undefined ? [] : [agent])], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await exited;
}
