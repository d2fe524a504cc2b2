import { z } from "zod";
import type { PodSnapshot, RunResult } from "../../machines/launch.types.js";

/** What a Pod and its runtime answer, checked before any of it is relied on or stored. */

const text = z.string();
const acceptance = z.looseObject({
  level: z.enum(["progress", "ack", "exit", "output", "alive"]),
  kind: text,
  at: z.iso.datetime(),
});
const agent = z.looseObject({
  driver: text,
  name: text,
  command: z.exactOptional(z.array(text)),
  cwd: z.exactOptional(text),
});
const session = z.looseObject({ id: text, restorable: z.boolean() });

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
