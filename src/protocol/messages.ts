import { z } from "zod";

/**
 * What a Pod and its clients say to each other: `{"method","params"}` in, `{"event","data"}` out, one JSON object a line. The
 * envelope is that of the upstream Pod protocol; launch id and run id are added to it, so that an answer can never be taken for
 * that of another Pod or another client's run.
 */
export const PROTOCOL_VERSION = 1;

const segment = z.object({ kind: z.literal("text"), content: z.string() });
const outcome = z.discriminatedUnion("outcome", [
  z.object({ outcome: z.literal("selected"), optionId: z.string() }),
  z.object({ outcome: z.literal("cancelled") }),
]);

const method = z.discriminatedUnion("method", [
  z.object({
    method: z.literal("run"),
    params: z.object({ run_id: z.string().min(1), launch_id: z.string(), input: z.array(segment) }),
  }),
  z.object({ method: z.literal("cancel"), params: z.object({ run_id: z.string() }) }),
  z.object({ method: z.literal("register_peer"), params: z.object({ name: z.string().min(1) }) }),
  z.object({
    method: z.literal("permission_response"),
    params: z.object({ request_id: z.string(), outcome }),
  }),
  z.object({ method: z.literal("notify"), params: z.object({ from: z.string(), message: z.string() }) }),
  z.object({ method: z.literal("status") }),
  /** Answered by `history`, and again by the permission requests that are open. */
  z.object({ method: z.literal("history") }),
  /** Whether this client is told the agent's updates, as it is at first. One that only waits for an answer need not keep up with them. */
  z.object({ method: z.literal("updates"), params: z.object({ wanted: z.boolean() }) }),
  z.object({ method: z.literal("shutdown") }),
]);
export type Method = z.output<typeof method>;
export type RunParams = Extract<Method, { method: "run" }>["params"];

const evidence = z.object({
  level: z.enum(["progress", "ack", "exit", "output", "alive"]),
  kind: z.string(),
  at: z.string(),
});
const podStatus = z.enum(["idle", "running", "draining"]);
export type PodStatus = z.output<typeof podStatus>;

const runAccepted = z.object({ run_id: z.string(), evidence });
const runRejected = z.object({ run_id: z.string(), code: z.string(), message: z.string() });
const runEnded = z.object({ run_id: z.string(), stop_reason: z.string() });
/** Somebody sent a run to the agent. What comes of it is told by the events after it. */
const userMessage = z.object({ run_id: z.string(), segments: z.array(segment) });
/** `by`: a client, the policy of the Pod's role, or the end of the question: the agent withdrew it, or its run is over. */
const permissionResolved = z.object({
  request_id: z.string(),
  outcome,
  by: z.enum(["client", "policy", "agent"]),
});

const snapshot = z.object({
  protocol: z.number(),
  pod: z.string(),
  launch_id: z.string(),
  /** Absent for a Pod that was launched without one. The title is that of the launch: it need not be looked up. */
  ticket: z.object({ id: z.string(), slug: z.string().optional(), title: z.string().optional() }).optional(),
  role: z.string(),
  status: podStatus,
  /** Whether the launcher still holds the control channel. `gone` before an acceptance: the Pod is on its way out. */
  launcher: z.enum(["present", "gone"]),
  /** The first run that was accepted, if one was. */
  run: runAccepted.extend({ stop_reason: z.string().optional() }).optional(),
  session: z.object({ id: z.string(), restorable: z.boolean() }).optional(),
  agent: z.object({
    driver: z.string(),
    name: z.string(),
    command: z.array(z.string()).readonly().optional(),
    cwd: z.string().optional(),
  }),
});
export type Snapshot = z.output<typeof snapshot>;

const event = z.discriminatedUnion("event", [
  z.object({ event: z.literal("snapshot"), data: snapshot }),
  z.object({ event: z.literal("run_accepted"), data: runAccepted }),
  z.object({ event: z.literal("run_rejected"), data: runRejected }),
  z.object({ event: z.literal("run_ended"), data: runEnded }),
  z.object({ event: z.literal("peer_registered"), data: z.object({ name: z.string() }) }),
  z.object({ event: z.literal("status"), data: z.object({ status: podStatus }) }),
  /** The agent's own update, unaltered. */
  z.object({ event: z.literal("update"), data: z.unknown() }),
  z.object({
    event: z.literal("permission_request"),
    /** `waits`: for a client's answer; false: the policy of the Pod's role answers it. */
    data: z.object({ request_id: z.string(), request: z.unknown(), waits: z.boolean().optional() }),
  }),
  z.object({ event: z.literal("permission_resolved"), data: permissionResolved }),
  z.object({ event: z.literal("user_message"), data: userMessage }),
  z.object({ event: z.literal("notify"), data: z.object({ from: z.string(), message: z.string() }) }),
  /** The latest run so far: its last events, as they were told, and how many before them are not kept any more. */
  z.object({
    event: z.literal("history"),
    data: z.object({ status: podStatus, left_out: z.number(), events: z.array(z.unknown()) }),
  }),
  z.object({
    event: z.literal("error"),
    /** `peer`: the hand-off that it is about; `request_id`: the permission request. */
    data: z.object({
      code: z.string(),
      message: z.string(),
      peer: z.string().optional(),
      request_id: z.string().optional(),
    }),
  }),
  z.object({ event: z.literal("shutdown") }),
]);
export type PodEvent = z.output<typeof event>;

/** A line that came in, understood; or why it was not. A line that is no JSON ends its connection, an unknown method does not. */
export type Parsed<Message> =
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "unknown"; readonly reason: string }
  | { readonly kind: "broken" };

export function parseMethod(line: string): Parsed<Method> {
  return parseWith(method, line);
}

export function parseEvent(line: string): Parsed<PodEvent> {
  return parseWith(event, line);
}

/** One of the events that a history holds; undefined if it is not known here. */
export function eventOf(raw: unknown): PodEvent | undefined {
  const parsed = event.safeParse(raw);
  return parsed.success ? parsed.data : undefined;
}

function parseWith<Message>(schema: z.ZodType<Message>, line: string): Parsed<Message> {
  let raw: unknown;
  try {
    raw = JSON.parse(line);
  } catch {
    return { kind: "broken" };
  }
  const parsed = schema.safeParse(raw);
  if (parsed.success) return { kind: "message", message: parsed.data };
  const [issue] = parsed.error.issues;
  return {
    kind: "unknown",
    reason: issue === undefined ? "it does not fit" : `at "${issue.path.join(".")}": ${issue.message}`,
  };
}
