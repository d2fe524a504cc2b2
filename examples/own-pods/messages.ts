import { z } from "zod";

/**
 * What a Pod and its clients say to each other: the envelope of the upstream Pod protocol, `{"method","params"}` in and
 * `{"event","data"}` out, one JSON object a line. Two things are added to it: the launch id, which is the fence, and the run id,
 * so that an answer can never be taken for that of another client's run.
 */

const segment = z.object({ kind: z.literal("text"), content: z.string() });

const acceptance = z.object({
  level: z.literal("progress"),
  kind: z.literal("user_message"),
  at: z.string(),
});

/** The first and only line of the control channel. It travels there because an argument list is public. */
export const assignmentSchema = z.object({
  name: z.string(),
  launchId: z.string(),
  ticketId: z.string(),
  /** The Pod's own directory, private and new. */
  directory: z.string(),
  socket: z.string(),
  /** What the Pod runs as, for example `project:intake`. */
  profile: z.string(),
});
export type Assignment = z.output<typeof assignmentSchema>;

export const methodSchema = z.discriminatedUnion("method", [
  z.object({ method: z.literal("register_peer"), params: z.object({ name: z.string() }) }),
  z.object({
    method: z.literal("run"),
    params: z.object({ run_id: z.string(), launch_id: z.string(), input: z.array(segment) }),
  }),
  z.object({ method: z.literal("notify"), params: z.object({ from: z.string(), message: z.string() }) }),
  z.object({ method: z.literal("shutdown") }),
]);
export type Method = z.output<typeof methodSchema>;
export type RunParams = Extract<Method, { method: "run" }>["params"];

const snapshot = z.object({
  protocol: z.number(),
  launch_id: z.string(),
  status: z.enum(["idle", "running"]),
  /** The run that was accepted, if one was. */
  run: z.object({ run_id: z.string(), acceptance }).optional(),
  greeting: z.object({ pod_name: z.string(), cwd: z.string(), profile: z.string() }),
});
export type Snapshot = z.output<typeof snapshot>;

export const eventSchema = z.discriminatedUnion("event", [
  z.object({ event: z.literal("snapshot"), data: snapshot }),
  z.object({ event: z.literal("status"), data: z.object({ status: z.enum(["idle", "running"]) }) }),
  z.object({
    event: z.literal("peer_registered"),
    data: z.object({ result: z.object({ source: z.string(), peer: z.string() }) }),
  }),
  z.object({ event: z.literal("invoke_start"), data: z.object({ kind: z.literal("user_send") }) }),
  z.object({
    event: z.literal("user_message"),
    data: z.object({ run_id: z.string(), acceptance, segments: z.array(segment) }),
  }),
  z.object({
    event: z.literal("error"),
    data: z.object({
      code: z.string(),
      message: z.string(),
      run_id: z.string().optional(),
      peer: z.string().optional(),
    }),
  }),
  z.object({ event: z.literal("notify"), data: z.object({ from: z.string(), message: z.string() }) }),
  z.object({ event: z.literal("shutdown") }),
]);
export type PodEvent = z.output<typeof eventSchema>;

/** `pod.json`: who the Pod is, written by itself. */
export const podFileSchema = z.object({
  name: z.string(),
  launchId: z.string(),
  ticketId: z.string(),
  pid: z.number(),
  startTime: z.string(),
  socket: z.string(),
});
export type PodFile = z.output<typeof podFileSchema>;

/** `accepted.json`: the receipt that adoption relies on. */
export const receiptSchema = z.object({ runId: z.string(), acceptance });
export type Receipt = z.output<typeof receiptSchema>;
