import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { LaunchClaimError } from "../../src/errors.js";
import { parseRecord, serializeRecord, type RecordKind } from "../../src/registry/records.js";
import { withSwappedField } from "../faults/hostile-bytes/mutations.js";

/** The records once more, as zod knows them: two descriptions that were written apart, and must never disagree. */
const text = z.string();
const launchId = z.string().regex(/^[0-9A-Za-z-]{8,64}$/u);
const instant = z.iso.datetime();
const json = z.record(z.string(), z.json());
const ticket = z.looseObject({ id: text.min(1), slug: z.exactOptional(text) });
const acceptance = z.looseObject({
  level: z.enum(["progress", "ack", "exit", "output", "alive"]),
  kind: text,
  at: instant,
});
const agent = z.looseObject({
  driver: text,
  name: text,
  command: z.exactOptional(z.array(text)),
  cwd: z.exactOptional(text),
});
const session = z.looseObject({ id: text, restorable: z.boolean() });
const processIdentity = z.looseObject({
  pid: z.number().int().positive(),
  startTime: text,
  bootId: text,
  pidNamespace: text,
});
const claim = z.looseObject({
  ticket,
  role: text,
  pod: text,
  launchId,
  claimedAt: instant,
  adopted: z.boolean(),
  acceptance,
  agent: z.exactOptional(agent),
  session: z.exactOptional(session),
  runtime: z.looseObject({ kind: text, locator: json }),
  restoredFrom: z.exactOptional(z.array(launchId)),
  restoredAt: z.exactOptional(instant),
});
const schemas: Readonly<Record<RecordKind, z.ZodType>> = {
  claim,
  history: z.looseObject({
    claim,
    endedAt: instant,
    how: z.enum(["released", "reclaimed"]),
    reason: text,
    by: text,
  }),
  session: z.looseObject({
    pod: text.min(1),
    role: text,
    launchId,
    origin: z.enum(["launch", "pre_ticket_intake"]),
    sessionId: z.exactOptional(text),
    tickets: z.array(ticket),
    createdAt: instant,
    updatedAt: instant,
  }),
  pod: z.looseObject({
    ticket,
    role: text,
    pod: text.min(1),
    launchId,
    runtime: z.looseObject({ kind: text, locator: z.exactOptional(json) }),
    launcher: processIdentity,
    state: z.enum(["starting", "started", "unresolved", "ended"]),
    processes: z.array(
      processIdentity.extend({ as: z.exactOptional(z.enum(["guardian", "reaper", "agent"])) }),
    ),
    startedAt: instant,
    updatedAt: instant,
    acceptance: z.exactOptional(acceptance),
    socket: z.exactOptional(text),
    proof: z.exactOptional(z.enum(["kernel", "scan"])),
    session: z.exactOptional(session),
    agent: z.exactOptional(agent),
    stopReason: z.exactOptional(text),
    permissions: z.exactOptional(z.array(z.looseObject({ requestId: text, title: text, at: text }))),
  }),
  registry: z.looseObject({ workspace: text }),
};

const AT = "2026-02-01T00:00:00.000Z";
const ID = "0199c0de-0000-7000-8000-000000000001";
const WHO = { pid: 1, startTime: "2", bootId: "b", pidNamespace: "n" };
const accepted = { level: "progress", kind: "plan", at: AT };
const known = { driver: "acp", name: "a", command: ["a", "b"], cwd: "/" };
const claimRecord = {
  ticket: { id: "T-1", slug: "s" },
  role: "intake",
  pod: "p",
  launchId: ID,
  claimedAt: AT,
  adopted: false,
  acceptance: accepted,
  agent: known,
  session: { id: "s", restorable: true },
  runtime: { kind: "guardian", locator: { pod: "p", more: [1, null, { deep: "x" }] } },
  restoredFrom: [ID],
  restoredAt: AT,
};

