import { z } from "zod";
import type { FieldSchema } from "./issues.js";
import { MAX_DELAY_MS } from "./duration.js";
import { recipeSchema } from "./recipe.js";

/** Longer ones would overflow the timer and fire at once. */
const delayMs = (what: string) =>
  z.int().min(1).max(MAX_DELAY_MS).optional().describe(`${what}, in milliseconds.`);

export const timeoutsSchema = z.strictObject({
  admitMs: delayMs("Taking the launch lock and judging what stands"),
  readyMs: delayMs("From starting the Pod until it is ready for a run"),
  connectMs: delayMs("From dialing the Pod until it has said who it is"),
  peerMs: delayMs("Telling all peers; running out of it is a warning"),
  runAckMs: delayMs("From sending the first run until it is accepted"),
  commitMs: delayMs("Writing the claim"),
  verifyMs: delayMs("Reading a doubtful claim back"),
  stopMs: delayMs("From the first signal to a Pod until it is proven gone"),
});

export const idleStopSchema = z
  .int()
  .min(0)
  .max(MAX_DELAY_MS)
  .describe(
    "How long a Pod without a run stays before it stops by itself, in milliseconds. 0: for ever. Default 1800000.",
  );

export const whenDoneSchema = z
  .enum(["keep", "stop", "release"])
  .describe(
    "What the Pod does when its run has ended: stay for the next message, stop, or end the claim and then stop. Default keep.",
  );

const name = z.string().min(1);

const roleSchema = z.strictObject({
  agent: name
    .optional()
    .describe("The agent that plays this role: one of this file, or a preset such as opencode or claude."),
  prompt: name
    .optional()
    .describe(
      "A file in the workspace with the first run's text, in which {{role}}, {{ticket.id}}, {{ticket.slug}}, {{ticket.title}}, {{ticket.body}}, {{workspace}} and {{handoff}} are filled in. No links, at most 1 MiB.",
    ),
  peers: z
    .array(name)
    .optional()
    .describe("Pods that are told of this one before its first run, and when that has ended."),
  whenDone: whenDoneSchema.optional(),
  permissions: z
    .enum(["ask", "allow", "deny"])
    .optional()
    .describe(
      "What becomes of its permission requests: wait for somebody who attaches, are granted once each, or are refused. Default ask.",
    ),
});

export const configSchema = z.strictObject({
  $schema: z.string().optional().describe("Where this schema lies, for editors."),
  agents: z
    .record(name, recipeSchema)
    .default({})
    .describe(
      "Programs that do the work, by name. One with the name of a preset replaces it. To be allowed once: launch-claim trust.",
    ),
  roles: z
    .record(name, roleSchema)
    .default({})
    .describe(
      "What agents are launched as. intake, orchestrator, coder, reviewer and investigator need no entry.",
    ),
  timeouts: timeoutsSchema.default({}).describe("How long each phase of a launch may take."),
  idleStopMs: idleStopSchema.optional(),
});

/** The JSON schema of the configuration file, for editors. */
export function configJsonSchema(): FieldSchema {
  return {
    title: "The configuration of launch-claim",
    ...(z.toJSONSchema(configSchema, { io: "input" }) as FieldSchema),
  };
}
