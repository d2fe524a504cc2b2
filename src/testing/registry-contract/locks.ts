import {
  endingOf,
  expectEqual,
  expectRejection,
  expectThat,
  nextTurn,
  shown,
  shownEnd,
  within,
} from "../contract.js";
import { codeOf, LIMIT_MS, patient, T1, T2, type RegistryCases } from "./bench.js";

export const lockCases: RegistryCases = {
  "launch lock: one holder at a time, within one process too": async ({ registry }) => {
    const attempts = Array.from({ length: 8 }, () => registry.lockLaunch(T1, patient));
    const locks = await within(LIMIT_MS, "eight lockLaunch at once", Promise.all(attempts));
    const got = locks.filter((lock) => lock !== undefined);
    for (const lock of got) lock.close();
    expectEqual(got.length, 1, "the number of those who got the lock");
  },

  "launch lock: undefined while another holds it, patient or not, and whatever the slug": async (bench) => {
    const lock = await bench.lock(T1);
    for (const context of [patient, { ...patient, patient: false }]) {
      await bench.expectBusy(bench.registry.lockLaunch({ id: T1.id }, context), "a second lockLaunch");
    }
    expectThat(lock.held, "the first lock should still be held, but says that it is not");
    expectEqual(lock.ticket.id, T1.id, "the ticket of the lock");
  },

  "launch lock: excludes whoever opened the registry again": async (bench) => {
    const lock = await bench.lock(T1);
    const others = await bench.seenTwice();
    for (const other of others) {
      await bench.expectBusy(other.lockLaunch(T1, patient), "lockLaunch where the registry was opened again");
    }
    lock.close();
    for (const other of others) (await bench.lock(T1, other)).close();
  },

  "launch lock: free after close, and closing twice takes nothing from the next holder": async (bench) => {
    const first = await bench.lock(T1);
    first.close();
    expectThat(!first.held, "a closed lock should not be held, but says that it is");
    await bench.expectLocks(T1, "launch free, Pod free", "after the lock was closed");
    const second = await bench.lock(T1);
    first.close();
    expectThat(second.held, "the second lock should be held, but says that it is not");
    await bench.expectLocks(T1, "launch held, Pod free", "after the first lock was closed again");
  },

  "launch lock: another ticket's is another lock": async (bench) => {
    await bench.lock(T1);
    await bench.lock(T2);
  },

  "launch lock: an aborted signal rejects with aborted, and nothing is held": async (bench) => {
    const aborted = { signal: AbortSignal.abort() };
    await expectRejection(bench.registry.lockLaunch(T1, aborted), "aborted", "lockLaunch of a free lock");
    await bench.expectLocks(T1, "launch free, Pod free", "after the lock was given up");
    const lock = await bench.lock(T1);
    await expectRejection(bench.registry.lockLaunch(T1, aborted), "aborted", "lockLaunch of a held lock");
    expectThat(lock.held, "the holder's lock should be undisturbed, but is not held");
  },

  "launch lock: aborting while it waits rejects with aborted, and nothing is held later": async (bench) => {
    const lock = await bench.lock(T1);
    const giveUp = new AbortController();
    const waiting = endingOf(bench.registry.lockLaunch(T1, giveUp));
    await nextTurn();
    giveUp.abort();
    lock.close();
    const end = await within(LIMIT_MS, "the aborted lockLaunch", waiting);
    // One that does not wait may have answered before the abort, while the lock was held.
    const honest = end.kind === "resolved" ? end.value === undefined : codeOf(end.error) === "aborted";
    if (end.kind === "resolved") end.value?.close();
    expectThat(honest, `the aborted lockLaunch should reject with "aborted", but ${shownEnd(end)}`);
    await bench.expectLocks(T1, "launch free, Pod free", "after the waiting was given up");
  },

  "Pod lock: one holder at a time, whatever becomes of the launch lock": async (bench) => {
    const lock = await bench.lock(T1);
    await bench.expectLocks(T1, "launch held, Pod free", "under the launch lock");
    const podLock = await bench.podLock(lock);
    expectThat(Number.isInteger(podLock.fd), `fd should be a descriptor or -1, but is ${shown(podLock.fd)}`);
    await bench.expectBusy(bench.registry.lockPod(lock, patient), "a second lockPod");
    lock.close();
    await bench.expectLocks(T1, "launch free, Pod held", "after the launch lock was closed");
    podLock.close();
    podLock.close();
    await bench.expectLocks(T1, "launch free, Pod free", "after both were closed");
  },

  "Pod lock: once kept, only the keeper closes it": async (bench) => {
    const lock = await bench.lock(T1);
    const podLock = await bench.podLock(lock);
    const kept = podLock.keep();
    podLock.close();
    await bench.expectLocks(T1, "launch held, Pod held", "after the launch closed what was kept");
    kept.close();
    await bench.expectLocks(T1, "launch held, Pod free", "after the keeper closed it");
    await bench.podLock(lock);
    kept.close();
    podLock.close();
    await bench.expectLocks(T1, "launch held, Pod held", "after old copies were closed again");
  },

  "Pod lock: an aborted signal rejects with aborted, and nothing is held": async (bench) => {
    const lock = await bench.lock(T1);
    const attempt = bench.registry.lockPod(lock, { signal: AbortSignal.abort() });
    await expectRejection(attempt, "aborted", "lockPod of a free lock");
    await bench.expectLocks(T1, "launch held, Pod free", "after the Pod lock was given up");
  },

  "probeLocks: disturbs no holder, and holds nothing itself": async (bench) => {
    const probes = async (expected: "held" | "free") => {
      const states = await Promise.all(Array.from({ length: 50 }, () => bench.registry.probeLocks(T1)));
      for (const state of states) expectEqual(state, { launch: expected, pod: expected }, "one of 50 probes");
    };
    const lock = await bench.lock(T1);
    const podLock = await bench.podLock(lock);
    await probes("held");
    await bench.expectBusy(bench.registry.lockLaunch(T1, patient), "lockLaunch of a probed lock");
    await bench.expectBusy(bench.registry.lockPod(lock, patient), "lockPod of a probed lock");
    podLock.close();
    lock.close();
    await probes("free");
    await bench.lock(T1);
    await bench.expectLocks({ id: "never heard of" }, "launch free, Pod free", "of an unknown ticket");
  },
};
