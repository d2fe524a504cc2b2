import { eventually, expectEqual, expectThat, shown } from "../contract.js";
import { patient, type RuntimeCases } from "./bench.js";

export const findCases: RuntimeCases = {
  "findAccepted: finds the Pod from the moment that its run is accepted, for its ticket only": async (
    bench,
  ) => {
    if (!bench.runtime.findAccepted) return;
    const { launch, pod } = await bench.ready();
    const runtimes = [bench.runtime, await bench.open.reopen()];
    for (const runtime of runtimes) {
      const early = await runtime.findAccepted?.(launch.info.ticket, patient);
      expectThat(
        early === undefined,
        `findAccepted should find nothing before the acceptance, but found ${shown(early)}`,
      );
    }
    await bench.settled("connect", bench.runtime.connect(pod, patient));
    await launch.requestRun(pod);
    for (const runtime of runtimes) {
      const { name, launchId, locator } = (await runtime.findAccepted?.(launch.info.ticket, patient)) ?? {};
      const expected = { name: pod.name, launchId: pod.launchId, locator: pod.locator };
      expectEqual({ name, launchId, locator }, expected, "the Pod that findAccepted finds");
      const other = await runtime.findAccepted?.({ id: "another ticket" }, patient);
      expectThat(
        other === undefined,
        `findAccepted should find nothing for another ticket, but found ${shown(other)}`,
      );
    }
    await launch.stop(pod);
    await launch.expectGone("after the stop");
  },

  "findAccepted: what it finds can be dialed, tells its run, and can be stopped": async (bench) => {
    if (!bench.runtime.findAccepted) return;
    const { launch, pod, acceptance } = await bench.accepted();
    const runtime = await bench.open.reopen();
    const found = await runtime.findAccepted?.(launch.info.ticket, patient);
    expectThat(found !== undefined, "findAccepted should find the Pod in another process, but found nothing");
    const { run } = await bench.settled("connect", runtime.connect(found, patient));
    expectEqual(run, { runId: pod.launchId, acceptance }, "the run that the snapshot tells");
    await launch.stop(found, runtime);
    runtime.detach?.(found);
    await launch.expectGone("after the stop");
  },

  "probe: live while the Pod lives, here and elsewhere, and changes nothing": async (bench) => {
    const { launch, pod } = await bench.ready();
    const before = await bench.open.processesOf(pod.launchId);
    const runtimes = [bench.runtime, await bench.open.reopen()];
    for (const runtime of runtimes)
      expectEqual(await launch.probe(pod, runtime), "live", "the probe of a ready Pod");
    await bench.settled("connect", bench.runtime.connect(pod, patient));
    for (const runtime of runtimes)
      expectEqual(await launch.probe(pod, runtime), "live", "the probe of a dialed Pod");
    await launch.requestRun(pod);
    for (const runtime of runtimes)
      expectEqual(await launch.probe(pod, runtime), "live", "the probe of a running Pod");
    expectEqual(await bench.open.processesOf(pod.launchId), before, "the processes after the probes");
    expectEqual(await bench.open.promptsSeen(pod.launchId), 1, "the number of prompts that the agent saw");
    await launch.stop(pod);
    await launch.expectGone("after the stop");
  },

  "detach: a Pod that has accepted its run lives on, and is found and stopped from elsewhere": async (
    bench,
  ) => {
    const { launch, pod } = await bench.accepted();
    const before = await bench.open.processesOf(pod.launchId);
    bench.runtime.detach?.(pod);
    const runtime = await bench.open.reopen();
    const elsewhere = runtime.podAt(launch.referenceTo(pod));
    // A round trip: whatever the Pod was told by the detach has reached it before this answer.
    const { launchId } = await bench.settled("connect", runtime.connect(elsewhere, patient));
    expectEqual(launchId, pod.launchId, "the launch id in the snapshot");
    expectEqual(await launch.probe(pod, runtime), "live", "the probe of a detached Pod");
    expectEqual(await bench.open.processesOf(pod.launchId), before, "the processes after the detach");
    await launch.expectPodLock("held", "after the detach");
    await launch.stop(elsewhere, runtime);
    runtime.detach?.(elsewhere);
    await launch.expectGone("after the stop");
  },

  "the launcher dies before the Pod has accepted a run: the Pod ends by itself": async (bench) => {
    if (!bench.open.launcherDies) return;
    const { info, lock } = await bench.launch();
    lock.close();
    await bench.open.launcherDies(info, "ready");
    await eventually(bench.limitMs, "the Pod should end by itself", async () => {
      const running = await bench.open.processesOf(info.launchId);
      const { pod } = await bench.open.registry.probeLocks(info.ticket);
      return running.length === 0 && pod === "free"
        ? undefined
        : `${shown(running)} run, and its lock is ${pod}`;
    });
    const found = await bench.runtime.findAccepted?.(info.ticket, patient);
    expectThat(found === undefined, `findAccepted should find nothing, but found ${shown(found)}`);
  },

  "the launcher dies after the Pod has accepted its run: the Pod works on, and is adopted": async (bench) => {
    if (!bench.open.launcherDies) return;
    const launch = await bench.launch();
    launch.lock.close();
    const { launchId, podName: name } = launch.info;
    const locator = await bench.open.launcherDies(launch.info, "accepted");
    const pod = bench.runtime.podAt(launch.referenceTo({ name, launchId, locator }));
    launch.owned.push(pod);
    expectEqual(await launch.probe(pod), "live", "the probe of the Pod whose launcher died");
    const found = await bench.runtime.findAccepted?.(launch.info.ticket, patient);
    if (bench.runtime.findAccepted)
      expectEqual(found?.launchId, launchId, "the launch of the Pod that is found");
    await bench.settled("connect", bench.runtime.connect(pod, patient));
    const result = await launch.requestRun(pod, { adopted: true });
    expectEqual(result.kind, "accepted", "the kind of the result that the adoption is told");
    expectEqual(await bench.open.promptsSeen(launchId), 1, "the number of prompts that the agent saw");
    await launch.stop(pod);
    await launch.expectGone("after the stop");
  },
};
