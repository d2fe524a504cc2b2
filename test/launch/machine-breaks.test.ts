import { describe, expect, test } from "vitest";
import type { CommitAnswer } from "../../src/ports.js";
import { Gates, type ActorName } from "../../src/testing/index.js";
import type { LaunchClock } from "../../src/index.js";
import {
  forEver,
  Held,
  inState,
  LaunchHost,
  LONG,
  outcomeAs,
  stepsOf,
  turns,
  watchUnhandled,
} from "../fixtures/launch-host.js";
import { waitUntil } from "../fixtures/processes.js";

const ticket = { id: "T-1" };
const request = { ticket, peers: ["panel"], timeouts: LONG };

/** A clock that works but for one call. */
function clockThatThrows(method: keyof LaunchClock, nth: number): LaunchClock {
  let calls = 0;
  const broken = (called: keyof LaunchClock) => {
    if (called !== method) return;
    calls += 1;
    if (calls === nth) throw new Error(`call ${nth} of the clock's ${method} is broken`);
  };
  return {
    now: () => {
      broken("now");
      return Date.now();
    },
    setTimeout: (callback, delayMs) => {
      broken("setTimeout");
      return setTimeout(callback, delayMs);
    },
    clearTimeout: (id) => {
      clearTimeout(id as NodeJS.Timeout);
      broken("clearTimeout");
    },
  };
}

describe("a clock that throws", () => {
  for (const method of ["setTimeout", "clearTimeout"] as const) {
    // A launch that is claimed passes six states with a delay.
    for (const nth of [1, 2, 3, 4, 5, 6]) {
      test(`in call ${nth} of ${method}: the launch ends with the truth, and leaves nothing but what it tells of`, async () => {
        const host = new LaunchHost();
        const unhandled = watchUnhandled();
        const launcher = host.launcher({ clock: clockThatThrows(method, nth) });
        const launch = launcher.launch(request);
        const outcome = await launch.outcome;
        if (outcome.status === "claimed") host.expectClaimed(ticket.id, launch.launchId);
        else {
          expect(outcome).toMatchObject({ status: "failed", code: "internal" });
          host.expectNothingLeft(ticket.id);
        }
        // The claim is on disk before the last delay is cleared.
        expect(outcome.status).toBe(method === "clearTimeout" && nth === 6 ? "claimed" : "failed");
        expect(launcher.inFlight()).toEqual([]);
        expect((await stepsOf(launch))[0]).toBe("idle");
        await turns();
        expect(unhandled.map(String)).toEqual([]);
        if (outcome.status === "failed") await outcomeAs(host.launcher().launch(request).outcome, "claimed");
      });
    }
  }

  for (const nth of [1, 2, 3, 4, 5, 8, 12]) {
    test(`in call ${nth} of now: the launch ends with the truth, and the host does not die of it`, async () => {
      const host = new LaunchHost();
      const unhandled = watchUnhandled();
      const launch = host.launcher({ clock: clockThatThrows("now", nth) }).launch(request);
      const { status } = await launch.outcome;
      if (status === "claimed") host.expectClaimed(ticket.id, launch.launchId);
      else host.expectNothingLeft(ticket.id);
      await turns();
      expect(unhandled.map(String)).toEqual([]);
    });
  }
});

