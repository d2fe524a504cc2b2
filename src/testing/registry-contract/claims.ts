import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { v7 as newLaunchId } from "uuid";
import { expectEqual, expectRejection, expectThat, shown } from "../contract.js";
import { endingOfLaunch, patient, recordsOf, T1, T2, type RegistryCases } from "./bench.js";

export const claimCases: RegistryCases = {
  "commit: what was committed is read and listed as it was given, with its session": async (bench) => {
    expectEqual(await bench.registry.read(T1), undefined, "what stands before any commit");
    expectEqual(await bench.registry.list(), [], "the list before any commit");
    const { claim, session } = await bench.claimed(T1);
    for (const registry of await bench.seenTwice()) {
      expectEqual(
        await registry.read({ id: T1.id }),
        { kind: "claim", claim },
        "what stands after the commit",
      );
      expectEqual(await registry.list(), [{ kind: "claim", claim }], "the list after the commit");
      expectEqual(await registry.sessions(), [session], "the sessions after the commit");
    }
    expectEqual(await bench.registry.history(T1), [], "the history of a claim that stands");
  },

  "commit: a claim without agent and session is read as it was given": async (bench) => {
    const { claim, session } = recordsOf(T2);
    const { agent: _agent, session: _session, ...bare } = claim;
    await bench.underLock(T2, (lock) => bench.registry.commit(lock, { claim: bare, session }, patient));
    await bench.expectClaim(T2, bare, "after the commit");
  },

  "commit: another claim that stands is the answer, and stays as it was": async (bench) => {
    const { claim } = await bench.claimed(T1);
    const answer = await bench.underLock(T1, (lock) => bench.registry.commit(lock, recordsOf(T1), patient));
    expectEqual(
      answer,
      { kind: "standing", standing: { kind: "claim", claim } },
      "the answer to a second commit",
    );
    await bench.expectClaim(T1, claim, "after a second commit");
    expectEqual((await bench.registry.list()).length, 1, "the number of claims after a second commit");
  },

  "commit: the same launch again is committed, and stands once": async (bench) => {
    const { claim } = await bench.claimed(T1);
    await bench.claimed(T1, claim.launchId);
    expectEqual((await bench.registry.list()).length, 1, "the number of claims after the same commit again");
  },

  "commit: many tickets at once, listed in the order of their ids": async (bench) => {
    const ids = ["b", "a/2", "a/10", "C", "c", "ä", "10", "9", "a", "B"];
    const claims = (await Promise.all(ids.map((id) => bench.claimed({ id })))).map(({ claim }) => claim);
    claims.sort((a, b) => (a.ticket.id < b.ticket.id ? -1 : 1));
    const standing = claims.map((claim) => ({ kind: "claim", claim }));
    expectEqual(await bench.registry.list(), standing, "the list");
  },

  "commit, readBack and end: refused with lock_lost without the lock, and nothing is written": async (
    bench,
  ) => {
    const { registry } = bench;
    const records = recordsOf(T1);
    const closed = await bench.lock(T1);
    closed.close();
    const foreign = await bench.lock(T2);
    await expectRejection(
      registry.commit(closed, records, patient),
      "lock_lost",
      "commit with a closed lock",
    );
    await expectRejection(
      registry.commit(foreign, records, patient),
      "lock_lost",
      "commit with another's lock",
    );
    expectEqual(await registry.read(T1), undefined, "what stands after refused commits");
    expectEqual(await registry.sessions(), [], "the sessions after refused commits");

    const { claim } = await bench.claimed(T1);
    await expectRejection(
      registry.readBack(closed, claim.launchId),
      "lock_lost",
      "readBack with a closed lock",
    );
    const ending = registry.end(closed, endingOfLaunch(claim.launchId));
    await expectRejection(ending, "lock_lost", "end with a closed lock");
    await bench.expectClaim(T1, claim, "after a refused end");
    expectEqual(await registry.history(), [], "the history after a refused end");
  },

  "readBack: ours, absent, or another that stands": async (bench) => {
    const readBack = (launchId: string) =>
      bench.underLock(T1, (lock) => bench.registry.readBack(lock, launchId));
    expectEqual(await readBack(newLaunchId()), { kind: "absent" }, "readBack of nothing");
    const { claim } = await bench.claimed(T1);
    expectEqual(await readBack(claim.launchId), { kind: "ours", claim }, "readBack of the claim that stands");
    const standing = { kind: "standing", standing: { kind: "claim", claim } };
    expectEqual(await readBack(newLaunchId()), standing, "readBack of another launch");
    await bench.expectClaim(T1, claim, "after it was read back");
  },

  "readBack: a launch whose claim was ended meanwhile was claimed": async (bench) => {
    const { claim } = await bench.ended(T1);
    const readBack = () => bench.underLock(T1, (lock) => bench.registry.readBack(lock, claim.launchId));
    expectEqual(await readBack(), { kind: "ours", claim }, "readBack of an ended launch");
    const { claim: next } = await bench.claimed(T1);
    expectEqual(
      await readBack(),
      { kind: "ours", claim },
      "readBack of an ended launch beside another claim",
    );
    await bench.expectClaim(T1, next, "after the ended launch was read back");
  },

  "a damaged claim: stands unreadable, hides no other, and nothing replaces it": async (bench) => {
    if (!bench.open.damageClaim) return;
    await bench.claimed(T1);
    const { claim: other } = await bench.claimed(T2);
    await bench.open.damageClaim(T1);
    const stored = await bench.registry.read(T1);
    expectThat(stored?.kind === "unreadable", `read should say "unreadable", but says ${shown(stored)}`);
    expectThat(
      /^sha256:[0-9a-f]{64}$/u.test(stored.expect),
      `expect should be sha256:…, but is ${stored.expect}`,
    );
    expectEqual(stored.ticket?.id, T1.id, "the ticket of the unreadable claim");
    expectEqual(await bench.registry.list(), [stored, { kind: "claim", claim: other }], "the list");
    await bench.underLock(T1, async (lock) => {
      const standing = { kind: "standing", standing: stored };
      expectEqual(
        await bench.registry.commit(lock, recordsOf(T1), patient),
        standing,
        "the answer to a commit",
      );
      expectEqual(await bench.registry.readBack(lock, newLaunchId()), standing, "the answer to readBack");
    });
    const findings = await bench.registry.examine({ fix: true });
    const found = findings.find(({ file, severity }) => file === stored.file && severity === "error");
    expectThat(found?.mended !== true, `examine should leave ${stored.file} alone, but says ${shown(found)}`);
    expectThat(found !== undefined, `examine should name ${stored.file}, but says ${shown(findings)}`);
    expectEqual(await bench.registry.read(T1), stored, "what stands after examine");
  },

  "a damaged claim: ended by its checksum only, and kept as a file": async (bench) => {
    if (!bench.open.damageClaim) return;
    const { claim } = await bench.claimed(T1);
    await bench.open.damageClaim(T1);
    const standing = await bench.registry.read(T1);
    expectThat(standing?.kind === "unreadable", `read should say "unreadable", but says ${shown(standing)}`);
    const { expect, file } = standing;
    expectEqual(checksumOf(file), expect, "the checksum of the damaged file");
    const end = (expected: string) =>
      bench.underLock(T1, (lock) => bench.registry.end(lock, endingOfLaunch(expected)));
    expectEqual(
      await end(claim.launchId),
      { kind: "mismatch", standing },
      "the answer to an end by launch id",
    );
    const answer = await end(expect);
    expectThat(
      answer.kind === "ended" && !answer.entry,
      `end should keep it as a file, but says ${shown(answer)}`,
    );
    expectEqual(checksumOf(answer.file), expect, "the checksum of the file that was kept");
    expectEqual(await bench.registry.read(T1), undefined, "what stands after the end");
    await bench.claimed(T1);
  },
};

function checksumOf(file: string): string {
  const bytes = existsSync(file) ? readFileSync(file) : Buffer.from(`there is no file ${file}`);
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
