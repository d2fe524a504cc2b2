import { v7 as newLaunchId } from "uuid";
import type { Claim } from "../../../machines/launch.types.js";
import { expectEqual, expectRejection, expectThat, nextTurn, shownEnd } from "../contract.js";
import {
  codeOf,
  endingOfLaunch,
  patient,
  recordsOf,
  sessionOf,
  T1,
  T2,
  withUnknown,
  type Records,
  type RegistryBench,
  type RegistryCases,
} from "./bench.js";
import { atEachMoment, duringEachTurn, watched } from "./races.js";

/** A claim's continuation under another launch id, as a restore writes it. */
function continuationOf(claim: Claim): Records {
  const { ticket, launchId: old, acceptance, claimedAt } = claim;
  const next = recordsOf(ticket).claim;
  const restoredFrom = [...(claim.restoredFrom ?? []), old];
  const continued = { ...next, acceptance, claimedAt, restoredFrom, restoredAt: next.claimedAt };
  return { claim: continued, session: sessionOf(continued) };
}

/** A claim that stands, and what is to replace it. */
async function standing(bench: RegistryBench, ticket = T1) {
  const { claim, session } = await bench.claimed(ticket);
  return { claim, session, next: continuationOf(claim) };
}

export const replaceCases: RegistryCases = {
  "replace: the claim that was expected is replaced, with its session, and gets no history entry": async (
    bench,
  ) => {
    const { claim, session, next } = await standing(bench);
    const { claim: other } = await bench.claimed(T2);
    const expect = claim.launchId;
    const answer = await bench.underLock(T1, (lock) =>
      bench.registry.replace(lock, { expect, ...next }, patient),
    );
    expectEqual(answer, { kind: "replaced", claim: next.claim }, "the answer to the replacement");
    for (const registry of await bench.seenTwice()) {
      const stands = { kind: "claim", claim: next.claim };
      expectEqual(await registry.read(T1), stands, "what stands after the replacement");
      const list = [stands, { kind: "claim", claim: other }];
      expectEqual(await registry.list(), list, "the list after the replacement");
      expectEqual(await registry.history(), [], "the history after the replacement");
      const sessions = (await registry.sessions()).filter(({ tickets }) => tickets[0]?.id === T1.id);
      const byPod = new Map(sessions.map((one) => [one.pod, one]));
      expectEqual(byPod.get(next.session.pod), next.session, "the session of the continuation");
      expectEqual(byPod.get(session.pod), session, "the session of the claim that was replaced");
    }
  },

  "replace: the same launch again is replaced, and stands once": async (bench) => {
    const { claim, next } = await standing(bench);
    const records = { expect: claim.launchId, ...next };
    for (const time of ["first", "second"]) {
      const answer = await bench.underLock(T1, (lock) => bench.registry.replace(lock, records, patient));
      expectEqual(answer, { kind: "replaced", claim: next.claim }, `the ${time} answer`);
      await bench.expectClaim(T1, next.claim, `after the ${time} replacement`);
    }
    expectEqual((await bench.registry.list()).length, 1, "the number of claims");
  },

  "replace: another claim than the one expected is the answer, and stays as it was": async (bench) => {
    const { claim, next } = await standing(bench);
    const records = { expect: newLaunchId(), ...next };
    const answer = await bench.underLock(T1, (lock) => bench.registry.replace(lock, records, patient));
    expectEqual(answer, { kind: "standing", standing: { kind: "claim", claim } }, "the answer");
    await bench.expectClaim(T1, claim, "after the replacement was refused");
    expectEqual(await bench.registry.history(), [], "the history");
  },

  "replace: where no claim stands any more, none appears": async (bench) => {
    const { claim } = await bench.ended(T1);
    const records = { expect: claim.launchId, ...continuationOf(claim) };
    const answer = await bench.underLock(T1, (lock) => bench.registry.replace(lock, records, patient));
    expectEqual(answer, { kind: "standing", standing: undefined }, "the answer");
    await bench.expectClaim(T1, undefined, "after the replacement");
    expectEqual((await bench.registry.history(T1)).length, 1, "the number of history entries");
  },

  "replace: a claim that was half ended is not replaced": async (bench) => {
    if (!bench.open.halfEnd) return;
    const { claim } = await bench.ended(T1);
    const lock = await bench.lock(T1);
    await bench.open.halfEnd(claim);
    const records = { expect: claim.launchId, ...continuationOf(claim) };
    const answer = await bench.registry.replace(lock, records, patient);
    expectEqual(answer, { kind: "standing", standing: undefined }, "the answer");
    await bench.expectClaim(T1, undefined, "after the replacement");
  },

  "replace: a launch that was claimed and ended before continues no claim": async (bench) => {
    const { claim: ended } = await bench.ended(T1);
    const { claim } = await bench.claimed(T1);
    const continued = continuationOf(claim);
    const records = {
      expect: claim.launchId,
      claim: { ...continued.claim, launchId: ended.launchId },
      session: { ...continued.session, launchId: ended.launchId },
    };
    const replacing = bench.underLock(T1, (lock) => bench.registry.replace(lock, records, patient));
    await expectRejection(replacing, "launch_already_ended", "the replacement");
    await bench.expectClaim(T1, claim, "after the replacement was refused");
  },

  "replace: a claim does not continue itself": async (bench) => {
    const { claim, session } = await standing(bench);
    const records = { expect: claim.launchId, claim: { ...claim, pod: "another" }, session };
    const replacing = bench.underLock(T1, (lock) => bench.registry.replace(lock, records, patient));
    await expectRejection(replacing, "request_invalid", "the replacement");
    await bench.expectClaim(T1, claim, "after the replacement was refused");
  },

  "replace: fields of the claim that are not known survive": async (bench) => {
    const { claim, next } = await standing(bench);
    const records = { expect: claim.launchId, ...next, claim: withUnknown(next.claim) };
    await bench.underLock(T1, (lock) => bench.registry.replace(lock, records, patient));
    for (const registry of await bench.seenTwice()) {
      const expected = { kind: "claim", claim: withUnknown(next.claim) };
      expectEqual(await registry.read(T1), expected, "the claim with a field that is not known");
    }
  },

  "replace: a chain of them names every launch that it continues, and ends into history as one": async (
    bench,
  ) => {
    const { claim, next } = await standing(bench);
    const last = continuationOf(next.claim);
    await bench.underLock(T1, async (lock) => {
      await bench.registry.replace(lock, { expect: claim.launchId, ...next }, patient);
      await bench.registry.replace(lock, { expect: next.claim.launchId, ...last }, patient);
      await bench.registry.end(lock, endingOfLaunch(last.claim.launchId));
    });
    const history = await bench.registry.history(T1);
    expectEqual(
      history.map((entry) => entry.claim),
      [last.claim],
      "the claims that ended",
    );
    expectEqual(last.claim.restoredFrom, [claim.launchId, next.claim.launchId], "the chain");
  },

  "replace: readBack says ours of the continuation, and that it stands of the one that was replaced": async (
    bench,
  ) => {
    const { claim, next } = await standing(bench);
    await bench.underLock(T1, async (lock) => {
      const readBack = (launchId: string) => bench.registry.readBack(lock, launchId);
      const before = { kind: "standing", standing: { kind: "claim", claim } };
      expectEqual(await readBack(next.claim.launchId), before, "readBack before the replacement");
      await bench.registry.replace(lock, { expect: claim.launchId, ...next }, patient);
      const ours = { kind: "ours", claim: next.claim };
      expectEqual(await readBack(next.claim.launchId), ours, "readBack after it");
      const replaced = { kind: "standing", standing: { kind: "claim", claim: next.claim } };
      expectEqual(await readBack(claim.launchId), replaced, "readBack of the one that was replaced");
    });
  },

  "replace: refused with lock_lost without the lock, and nothing is written": async (bench) => {
    const { claim, session, next } = await standing(bench);
    const records = { expect: claim.launchId, ...next };
    const closed = await bench.lock(T1);
    closed.close();
    const foreign = await bench.lock(T2);
    for (const [lock, what] of [[closed, "a closed lock"] as const, [foreign, "another's lock"] as const]) {
      const replacing = bench.registry.replace(lock, records, patient);
      await expectRejection(replacing, "lock_lost", `replace with ${what}`);
    }
    await bench.expectClaim(T1, claim, "after refused replacements");
    expectEqual(await bench.registry.sessions(), [session], "the sessions after refused replacements");
  },

  "replace: a damaged claim stays as it is": async (bench) => {
    if (!bench.open.damageClaim) return;
    const { claim, next } = await standing(bench);
    await bench.open.damageClaim(T1);
    const stored = await bench.registry.read(T1);
    const records = { expect: claim.launchId, ...next };
    const answer = await bench.underLock(T1, (lock) => bench.registry.replace(lock, records, patient));
    expectEqual(answer, { kind: "standing", standing: stored }, "the answer");
    expectEqual(await bench.registry.read(T1), stored, "what stands after the replacement");
  },
};

