import { LaunchClaimError, messageOf } from "../errors.js";
import { legible } from "../text.js";
import type { AwaitedPermission, HistoryEntry, PodProcess, PodRecord, RoleSession } from "../ports.js";
import {
  flag,
  isDeeperThan,
  jsonObject,
  listOf,
  objectOf,
  oneOf,
  optional,
  positiveInteger,
  text,
  textLike,
  type Shape,
} from "../shape.js";
import type {
  Acceptance,
  AgentInfo,
  Claim,
  ProcessIdentity,
  SessionInfo,
  TicketRef,
} from "../../machines/launch.types.js";

/** The version that this program writes. Older ones are read; a newer one is refused, never rewritten. */
const VERSION = 1;

/** A record that nests deeper is damaged: what reads and writes values one level at a time would run out of stack on it. */
const MAX_DEPTH = 200;

/** Launch ids become file names: nothing else may pass for one. */
const launchId = textLike(/^[0-9A-Za-z-]{8,64}$/u, "a launch id");
const name = textLike(/./su, "text that is not empty");

const DAY = String.raw`\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))`;
const LEAP_DAY = String.raw`(?:\d\d(?:[2468][048]|[13579][26]|0[48])|(?:[02468][048]|[13579][26])00)-02-29`;
const instant = textLike(
  new RegExp(String.raw`^(?:${DAY}|${LEAP_DAY})T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?Z$`, "u"),
  "a time as 2026-01-31T12:00:00.000Z",
);

const ticket = objectOf<TicketRef>({ id: name, slug: optional(text) });
const acceptance = objectOf<Acceptance>({
  level: oneOf("progress", "ack", "exit", "output", "alive"),
  kind: text,
  at: instant,
});
const agent = objectOf<AgentInfo>({
  driver: text,
  name: text,
  command: optional(listOf(text)),
  cwd: optional(text),
});
const session = objectOf<SessionInfo>({ id: text, restorable: flag });
const processIdentity = { pid: positiveInteger, startTime: text, bootId: text, pidNamespace: text };

const claim = objectOf<Claim>({
  ticket,
  role: text,
  pod: text,
  launchId,
  claimedAt: instant,
  adopted: flag,
  acceptance,
  agent: optional(agent),
  session: optional(session),
  runtime: objectOf<Claim["runtime"]>({ kind: text, locator: jsonObject }),
  restoredFrom: optional(listOf(launchId)),
  restoredAt: optional(instant),
});

interface Records {
  readonly claim: Claim;
  readonly history: HistoryEntry;
  readonly session: RoleSession;
  readonly pod: PodRecord;
  readonly registry: { readonly workspace: string };
}

export type RecordKind = keyof Records;

const shapes: { readonly [Kind in RecordKind]: Shape<Records[Kind]> } = {
  claim,
  history: objectOf<HistoryEntry>({
    claim,
    endedAt: instant,
    how: oneOf("released", "reclaimed"),
    reason: text,
    by: text,
  }),
  session: objectOf<RoleSession>({
    pod: name,
    role: text,
    launchId,
    origin: oneOf("launch", "pre_ticket_intake"),
    sessionId: optional(text),
    tickets: listOf(ticket),
    createdAt: instant,
    updatedAt: instant,
  }),
  pod: objectOf<PodRecord>({
    ticket,
    role: text,
    pod: name,
    launchId,
    runtime: objectOf<PodRecord["runtime"]>({ kind: text, locator: optional(jsonObject) }),
    launcher: objectOf<ProcessIdentity>(processIdentity),
    state: oneOf("starting", "started", "unresolved", "ended"),
    processes: listOf(
      objectOf<PodProcess>({ ...processIdentity, as: optional(oneOf("guardian", "reaper", "agent")) }),
    ),
    startedAt: instant,
    updatedAt: instant,
    acceptance: optional(acceptance),
    socket: optional(text),
    proof: optional(oneOf("kernel", "scan")),
    session: optional(session),
    agent: optional(agent),
    stopReason: optional(text),
    permissions: optional(listOf(objectOf<AwaitedPermission>({ requestId: text, title: text, at: text }))),
  }),
  registry: objectOf<Records["registry"]>({ workspace: text }),
};

/**
 * @param file only for the message
 * @throws LaunchClaimError `record_damaged` | `record_newer`
 */
export function parseRecord<Kind extends RecordKind>(kind: Kind, json: string, file: string): Records[Kind] {
  let raw: unknown;
  try {
    raw = JSON.parse(json);
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
  const misfit = shapes[kind](fields);
  if (misfit) throw damaged(file, `at "${misfit.path.join(".")}": ${misfit.message}`);
  return fields as Records[Kind];
}

/** `before`: what the file held; fields of it that this program does not know are kept. */
export function serializeRecord(kind: RecordKind, record: object, before: object = {}): string {
  return `${JSON.stringify({ format: formatOf(kind), version: VERSION, ...before, ...record })}\n`;
}

function formatOf(kind: RecordKind): string {
  return `launch-claim/${kind}`;
}

function damaged(file: string, what: string): LaunchClaimError {
  return new LaunchClaimError("record_damaged", `${file} is damaged: ${legible(what)}`);
}
