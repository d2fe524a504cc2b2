import { v7 as newLaunchId } from "uuid";
import type { PodRecord, RoleSession } from "../../ports.js";
import type { TicketRef } from "../../../machines/launch.types.js";
import { expectEqual } from "../contract.js";
import { podRecordOf, recordsOf, sessionOf, T1, T2, withUnknown, type RegistryCases } from "./bench.js";

export const recordCases: RegistryCases = {
  "sessions: durable, one a Pod, replaced with unknown fields kept": async (bench) => {
    const session = sessionOf(recordsOf(T1).claim);
    const intake: RoleSession = {
      ...sessionOf(recordsOf(T2).claim),
      origin: "pre_ticket_intake",
      tickets: [],
    };
    await bench.registry.writeSession(withUnknown(session));
    await bench.registry.writeSession(intake);
    const changed = {
      ...session,
      sessionId: "ses_1",
      tickets: [T1, T2],
      updatedAt: new Date().toISOString(),
    };
    await bench.registry.writeSession(changed);
    for (const registry of await bench.seenTwice()) {
      const stored = await registry.sessions();
      expectEqual(stored.length, 2, "the number of sessions");
      const sessionOfPod = (name: string) => stored.find(({ pod }) => pod === name);
      expectEqual(sessionOfPod(session.pod), withUnknown(changed), "the replaced session");
      expectEqual(sessionOfPod(intake.pod), intake, "the session that was left alone");
    }
  },

  "sessions: removed by the launch that wrote it, and by no other": async (bench) => {
    const session = sessionOf(recordsOf(T1).claim);
    await bench.registry.writeSession(session);
    await bench.registry.removeSession(session.pod, newLaunchId());
    expectEqual(await bench.registry.sessions(), [session], "the sessions after another launch's removal");
    await bench.registry.removeSession("no-such-pod", session.launchId);
    expectEqual(
      await bench.registry.sessions(),
      [session],
      "the sessions after the removal of another Pod's",
    );
    await bench.registry.removeSession(session.pod, session.launchId);
    for (const registry of await bench.seenTwice()) {
      expectEqual(await registry.sessions(), [], "the sessions after the removal");
    }
    await bench.registry.removeSession(session.pod, session.launchId);
  },

  "Pod records: durable, one a Pod, replaced with unknown fields kept": async (bench) => {
    const record = podRecordOf(T1, "coder-a", "2026-01-01T00:00:00.000Z");
    const runtime = { kind: record.runtime.kind };
    const starting: PodRecord = { ...record, state: "starting", runtime, processes: [] };
    await bench.registry.writePod(withUnknown(starting));
    const at = "2026-01-01T00:00:01.000Z";
    const accepted: PodRecord = { ...record, updatedAt: at, acceptance: { level: "ack", kind: "acked", at } };
    await bench.registry.writePod(accepted);
    for (const registry of await bench.seenTwice()) {
      const stored = [{ kind: "pod", record: withUnknown(accepted) }];
      expectEqual(await registry.pods(T1), stored, "the ticket's Pods");
    }
  },

  "Pod records: of one ticket or of all, the latest first": async (bench) => {
    const write = (ticket: TicketRef, pod: string, second: number) =>
      bench.registry.writePod(podRecordOf(ticket, pod, `2026-01-01T00:00:0${second}.000Z`));
    await write(T1, "first", 1);
    await write(T2, "third", 3);
    await write(T1, "fourth", 4);
    await write(T1, "second", 2);
    const names = async (ticket?: TicketRef) =>
      (await bench.registry.pods(ticket)).map((stored) => stored.kind === "pod" && stored.record.pod);
    expectEqual(await names(T1), ["fourth", "second", "first"], "the Pods of one ticket");
    expectEqual(await names(), ["fourth", "third", "second", "first"], "all Pods");
    expectEqual(await names({ id: "never heard of" }), [], "the Pods of an unknown ticket");
  },

  "Pod records: a damaged one is named, and hides no other": async (bench) => {
    if (!bench.open.damagePod) return;
    await bench.registry.writePod(podRecordOf(T1, "good", "2026-01-01T00:00:01.000Z"));
    await bench.registry.writePod(podRecordOf(T1, "bad", "2026-01-01T00:00:02.000Z"));
    await bench.open.damagePod(T1, "bad");
    const told = (await bench.registry.pods(T1)).map((stored) =>
      stored.kind === "pod" ? stored.record.pod : `${stored.kind} ${stored.pod}`,
    );
    expectEqual(told.sort(), ["good", "unreadable bad"], "the ticket's Pods");
  },

  "examine: finds no error in a healthy registry, and mending loses nothing": async (bench) => {
    const { registry } = bench;
    await bench.ended(T1);
    await bench.claimed(T1);
    await registry.writePod(podRecordOf(T1, "coder-a", "2026-01-01T00:00:00.000Z"));
    const everything = () =>
      Promise.all([registry.list(), registry.history(), registry.sessions(), registry.pods()]);
    const before = await everything();
    for (const fix of [false, true]) {
      const errors = (await registry.examine({ fix })).filter(({ severity }) => severity === "error");
      expectEqual(errors, [], `the errors that examine finds, fix: ${String(fix)}`);
      expectEqual(await everything(), before, `all that is stored, after examine with fix: ${String(fix)}`);
    }
  },
};
