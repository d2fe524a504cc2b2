import { z } from "zod";
import { LaunchClaimError, messageOf } from "../errors.js";
import { legible } from "../text.js";
import type { HistoryEntry, PodRecord, RoleSession } from "../ports.js";
import type { Claim, JsonObject, PodSnapshot, RunResult } from "../../machines/launch.types.js";

/** The version that this program writes. Older ones are read; a newer one is refused, never rewritten. */
const VERSION = 1;

/** A record that nests deeper is damaged: what reads and writes values one level at a time would run out of stack on it. */
const MAX_DEPTH = 200;

const text = z.string();
/** Launch ids become file names: nothing else may pass for one. */
const launchId = z.string().regex(/^[0-9A-Za-z-]{8,64}$/u);
const instant = z.iso.datetime();
const json = z.record(z.string(), z.json()) as unknown as z.ZodType<JsonObject>;

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
const runtime = z.looseObject({ kind: text, locator: json });
const processIdentity = z.looseObject({
  pid: z.number().int().positive(),
  startTime: text,
  bootId: text,
  pidNamespace: text,
});

const claimFields = {
  ticket,
  role: text,
  pod: text,
  launchId,
  claimedAt: instant,
  adopted: z.boolean(),
  acceptance,
  agent: z.exactOptional(agent),
  session: z.exactOptional(session),
  runtime,
  restoredFrom: z.exactOptional(z.array(launchId)),
  restoredAt: z.exactOptional(instant),
};

// Loose everywhere: fields that a newer minor writer added survive being read and written again.
const schemas = {
  claim: z.looseObject(claimFields) satisfies z.ZodType<Claim>,
  history: z.looseObject({
    claim: z.looseObject(claimFields),
    endedAt: instant,
    how: z.enum(["released", "reclaimed"]),
    reason: text,
    by: text,
  }) satisfies z.ZodType<HistoryEntry>,
  session: z.looseObject({
    pod: text.min(1),
    role: text,
    launchId,
    origin: z.enum(["launch", "pre_ticket_intake"]),
    sessionId: z.exactOptional(text),
    tickets: z.array(ticket),
    createdAt: instant,
    updatedAt: instant,
  }) satisfies z.ZodType<RoleSession>,
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
  }) satisfies z.ZodType<PodRecord>,
  registry: z.looseObject({ workspace: text }),
};

/** What a Pod and its runtime answer, checked before any of it is relied on or stored. */
export const snapshotSchema = z.looseObject({
  protocol: z.number(),
  pod: text,
  launchId: text,
  status: text,
  run: z.exactOptional(z.looseObject({ runId: text, acceptance })),
  session: z.exactOptional(session),
  agent: z.exactOptional(agent),
}) satisfies z.ZodType<PodSnapshot>;

export const runResultSchema = z.discriminatedUnion("kind", [
  z.looseObject({ kind: z.literal("accepted"), acceptance, session: z.exactOptional(session) }),
  z.looseObject({ kind: z.literal("rejected"), code: text, message: text, hint: z.exactOptional(text) }),
]) satisfies z.ZodType<RunResult>;

export type RecordKind = keyof typeof schemas;
export type RecordOf<Kind extends RecordKind> = z.output<(typeof schemas)[Kind]>;

/**
 * @param file only for the message
 * @throws LaunchClaimError `record_damaged` | `record_newer`
 */
export function parseRecord<Kind extends RecordKind>(
  kind: Kind,
  bytes: Buffer,
  file: string,
): RecordOf<Kind> {
  let raw: unknown;
  try {
    raw = JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw damaged(file, `it is not JSON (${messageOf(cause)})`);
  }
  if (isDeeperThan(MAX_DEPTH, raw)) throw damaged(file, `it nests deeper than ${MAX_DEPTH} levels`);
  const { format, version, ...fields } = (typeof raw === "object" && raw !== null ? raw : {}) as Record<
    string,
    unknown
  >;
  if (format !== formatOf(kind))
    throw damaged(file, `its "format" is ${JSON.stringify(format)}, not "${formatOf(kind)}"`);
  if (typeof version !== "number" || !Number.isInteger(version) || version < 1) {
    throw damaged(file, `its "version" is ${JSON.stringify(version)}, not a whole number from 1`);
  }
  if (version > VERSION) {
    throw new LaunchClaimError(
      "record_newer",
      `${file} was written by a newer launch-claim (version ${version})`,
      {
        hint: "Update launch-claim in this program; nothing was changed.",
      },
    );
  }
  const parsed = schemas[kind].safeParse(fields);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw damaged(file, `at "${issue?.path.join(".") ?? ""}": ${issue?.message ?? "it does not fit"}`);
  }
  return parsed.data as RecordOf<Kind>;
}

/** `before`: what the file held; fields of it that this program does not know are kept. */
export function serializeRecord(kind: RecordKind, record: object, before: object = {}): string {
  return `${JSON.stringify({ format: formatOf(kind), version: VERSION, ...before, ...record })}\n`;
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner));
}

function formatOf(kind: RecordKind): string {
  return `launch-claim/${kind}`;
}

function damaged(file: string, what: string): LaunchClaimError {
  return new LaunchClaimError("record_damaged", `${file} is damaged: ${legible(what)}`);
}
