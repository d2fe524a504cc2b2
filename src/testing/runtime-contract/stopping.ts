import { endingOf, expectThat, shownEnd } from "../contract.js";
import { patient, type RuntimeCases } from "./bench.js";

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
      endingOf(bench.runtime.stop(pod, { signal: AbortSignal.abort() })),
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
