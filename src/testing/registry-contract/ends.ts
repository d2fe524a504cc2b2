import { v7 as newLaunchId } from "uuid";
import type { HistoryEntry } from "../../ports.js";
import { endingOf, expectEqual, expectRejection, expectThat, shown, shownEnd } from "../contract.js";
import { codeOf, endingOfLaunch, patient, T1, T2, type RegistryCases } from "./bench.js";

export const endCases: RegistryCases = {
  "end: the claim goes to history with how, why and by whom, and stands no more": async (bench) => {
    const { claim } = await bench.claimed(T1);
    const { claim: other } = await bench.claimed(T2);
    const begunAt = Date.now();
    const ending = { ...endingOfLaunch(claim.launchId, "nobody answers"), how: "reclaimed" } as const;
    const answer = await bench.underLock(T1, (lock) => bench.registry.end(lock, ending));
    expectThat(
      answer.kind === "ended" && answer.file !== "",
      `end should name a file, but says ${shown(answer)}`,
    );
    for (const registry of await bench.seenTwice()) {
      expectEqual(await registry.read(T1), undefined, "what stands after the end");
      expectEqual(await registry.list(), [{ kind: "claim", claim: other }], "the list after the end");
      expectEqual(await registry.history(), [answer.entry], "all history after the end");
    }
    const { endedAt, ...entry } = answer.entry ?? { endedAt: "" };
    const { how, reason, by } = ending;
    expectEqual(entry, { claim, how, reason, by }, "the entry");
    const timely = Date.parse(endedAt) >= begunAt && Date.parse(endedAt) <= Date.now();
    expectThat(timely, `endedAt should be the time of the end, but is ${endedAt}`);
  },

  "end: absent where nothing stands, also the second time": async (bench) => {
    const { claim } = await bench.ended(T1);
    for (const ticket of [T1, T2]) {
      const ending = endingOfLaunch(claim.launchId);
      const answer = await bench.underLock(ticket, (lock) => bench.registry.end(lock, ending));
      expectEqual(answer, { kind: "absent" }, `end where nothing stands for ${ticket.id}`);
    }
    expectEqual((await bench.registry.history()).length, 1, "the number of history entries");
  },

  "end: another claim than the one expected is a mismatch, and nothing is changed": async (bench) => {
    const { claim } = await bench.claimed(T1);
    const ending = endingOfLaunch(newLaunchId());
    const answer = await bench.underLock(T1, (lock) => bench.registry.end(lock, ending));
    expectEqual(answer, { kind: "mismatch", standing: { kind: "claim", claim } }, "end of another launch");
    await bench.expectClaim(T1, claim, "after a mismatch");
    expectEqual(await bench.registry.history(), [], "the history after a mismatch");
  },

  "an ended launch id is never committed again; a new one is": async (bench) => {
    const ended = await bench.ended(T1);
    const commitAgain = () => bench.underLock(T1, (lock) => bench.registry.commit(lock, ended, patient));
    await expectRejection(commitAgain(), "launch_already_ended", "commit of an ended launch");
    await bench.expectClaim(T1, undefined, "after that commit");
    const { claim } = await bench.claimed(T1);
    // Which of the two it is told is open; that it is refused is not.
    const end = await endingOf(commitAgain());
    const refused =
      end.kind === "rejected" ? codeOf(end.error) === "launch_already_ended" : end.value.kind === "standing";
    expectThat(
      refused,
      `commit of an ended launch beside a new claim should be refused, but ${shownEnd(end)}`,
    );
    await bench.expectClaim(T1, claim, "after both");
    expectEqual((await bench.registry.history(T1)).length, 1, "the number of history entries");
  },

  "history: the latest first, of one ticket or of all": async (bench) => {
    await bench.ended(T1, "one");
    await bench.ended(T2, "two");
    await bench.ended(T1, "three");
    const reasons = (entries: readonly HistoryEntry[]) => entries.map(({ reason }) => reason);
    expectEqual(
      reasons(await bench.registry.history()),
      ["three", "two", "one"],
      "the reasons in all history",
    );
    expectEqual(
      reasons(await bench.registry.history(T1)),
      ["three", "one"],
      "the reasons in one ticket's history",
    );
    expectEqual(
      await bench.registry.history({ id: "never heard of" }),
      [],
      "the history of an unknown ticket",
    );
  },

  "an end that a crash cut short: history decides, and the next lock finishes it": async (bench) => {
    if (!bench.open.halfEnd) return;
    const ended = await bench.ended(T1);
    await bench.open.halfEnd(ended.claim);
    for (const registry of await bench.seenTwice()) {
      expectEqual(await registry.read(T1), undefined, "what stands beside a history entry");
      expectEqual(await registry.list(), [], "the list beside a history entry");
    }
    await bench.underLock(T1, async (lock) => {
      const answer = await bench.registry.end(lock, endingOfLaunch(ended.claim.launchId));
      expectEqual(answer, { kind: "absent" }, "end of what was ended");
      const again = bench.registry.commit(lock, ended, patient);
      await expectRejection(again, "launch_already_ended", "commit of what was ended");
    });
    await bench.claimed(T1);
    expectEqual((await bench.registry.history(T1)).length, 1, "the number of history entries");
  },
};