/** A record of each kind with every field that there is. */
const records: Readonly<Record<RecordKind, object>> = {
  claim: claimRecord,
  history: { claim: claimRecord, endedAt: AT, how: "released", reason: "done", by: "me" },
  session: {
    pod: "p",
    role: "intake",
    launchId: ID,
    origin: "launch",
    sessionId: "s",
    tickets: [{ id: "T-1" }, { id: "T-2", slug: "t" }],
    createdAt: AT,
    updatedAt: AT,
  },
  pod: {
    ticket: { id: "T-1" },
    role: "intake",
    pod: "p",
    launchId: ID,
    runtime: { kind: "guardian", locator: { pod: "p" } },
    launcher: WHO,
    state: "started",
    processes: [{ ...WHO, as: "guardian" }, WHO],
    startedAt: AT,
    updatedAt: AT,
    acceptance: accepted,
    socket: "/s",
    proof: "kernel",
    session: { id: "s", restorable: false },
    agent: known,
    stopReason: "end_turn",
    permissions: [{ requestId: "1", title: "t", at: "now" }],
  },
  registry: { workspace: "/w" },
};

const KINDS = Object.keys(records) as RecordKind[];

/** What is read; or the message of why it cannot be. */
function read(kind: RecordKind, json: string): object | string {
  try {
    return parseRecord(kind, json, "record.json");
  } catch (error) {
    if (LaunchClaimError.is(error) && error.code === "record_damaged") return error.message;
    throw error;
  }
}

/** Undefined for what is no object, and for what nests too deep: that is refused before, by a rule that has its own tests. */
function fieldsIn(json: string): object | undefined {
  if (json === "" || json.includes("[".repeat(100))) return undefined;
  const value = JSON.parse(json) as unknown;
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
}

describe.each(KINDS)("a %s record", (kind) => {
  test("is read with every field that it may have, and those that nobody knows", () => {
    const whole = { ...records[kind], later: { a: [1] } };
    expect(read(kind, serializeRecord(kind, whole))).toEqual(whole);
  });

  test("with one or two fields swapped or left out is read exactly where zod reads it", () => {
    const once = withSwappedField(records[kind]);
    const twice = once.chain((json) => {
      const fields = fieldsIn(json);
      return fields ? fc.oneof(once, withSwappedField(fields)) : once;
    });
    fc.assert(
      fc.property(twice, (json) => {
        const fields = fieldsIn(json);
        fc.pre(fields !== undefined);
        // As it is: written anew, a number that is out of all bounds would be another value.
        const [head = ""] = serializeRecord(kind, {}).split("}");
        const found = read(kind, json.replace("{", Object.keys(fields).length > 0 ? `${head},` : head));
        expect(typeof found === "object").toBe(schemas[kind].safeParse(fields).success);
        if (typeof found === "object") expect(found).toEqual(fields);
      }),
      { numRuns: 1_000 },
    );
  });
});

test("a time is read exactly where zod reads it", () => {
  const number = (max: number, digits: number) =>
    fc.nat({ max }).map((value) => String(value).padStart(digits, "0"));
  const time = fc
    .tuple(
      fc.oneof(number(9_999, 4), fc.constantFrom("1900", "2000", "2023", "2024", "2100")),
      number(13, 2),
      fc.oneof(number(32, 2), fc.constantFrom("28", "29", "30", "31")),
      number(24, 2),
      number(60, 2),
      number(60, 2),
      fc.constantFrom("Z", ".1Z", ".123456789Z", ".Z", "", "+00:00", "z", "Z\n"),
    )
    .map(([y, mo, d, h, mi, s, end]) => `${y}-${mo}-${d}T${h}:${mi}:${s}${end}`);
  fc.assert(
    fc.property(fc.oneof(time, fc.string()), (at) => {
      const found = read("claim", serializeRecord("claim", { ...claimRecord, claimedAt: at }));
      expect(typeof found === "object").toBe(instant.safeParse(at).success);
    }),
    {
      numRuns: 3_000,
      examples: [["2024-02-29T00:00:00Z"], ["2023-02-29T00:00:00Z"], ["1900-02-29T00:00:00Z"]],
    },
  );
});

test("what does not fit is named by its place, with what was expected and what came", () => {
  const damaged = { ...claimRecord, agent: { ...known, command: ["a", 7] } };
  expect(read("claim", serializeRecord("claim", damaged))).toBe(
    'record.json is damaged: at "agent.command.1": expected text, but came 7',
  );
});
