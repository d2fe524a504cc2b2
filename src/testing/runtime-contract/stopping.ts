import { endingOf, eventually, expectEqual, expectThat, shown, shownEnd } from "../contract.js";
import { patient, patientStop, type RuntimeCases } from "./bench.js";

export const stopCases: RuntimeCases = {
  "stop: a Pod that was never dialed is gone": async (bench) => {
    const { launch, pod } = await bench.ready();
    await launch.stop(pod);
    await launch.expectGone("after the stop");
  },

  "stop: a Pod that works is gone": async (bench) => {
    const { launch, pod } = await bench.accepted();
    await launch.stop(pod);
    await launch.expectGone("after the stop");
  },

  "stop: can be repeated, also from another process, and for a Pod that is gone": async (bench) => {
    const { launch, pod } = await bench.accepted();
    await launch.stop(pod);
    await launch.stop(pod);
    const runtime = await bench.open.reopen();
    await launch.stop(runtime.podAt(launch.referenceTo(pod)), runtime);
    bench.runtime.detach?.(pod);
    await launch.stop(pod);
    await launch.expectGone("after the last stop");
  },

  "stop: from another process, of a Pod that is known by its locator only": async (bench) => {
    const { launch, pod } = await bench.ready();
    const runtime = await bench.open.reopen();
    await launch.stop(runtime.podAt(launch.referenceTo(pod)), runtime);
    await launch.expectGone("after the stop from another process");
  },

  "stop: an aborted signal makes it no less true": async (bench) => {
    const { launch, pod } = await bench.ready();
    const end = await bench.settled(
      "an aborted stop",
      endingOf(bench.runtime.stop(pod, { ...patientStop, signal: AbortSignal.abort() })),
    );
    // It may reject, and it may name what is left; what it may not do is say that nothing is left if something is.
    if (end.kind === "resolved" && end.value.stopped) await launch.expectGone("after the aborted stop");
    await launch.stop(pod);
    await launch.expectGone("after the second stop");
  },

  "a Pod that is gone: every call settles, and no run is accepted": async (bench) => {
    const { launch, pod } = await bench.accepted();
    await launch.stop(pod);
    for (const runtime of [bench.runtime, await bench.open.reopen()]) {
      const gone = runtime.podAt(launch.referenceTo(pod));
      for (const each of runtime === bench.runtime ? [pod, gone] : [gone]) {
        await bench.settled("connect to a Pod that is gone", endingOf(runtime.connect(each, patient)));
        const peer = runtime.registerPeer(each, "peer", patient);
        await bench.settled("registerPeer of a Pod that is gone", endingOf(peer));
        for (const adopted of [false, true]) {
          const run = runtime.requestRun(each, launch.run(adopted), patient);
          const end = await bench.settled("requestRun of a Pod that is gone", endingOf(run));
          const accepted = end.kind === "resolved" && end.value.kind === "accepted";
          expectThat(!accepted, `a Pod that is gone should accept no run, but ${shownEnd(end)}`);
        }
        runtime.detach?.(each);
      }
    }
    await launch.expectGone("after every call");
  },
};

/** With Pods that leave processes behind. */
export const leftoverCases: RuntimeCases = {
  "stop: what the Pod leaves behind is ended with it, or named": async (bench) => {
    const { launch, pod } = await bench.accepted();
    const running = await bench.open.processesOf(pod.launchId);
    expectThat(
      running.length > 1,
      `the harness should see more than one process, but sees ${shown(running)}`,
    );
    const answer = await bench.settled("stop", bench.runtime.stop(pod, patientStop));
    const left = await bench.open.processesOf(pod.launchId);
    const named = answer.stopped ? [] : answer.pids;
    const unnamed = left.filter((pid) => !named.includes(pid));
    expectEqual(unnamed, [], `the processes that run on and that the answer ${shown(answer)} does not name`);
    if (answer.stopped) await launch.expectGone("after the stop");
  },

  "stop: what a killed Pod leaves behind is lingering, and ended from another process, or named": async (
    bench,
  ) => {
    const { launch, pod } = await bench.accepted();
    const { pids = [] } = pod;
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await eventually(bench.limitMs, "the Pod's own processes should die", async () => {
      const running = await bench.open.processesOf(pod.launchId);
      return running.some((pid) => pids.includes(pid)) ? `${shown(running)} run` : undefined;
    });
    await launch.expectPodLock("free", "once its own processes were killed");
    const left = await bench.open.processesOf(pod.launchId);
    if (left.length === 0) return;
    const runtime = await bench.open.reopen();
    const found = runtime.podAt(launch.referenceTo(pod));
    expectEqual(await launch.probe(found, runtime), "lingering", "the probe while something is left");
    const answer = await bench.settled("stop", runtime.stop(found, patientStop));
    const named = answer.stopped ? [] : answer.pids;
    const unnamed = (await bench.open.processesOf(pod.launchId)).filter((pid) => !named.includes(pid));
    expectEqual(unnamed, [], `the processes that run on and that the answer ${shown(answer)} does not name`);
  },
};