/** What holds at every moment of a replacement that is under way. */
export const replaceRaceCases: RegistryCases = {
  "replace: at every moment one of the two claims stands, the new one only with its session": async (
    bench,
  ) => {
    const { claim, next } = await standing(bench);
    const lock = await bench.lock(T1);
    const replacing = bench.registry.replace(lock, { expect: claim.launchId, ...next }, patient);
    await duringEachTurn(replacing, async (when) => {
      const stored = await bench.registry.read(T1);
      expectThat(stored?.kind === "claim", `a claim should stand ${when}, but does not`);
      if (stored.claim.launchId === claim.launchId) return;
      expectEqual(stored.claim, next.claim, `the claim that stands ${when}`);
      const pods = (await bench.registry.sessions()).map(({ pod }) => pod);
      expectThat(pods.includes(next.session.pod), `its session should be there ${when}, but is not`);
    });
    await bench.expectClaim(T1, next.claim, "at the end");
  },

  "replace: once it was aborted nothing changes any more, however late it settles": async (bench) => {
    await atEachMoment(bench, async ({ lock, name, come }) => {
      const old = recordsOf(lock.ticket);
      await bench.registry.commit(lock, old, patient);
      const { launchId } = old.claim;
      const giveUp = new AbortController();
      const records = { expect: launchId, ...continuationOf(old.claim) };
      const replacing = watched(bench.registry.replace(lock, records, giveUp));
      const atAbort = await come(replacing, () => {
        giveUp.abort();
        return bench.registry.read(lock.ticket);
      });
      const end = await replacing.end;
      await nextTurn();
      expectEqual(await bench.registry.read(lock.ticket), atAbort, `what stands after an abort ${name}`);
      const wasReplaced = atAbort?.kind === "claim" && atAbort.claim.launchId !== launchId;
      const honest = end.kind === "resolved" ? wasReplaced : codeOf(end.error) === "aborted";
      expectThat(honest, `a replacement aborted ${name} should reject with "aborted", but ${shownEnd(end)}`);
    });
  },

  "readBack: what it says of a replacement that is under way stays true": async (bench) => {
    await atEachMoment(bench, async ({ lock, name, come }) => {
      const old = recordsOf(lock.ticket);
      await bench.registry.commit(lock, old, patient);
      const next = continuationOf(old.claim);
      const { launchId } = next.claim;
      const records = { expect: old.claim.launchId, ...next };
      const replacing = watched(bench.registry.replace(lock, records, patient));
      const { kind } = await come(replacing, () => bench.registry.readBack(lock, launchId));
      await replacing.end;
      await nextTurn();
      const stored = await bench.registry.read(lock.ticket);
      const isOurs = stored?.kind === "claim" && stored.claim.launchId === launchId;
      expectEqual(kind, isOurs ? "ours" : "standing", `what readBack ${name} said, seen from later`);
    });
  },
};
