import { endingOf, expectEqual, expectThat, shown, shownEnd } from "../contract.js";
import { patient, type RuntimeCases } from "./bench.js";

export const runCases: RuntimeCases = {
  "requestRun: accepted with its evidence, and delivered once": async (bench) => {
    const { launch } = await bench.accepted();
    expectEqual(
      await bench.open.promptsSeen(launch.info.launchId),
      1,
      "the number of prompts that the agent saw",
    );
  },

  "requestRun: the same run again is answered with what is known, and not delivered again": async (bench) => {
    const { launch, pod, acceptance } = await bench.accepted();
    const again = await launch.requestRun(pod);
    expectThat(again.kind === "accepted", `the same run should be accepted again, but is ${shown(again)}`);
    expectEqual(again.acceptance, acceptance, "the acceptance that is told again");
    expectEqual(await bench.open.promptsSeen(pod.launchId), 1, "the number of prompts that the agent saw");
  },

  "requestRun: one that was given up is delivered once at most, and the Pod can be stopped": async (
    bench,
  ) => {
    const { launch, pod } = await bench.ready();
    await bench.settled("connect", bench.runtime.connect(pod, patient));
    const giveUp = new AbortController();
    const run = endingOf(bench.runtime.requestRun(pod, launch.run(), giveUp));
    giveUp.abort();
    // As the launch does: the stop overtakes the call that it has left.
    await launch.stop(pod);
    await bench.settled("a run that was given up", run);
    await launch.expectGone("after the stop");
    const prompts = await bench.open.promptsSeen(pod.launchId);
    expectThat(prompts <= 1, `the agent should have seen one prompt at most, but saw ${prompts}`);
  },

  "requestRun: an adoption is answered with the acceptance, and delivers nothing": async (bench) => {
    const { launch, pod, acceptance } = await bench.accepted();
    bench.runtime.detach?.(pod);
    const runtime = await bench.open.reopen();
    const found = runtime.podAt(launch.referenceTo(pod));
    await bench.settled("connect", runtime.connect(found, patient));
    const result = await launch.requestRun(found, { runtime, adopted: true });
    expectThat(
      result.kind === "accepted",
      `the adopted run should be accepted, but the answer is ${shown(result)}`,
    );
    expectEqual(result.acceptance, acceptance, "the acceptance that the adoption is told");
    expectEqual(await bench.open.promptsSeen(pod.launchId), 1, "the number of prompts that the agent saw");
    runtime.detach?.(found);
  },

  "requestRun: a Pod that has accepted nothing has nothing to adopt": async (bench) => {
    const { launch, pod } = await bench.ready();
    await bench.settled("connect", bench.runtime.connect(pod, patient));
    const run = bench.runtime.requestRun(pod, launch.run(true), patient);
    const end = await bench.settled("an adoption of nothing", endingOf(run));
    const accepted = end.kind === "resolved" && end.value.kind === "accepted";
    expectThat(!accepted, `an adoption of nothing should be refused, but ${shownEnd(end)}`);
    expectEqual(await bench.open.promptsSeen(pod.launchId), 0, "the number of prompts that the agent saw");
  },
};

/** With Pods whose agent refuses the run. */
export const rejectedRunCases: RuntimeCases = {
  "requestRun: a refusal is a value, and stays one": async (bench) => {
    const { launch, pod } = await bench.ready();
    await bench.settled("connect", bench.runtime.connect(pod, patient));
    for (const time of ["the first", "the second"]) {
      const result = await launch.requestRun(pod);
      expectEqual(result.kind, "rejected", `the kind of the result, asked for ${time} time`);
    }
    const prompts = await bench.open.promptsSeen(pod.launchId);
    expectThat(prompts <= 1, `the agent should have seen one prompt at most, but saw ${prompts}`);
  },

  "requestRun: a Pod that has refused its run is not found as accepted, and can be stopped": async (
    bench,
  ) => {
    const { launch, pod } = await bench.ready();
    await bench.settled("connect", bench.runtime.connect(pod, patient));
    await launch.requestRun(pod);
    for (const runtime of [bench.runtime, await bench.open.reopen()]) {
      const found = await runtime.findAccepted?.(launch.info.ticket, patient);
      expectThat(found === undefined, `findAccepted should find nothing, but found ${shown(found)}`);
    }
    await launch.stop(pod);
    await launch.expectGone("after the stop");
  },
};
