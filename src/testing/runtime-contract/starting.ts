import { snapshotSchema } from "../../launch/answers.js";
import { endingOf, eventually, expectEqual, expectThat, nextTurn, shown, shownEnd } from "../contract.js";
import { patient, type RuntimeCases } from "./bench.js";

/** When a start is given up: turns of the event loop after it was begun. A process takes some thousands to become ready. */
const TURNS = [0, 1, 2, 5, 20, 100, 500, 2_000];

export const startCases: RuntimeCases = {
  "start: publishes the Pod BEFORE it resolves, once, and returns that same Pod": async (bench) => {
    const launch = await bench.launch();
    let settled = false;
    let early = false;
    launch.onOwn = () => (early = !settled);
    const end = await bench.settled("start", launch.begin(patient.signal));
    settled = true;
    expectThat(end.kind === "resolved", `start should bring a Pod, but ${shownEnd(end)}`);
    expectThat(early, "own should be called before start resolves, but was not");
    expectEqual(launch.owned.length, 1, "the number of Pods that were published");
    expectThat(
      launch.owned[0] === end.value,
      "start should return the Pod that it published, but returned another",
    );
    const { name, launchId, pids = [] } = end.value;
    const { podName, launchId: expected } = launch.info;
    expectEqual({ name, launchId }, { name: podName, launchId: expected }, "name and launch id of the Pod");
    const running = await bench.open.processesOf(launchId);
    const unknown = pids.filter((pid) => !running.includes(pid));
    expectThat(
      unknown.length === 0,
      `the Pod's pids should run (${shown(running)} do), but are ${shown(pids)}`,
    );
  },

  "start: the locator survives storage, names the Pod to podAt, and holds no prompt": async (bench) => {
    const { launch, pod } = await bench.ready();
    const reference = launch.referenceTo(pod);
    expectEqual(reference.runtime.locator, pod.locator, "the locator, stored and read again");
    expectThat(
      !JSON.stringify(pod.locator).includes(launch.info.plan.prompt),
      "the locator should not hold the prompt, but does",
    );
    for (const runtime of [bench.runtime, await bench.open.reopen()]) {
      const { name, launchId, locator } = runtime.podAt(reference);
      const expected = { name: pod.name, launchId: pod.launchId, locator: pod.locator };
      expectEqual({ name, launchId, locator }, expected, "the Pod that the locator names");
    }
    const foreign = { ...reference, runtime: { ...reference.runtime, locator: { somebodyElses: true } } };
    const end = await endingOf(Promise.resolve().then(() => bench.runtime.podAt(foreign)));
    expectThat(end.kind === "rejected", `podAt should throw at a foreign locator, but ${shownEnd(end)}`);
  },

  "start: rejects while another Pod holds the Pod lock, and starts nothing": async (bench) => {
    const { launch, pod } = await bench.ready();
    if (!launch.locks) return;
    const second = bench.launchUnder(launch.lock);
    const end = await bench.settled("a second start", second.begin(patient.signal));
    expectThat(end.kind === "rejected", `a second start should reject, but ${shownEnd(end)}`);
    expectEqual(await bench.open.processesOf(second.info.launchId), [], "the processes of the second start");
    expectEqual(await launch.probe(pod), "live", "the probe of the first Pod");
  },

  "start: the Pod lock is held while the Pod lives, and free once it was stopped": async (bench) => {
    const { launch, pod } = await bench.ready();
    await launch.expectPodLock("held", "once the launch has closed its copy");
    await launch.stop(pod);
    await launch.expectPodLock("free", "once the Pod was stopped");
  },

  "start: one that was given up before it began leaves nothing": async (bench) => {
    const launch = await bench.launch();
    void launch.begin(AbortSignal.abort());
    await launch.end();
    await launch.expectGone("after the start was given up");
  },

  "start: one that is given up when it publishes leaves nothing that stop does not end": async (bench) => {
    const launch = await bench.launch();
    const giveUp = new AbortController();
    launch.onOwn = () => giveUp.abort();
    await bench.settled("a start that was given up", launch.begin(giveUp.signal));
    await launch.end();
    await launch.expectGone("after the start was given up");
  },

  "start: one that is given up at any moment leaves nothing that stop does not end": async (bench) => {
    for (const turns of TURNS) {
      const launch = await bench.launch();
      const giveUp = new AbortController();
      const starting = launch.begin(giveUp.signal);
      for (let turn = 0; turn < turns; turn += 1) await nextTurn();
      giveUp.abort();
      await launch.end();
      await launch.expectGone(`after the start was given up after ${turns} turns`);
      // It may settle late, but not bring anything then.
      const end = await bench.settled("a start whose Pod was stopped", starting);
      const published = end.kind === "rejected" || launch.owned.includes(end.value);
      expectThat(published, `a late Pod should have been published, but ${shownEnd(end)}`);
      await launch.expectGone(`after the start, given up after ${turns} turns, had settled`);
    }
  },

  "connect: the Pod tells its name, its launch and protocol 1, and of no run yet": async (bench) => {
    const { launch, pod } = await bench.ready();
    const snapshot = await bench.settled("connect", bench.runtime.connect(pod, patient));
    expectThat(
      snapshotSchema.safeParse(snapshot).success,
      `connect should give a snapshot, but gave ${shown(snapshot)}`,
    );
    const { protocol, pod: name, launchId, run } = snapshot;
    const { podName, launchId: expected } = launch.info;
    const told = { protocol, name, launchId, run };
    expectEqual(
      told,
      { protocol: 1, name: podName, launchId: expected, run: undefined },
      "what the Pod tells of itself",
    );
  },

  "connect: one that was given up does not harm the next": async (bench) => {
    const { pod } = await bench.ready();
    await bench.settled(
      "a connect that was given up",
      endingOf(bench.runtime.connect(pod, { signal: AbortSignal.abort() })),
    );
    const { launchId } = await bench.settled("connect", bench.runtime.connect(pod, patient));
    expectEqual(launchId, pod.launchId, "the launch id in the snapshot");
  },

  "registerPeer: resolves for a peer that can be told": async (bench) => {
    if (!bench.open.reachablePeer) return;
    const { pod: another } = await bench.ready();
    const peer = bench.open.reachablePeer(another);
    const { pod } = await bench.ready();
    await bench.settled("connect", bench.runtime.connect(pod, patient));
    await bench.settled("registerPeer", bench.runtime.registerPeer(pod, peer, patient));
  },

  "registerPeer: rejects for a peer that cannot be told, and the Pod takes its run all the same": async (
    bench,
  ) => {
    const peer = bench.open.unreachablePeer;
    if (peer === undefined) return;
    const { launch, pod } = await bench.ready();
    await bench.settled("connect", bench.runtime.connect(pod, patient));
    const end = await bench.settled("registerPeer", endingOf(bench.runtime.registerPeer(pod, peer, patient)));
    expectThat(end.kind === "rejected", `registerPeer should reject, but ${shownEnd(end)}`);
    expectEqual((await launch.requestRun(pod)).kind, "accepted", "the kind of the run's result");
  },
};

/** With Pods that start, and never say that they are ready. */
export const neverReadyCases: RuntimeCases = {
  "start: a Pod that is not ready was published already, and can be stopped": async (bench) => {
    const launch = await bench.launch();
    void launch.begin(patient.signal);
    await eventually(bench.limitMs, "the Pod should be published", async () =>
      launch.owned.length > 0 ? undefined : "it was not",
    );
    await launch.end();
    await launch.expectGone("after the Pod that was not ready was stopped");
  },

  "start: one of a Pod that is not ready is given up, and leaves nothing": async (bench) => {
    const launch = await bench.launch();
    const giveUp = new AbortController();
    launch.onOwn = () => setImmediate(() => giveUp.abort());
    void launch.begin(giveUp.signal);
    await eventually(bench.limitMs, "the Pod should be published", async () =>
      launch.owned.length > 0 ? undefined : "it was not",
    );
    await launch.end();
    await launch.expectGone("after the start was given up");
  },
};
