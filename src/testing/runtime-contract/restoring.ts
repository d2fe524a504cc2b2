import { expectEqual, expectThat, shownEnd } from "../contract.js";
import { patient, type RuntimeCases } from "./bench.js";

/** Whether a restored Pod stays without its claim is not in it: that is decided when the launcher goes, which a runtime's own tests show. */
export const restoreCases: RuntimeCases = {
  "restore: publishes the Pod BEFORE it resolves, and sends its agent nothing": async (bench) => {
    const restore = await bench.restore();
    if (!restore) return;
    let settled = false;
    let early = false;
    restore.onOwn = () => (early = !settled);
    const end = await bench.settled("restore", restore.begin(patient.signal));
    settled = true;
    expectThat(end.kind === "resolved", `restore should bring a Pod, but ${shownEnd(end)}`);
    expectThat(early, "own should be called before restore resolves, but was not");
    const { name, launchId } = end.value;
    const { podName, launchId: expected } = restore.info;
    expectEqual({ name, launchId }, { name: podName, launchId: expected }, "name and launch id of the Pod");
    const { run, session } = await bench.settled("connect", bench.runtime.connect(end.value, patient));
    expectEqual(run, undefined, "the run that the snapshot tells of a restored Pod");
    expectThat(session?.restorable === true, "the snapshot should tell the session that was loaded");
    expectEqual(await bench.open.promptsSeen(launchId), 0, "the number of prompts that its agent saw");
    expectEqual(await restore.probe(end.value), "live", "the probe of the restored Pod");
    await restore.expectPodLock("held", "while the restored Pod lives");
    await restore.stop(end.value);
    await restore.expectGone("after the restored Pod was stopped");
  },

  "restore: nobody finds an accepted run in a Pod that has no claim yet": async (bench) => {
    const restore = await bench.restore();
    if (!restore || !bench.runtime.findAccepted) return;
    await restore.start();
    const found = await bench.runtime.findAccepted(restore.info.ticket, patient);
    expectEqual(found, undefined, "what findAccepted finds");
  },

  "restore: one that is given up when it publishes leaves nothing that stop does not end": async (bench) => {
    const restore = await bench.restore();
    if (!restore) return;
    const giveUp = new AbortController();
    restore.onOwn = () => giveUp.abort();
    await bench.settled("a restore that was given up", restore.begin(giveUp.signal));
    await restore.end();
    await restore.expectGone("after the restore was given up");
  },
};

export const failedLoadCases: RuntimeCases = {
  "restore: rejects if the session cannot be loaded, and leaves nothing that stop does not end": async (
    bench,
  ) => {
    const restore = await bench.restore();
    if (!restore) return;
    const end = await bench.settled("restore", restore.begin(patient.signal));
    expectThat(end.kind === "rejected", `restore should reject, but ${shownEnd(end)}`);
    expectEqual(await bench.open.promptsSeen(restore.info.launchId), 0, "the number of prompts");
    await restore.end();
    await restore.expectGone("after the session was not loaded");
  },
};