describe("an actor that is stopped from outside", () => {
  const beforeAcceptance: readonly (readonly [string, ActorName])[] = [
    ["spawning.admitting", "admit"],
    ["spawning.starting", "startPod"],
    ["connecting.dialing", "connect"],
    ["connecting.registeringPeers", "registerPeers"],
    ["awaitingRunAck", "requestRun"],
    ["committingClaim.writing", "commitClaim"],
  ];
  const order = beforeAcceptance.map(([, actor]) => actor);

  for (const [state, actor] of beforeAcceptance) {
    for (const moment of ["before", "after"] as const) {
      test(`in ${state}, ${moment} its work was done, leaves the truth`, async () => {
        const host = new LaunchHost();
        const unhandled = watchUnhandled();
        const gates = new Gates();
        const launcher = host.launcher({ wrapEffects: gates.wrap });
        const launch = launcher.launch(request);
        for (const earlier of order.slice(0, order.indexOf(actor))) {
          await invoked(gates, earlier);
          gates.at(earlier).done(await gates.at(earlier).run());
        }
        await inState(launch, state);
        await invoked(gates, actor);
        if (moment === "after") await gates.at(actor).run();
        launch.actor.stop();

        const outcome = await launch.outcome;
        if (actor === "commitClaim" && moment === "after") {
          expect(outcome).toMatchObject({ status: "claimed", claim: { launchId: launch.launchId } });
          host.expectClaimed(ticket.id, launch.launchId);
        } else {
          expect(["failed", "cancelled"]).toContain(outcome.status);
          host.expectNothingLeft(ticket.id);
        }
        expect(launcher.inFlight()).toEqual([]);
        expect((await stepsOf(launch)).at(-1)).toBe(state);
        // What was abandoned goes on late: it may bring nothing.
        await gates
          .at(actor)
          .run()
          .catch(() => undefined);
        await turns();
        expect(unhandled.map(String)).toEqual([]);
        if (outcome.status !== "claimed") {
          host.expectNothingLeft(ticket.id);
          await outcomeAs(host.launcher().launch(request).outcome, "claimed");
        }
      });
    }
  }

  test("is taken as a cancellation, as its documentation says", async () => {
    const host = new LaunchHost();
    const held = new Held<never>();
    host.runtime.script(ticket.id, { connect: held.call });
    const launch = host.launcher().launch(request);
    await held.called();
    launch.actor.stop();
    await outcomeAs(launch.outcome, "cancelled");
    host.expectNothingLeft(ticket.id);
  });

  test("while the commit is on its way: the commit does not happen any more, and the Pod is stopped", async () => {
    const host = new LaunchHost();
    const held = new Held<undefined>();
    const answers: (CommitAnswer | Error)[] = [];
    const registry = host.registryWith({
      commit: async (...args) => {
        await held.call();
        try {
          const answer = await host.files.commit(...args);
          answers.push(answer);
          return answer;
        } catch (error) {
          answers.push(error as Error);
          throw error;
        }
      },
    });
    const launch = host.launcher({ registry }).launch(request);
    await held.called();
    launch.actor.stop();
    await outcomeAs(launch.outcome, "cancelled");
    held.settle(undefined);
    await waitUntil(() => answers.length > 0, { deadlineMs: 10_000, what: "the late commit to be given up" });
    expect(answers[0]).toBeInstanceOf(Error);
    host.expectNothingLeft(ticket.id);
  });

  test("while committing, with a registry that cannot be read back: unresolved, the Pod lives and can be adopted", async () => {
    const host = new LaunchHost();
    const held = new Held<never>();
    const registry = host.registryWith({
      commit: held.call,
      readBack: () => Promise.reject(new Error("EIO")),
    });
    const launch = host.launcher({ registry }).launch(request);
    await held.called();
    launch.actor.stop();
    await outcomeAs(launch.outcome, "unresolved");
    expect(host.observe(ticket.id)).toMatchObject({ claims: [], launchLock: "free", podLock: "held" });
    expect(await outcomeAs(host.launcher().launch(request).outcome, "blocked")).toMatchObject({ by: "live" });
    const adopted = await host.launcher().adopt(ticket);
    expect(adopted).toMatchObject({ status: "claimed", adopted: true, claim: { launchId: launch.launchId } });
    host.expectClaimed(ticket.id, launch.launchId);
  });

  test("while it is stopping: the Pod is stopped all the same", async () => {
    const host = new LaunchHost();
    const held = new Held<"ok">();
    host.runtime.script(ticket.id, { requestRun: "reject", stop: held.call, deaf: true });
    const launch = host.launcher().launch(request);
    await inState(launch, "stopping");
    await held.called();
    launch.actor.stop();
    held.settle("ok");
    const { status } = await launch.outcome;
    expect(["failed", "cancelled"]).toContain(status);
    host.expectNothingLeft(ticket.id);
  });

  test("with a Pod that cannot be stopped: unresolved, and the ticket is blocked", async () => {
    const host = new LaunchHost();
    const held = new Held<never>();
    host.runtime.script(ticket.id, { connect: held.call, stop: "unproven", survivors: [process.pid] });
    const launch = host.launcher().launch(request);
    await held.called();
    launch.actor.stop();
    expect(await outcomeAs(launch.outcome, "unresolved")).toMatchObject({ pids: [process.pid] });
    const blocked = await outcomeAs(host.launcher().launch(request).outcome, "blocked");
    expect(blocked).toMatchObject({ by: "lingering", pids: [process.pid] });
  });

  test("that has adopted a Pod leaves that Pod alive, to be adopted again", async () => {
    const host = new LaunchHost();
    const pod = await host.runtime.acceptedPod(ticket, { registry: host.files });
    const held = new Held<never>();
    host.runtime.script(ticket.id, { connect: held.call });
    const launch = host.launcher().launch(request);
    await held.called();
    launch.actor.stop();
    const { status } = await launch.outcome;
    expect(["failed", "cancelled"]).toContain(status);
    expect(host.runtime.pods()).toEqual([pod]);
    host.runtime.script(ticket.id, {});
    const again = await outcomeAs(host.launcher().launch(request).outcome, "claimed");
    expect(again).toMatchObject({ adopted: true, claim: { launchId: pod.launchId } });
    await host.runtime.stop(pod, forEver);
  });

  test("after the launch has ended changes nothing", async () => {
    const host = new LaunchHost();
    const launch = host.launcher().launch(request);
    await outcomeAs(launch.outcome, "claimed");
    launch.actor.stop();
    await turns();
    await outcomeAs(launch.outcome, "claimed");
    host.expectClaimed(ticket.id, launch.launchId);
  });
});

async function invoked(gates: Gates, actor: ActorName): Promise<void> {
  await waitUntil(
    () => {
      try {
        return gates.at(actor);
      } catch {
        return undefined;
      }
    },
    { deadlineMs: 10_000, what: `${actor} to be invoked` },
  );
}
