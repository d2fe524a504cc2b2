import type { Claim, TicketRef } from "../../../machines/launch.types.js";
import { endingOf, expectEqual, expectThat, shownEnd } from "../contract.js";
import {
  codeOf,
  endingOfLaunch,
  podRecordOf,
  recordsOf,
  sessionOf,
  T1,
  type RegistryCases,
} from "./bench.js";

/** Ids that collide, hide or leave their place where a name is made of one without care. */
const ODD_TICKETS: readonly TicketRef[] = [
  ...["owner/repo#12", "owner%2Frepo%2312", "owner%252Frepo%252312", "owner_repo_12", "owner\\repo#12"],
  ...[
    "../../T-1",
    "..",
    ".",
    ".hidden",
    "a",
    "a.json",
    "a.launch",
    "a.pod",
    "a b",
    "a+b",
    "a ",
    " a",
    "a~0",
    "~",
  ],
  ...[
    "naïve",
    "nai\u0308ve",
    "日本語",
    "🎫",
    "null",
    "__proto__",
    "constructor",
    "con",
    "-rf",
    "*",
    "\"'`$(id)",
  ],
  ...[
    "x".repeat(1024),
    `${"x".repeat(1023)}y`,
    "é".repeat(512),
    "🎫".repeat(256),
    "a/".repeat(512),
    "%2F".repeat(341),
  ],
].map((id) => ({ id }));

export const oddIdCases: RegistryCases = {
  "odd ticket ids: a launch lock and a Pod lock each": async (bench) => {
    for (const ticket of ODD_TICKETS) await bench.podLock(await bench.lock(ticket));
  },

  "odd ticket ids: a claim, a Pod and a history each, and no other's": async (bench) => {
    const { registry } = bench;
    const claims: Claim[] = [];
    for (const ticket of ODD_TICKETS) {
      await bench.expectClaim(ticket, undefined, "before it was claimed");
      const { claim } = await bench.claimed(ticket);
      await registry.writePod(podRecordOf(ticket, claim.pod, claim.claimedAt));
      claims.push(claim);
    }
    const listed = (await registry.list()).map((stored) => stored.kind === "claim" && stored.claim.ticket.id);
    expectEqual(listed, ODD_TICKETS.map(({ id }) => id).sort(), "the listed ids");
    for (const claim of claims) {
      await bench.expectClaim(claim.ticket, claim, "after all were claimed");
      const pods = (await registry.pods(claim.ticket)).map(
        (stored) => stored.kind === "pod" && stored.record.pod,
      );
      expectEqual(pods, [claim.pod], `the Pods of ${claim.ticket.id}`);
    }
    for (const { ticket, launchId } of claims) {
      await bench.underLock(ticket, (lock) => registry.end(lock, endingOfLaunch(launchId)));
      const ended = (await registry.history(ticket)).map(({ claim }) => claim.launchId);
      expectEqual(ended, [launchId], `the launches in the history of ${ticket.id}`);
    }
    expectEqual(await registry.list(), [], "the list after all were ended");
    expectEqual((await registry.history()).length, claims.length, "the number of history entries");
  },

  "odd ticket ids: two that differ in case are two tickets, or the second is refused": async (bench) => {
    const { claim } = await bench.claimed({ id: "Case-1" });
    const end = await endingOf(bench.claimed({ id: "cASE-1" }));
    const told = end.kind === "resolved" || codeOf(end.error) === "ticket_id_collision";
    expectThat(told, `the claim of cASE-1 should stand or be refused as a collision, but ${shownEnd(end)}`);
    await bench.expectClaim({ id: "Case-1" }, claim, "after the other was claimed");
  },

  "odd Pod names: a session each": async (bench) => {
    const sessions = ODD_TICKETS.map(({ id }) => ({ ...sessionOf(recordsOf(T1).claim), pod: id }));
    for (const session of sessions) await bench.registry.writeSession(session);
    for (const { pod, launchId } of sessions.slice(1)) await bench.registry.removeSession(pod, launchId);
    const left = await bench.registry.sessions();
    expectEqual(left, sessions.slice(0, 1), "the sessions after all but one were removed");
  },
};
