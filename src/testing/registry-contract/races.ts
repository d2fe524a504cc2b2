import { LaunchClaimError } from "../../errors.js";
import type { LaunchLock } from "../../ports.js";
import { endingOf, expectEqual, expectThat, nextTurn, shownEnd, within, type Ending } from "../contract.js";
import {
  codeOf,
  endingOfLaunch,
  LIMIT_MS,
  patient,
  recordsOf,
  T1,
  type RegistryBench,
  type RegistryCases,
} from "./bench.js";

/** What holds at every moment of a call that is under way, not only before it and after it. */
export const raceCases: RegistryCases = {
  "commit: the session is there BEFORE the claim is": async (bench) => {
    const records = recordsOf(T1);
    const lock = await bench.lock(T1);
    await duringEachTurn(bench.registry.commit(lock, records, patient), async (when) => {
      if ((await bench.registry.read(T1)) === undefined) return;
      const pods = (await bench.registry.sessions()).map(({ pod }) => pod);
      expectEqual(pods, [records.claim.pod], `the Pods that have a session ${when}, with the claim there`);
    });
  },

  "commit: once it was aborted no claim appears any more, however late it settles": async (bench) => {
    await atEachMoment(bench, async ({ lock, name, come }) => {
      const giveUp = new AbortController();
      const commit = watched(bench.registry.commit(lock, recordsOf(lock.ticket), giveUp));
      const atAbort = await come(commit, () => {
        giveUp.abort();
        return bench.registry.read(lock.ticket);
      });
      const end = await commit.end;
      await nextTurn();
      expectEqual(await bench.registry.read(lock.ticket), atAbort, `what stands after an abort ${name}`);
      const honest = end.kind === "resolved" ? atAbort !== undefined : codeOf(end.error) === "aborted";
      expectThat(honest, `a commit aborted ${name} should reject with "aborted", but ${shownEnd(end)}`);
    });
  },

  "commit: no claim appears once the launch lock was closed": async (bench) => {
    await atEachMoment(bench, async ({ lock, name, come }) => {
      const commit = watched(bench.registry.commit(lock, recordsOf(lock.ticket), patient));
      const atClose = await come(commit, () => {
        lock.close();
        return bench.registry.read(lock.ticket);
      });
      const end = await commit.end;
      expectEqual(await bench.registry.read(lock.ticket), atClose, `what stands after the lock went ${name}`);
      const honest = end.kind === "resolved" ? atClose !== undefined : codeOf(end.error) === "lock_lost";
      expectThat(
        honest,
        `a commit whose lock went ${name} should reject with "lock_lost", but ${shownEnd(end)}`,
      );
    });
  },

  "readBack: what it says of an aborted commit stays true": async (bench) => {
    await atEachMoment(bench, async (moment) => {
      const giveUp = new AbortController();
      await expectReadBackHolds(bench, moment, giveUp);
    });
  },

  "readBack: what it says of a commit that is under way stays true": async (bench) => {
    await atEachMoment(bench, (moment) => expectReadBackHolds(bench, moment, undefined));
  },

  "end: the history entry is there BEFORE the claim is gone": async (bench) => {
    const { claim } = await bench.claimed(T1);
    const lock = await bench.lock(T1);
    await duringEachTurn(bench.registry.end(lock, endingOfLaunch(claim.launchId)), async (when) => {
      if ((await bench.registry.read(T1)) !== undefined) return;
      expectEqual((await bench.registry.history(T1)).length, 1, `the number of history entries ${when}`);
    });
  },
};

/** A call, and whether it has settled by now. */
interface Watched<Value> {
  readonly end: Promise<Ending<Value>>;
  readonly settled: boolean;
}

export function watched<Value>(call: Promise<Value>): Watched<Value> {
  let settled = false;
  const end = endingOf(call).finally(() => {
    settled = true;
  });
  return {
    end,
    get settled() {
      return settled;
    },
  };
}

/** A moment while a call is under way. */
interface Moment {
  readonly name: string;
  /** Of a ticket that is new each time. */
  readonly lock: LaunchLock;
  /** Lets the moment come, and acts in it. */
  readonly come: <Value>(call: Watched<unknown>, act: () => Promise<Value>) => Promise<Value>;
}

/** The first moments are steps of a promise, the later ones turns of the event loop. */
const STEPS = 10;

/**
 * Runs the check again and again, and lets its moment come ever later: in the turn of the call, a step later, …, until the call
 * has settled by itself before it came. So every order of the two is met, and none is hit by luck.
 */
export async function atEachMoment(
  bench: RegistryBench,
  check: (moment: Moment) => Promise<void>,
): Promise<void> {
  const met = { over: false };
  // A slow disk takes thousands of turns: the further away, the longer the strides.
  for (let time = 0; !met.over; time += 1 + Math.floor(time / 8)) {
    const name = time <= STEPS ? `after ${time} steps` : `after ${time - STEPS} turns`;
    const come: Moment["come"] = async (call, act) => {
      for (let step = 0; step < Math.min(time, STEPS); step += 1) await Promise.resolve();
      for (let turn = STEPS; turn < time && !call.settled; turn += 1) await nextTurn();
      met.over = call.settled;
      return await act();
    };
    await bench.underLock({ id: name }, (lock) =>
      within(LIMIT_MS, `a race ${name}`, check({ name, lock, come })),
    );
  }
}

/** Begins a commit, reads it back when the moment comes, and compares what was said with what became of it. */
async function expectReadBackHolds(
  bench: RegistryBench,
  { lock, name, come }: Moment,
  giveUp: AbortController | undefined,
): Promise<void> {
  const records = recordsOf(lock.ticket);
  const { launchId } = records.claim;
  const commit = watched(bench.registry.commit(lock, records, giveUp ?? patient));
  const { kind } = await come(commit, () => {
    giveUp?.abort();
    return bench.registry.readBack(lock, launchId);
  });
  const end = await commit.end;
  await nextTurn();
  const stored = await bench.registry.read(lock.ticket);
  const stands = stored?.kind === "claim" && stored.claim.launchId === launchId;
  const later = `${stands ? "the claim stands" : "no claim stands"}, and of the commit: ${shownEnd(end)}`;
  expectThat(kind === (stands ? "ours" : "absent"), `readBack ${name} said "${kind}", but later ${later}`);
  const told = end.kind === "resolved" ? stands : LaunchClaimError.is(end.error);
  expectThat(
    told,
    `commit and readBack ${name} should tell the same, but readBack said "${kind}", and later ${later}`,
  );
}

/** Looks again and again while the call is under way, and once when it is over. */
export async function duringEachTurn(
  call: Promise<unknown>,
  look: (when: string) => Promise<void>,
): Promise<void> {
  const running = watched(call);
  for (let turns = 0; !running.settled; turns += 1) {
    await look(`after ${turns} turns`);
    await nextTurn();
  }
  await call;
  await look("at the end");
}
