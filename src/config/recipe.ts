import { z } from "zod";
import { messageOf } from "../errors.js";
import type { AcpEvidence, AgentRecipe, CommandEvidence } from "../../machines/launch.types.js";
import { ACCEPT_FORM, parseAccept } from "./accept.js";
import { MAX_DELAY_MS } from "./duration.js";
import { DEFAULT_EVIDENCE } from "./evidence.js";

/** A system call ends its strings at the first NUL: what follows would be lost, or refused without a word of where it came from. */
const word = z.string().refine((text) => !text.includes("\0"), "Invalid input: expected text without NUL");

const shared = {
  command: z
    .array(word)
    .min(1)
    .refine(([program]) => program !== "", "Invalid input: expected the name of a program first")
    .describe("The program and its arguments. No shell reads them; the program is looked for in PATH."),
  environment: z
    .record(z.string().regex(/^[^=\0]+$/u), word)
    .optional()
    .describe(
      "Added to the environment of whoever launches. Stored nowhere; better keep keys out of this file.",
    ),
  stdinEndMs: z
    .int()
    .min(0)
    .max(MAX_DELAY_MS)
    .optional()
    .describe(
      "How long it needs to end by itself after the end of its stdin, in milliseconds: no signal before, as far as stopMs allows.",
    ),
};

const acpEntry = z.strictObject({
  driver: z.literal("acp").describe("The program speaks the Agent Client Protocol on stdin and stdout."),
  ...shared,
  evidence: z
    .enum(["progress", "ack"])
    .default(DEFAULT_EVIDENCE.level)
    .describe(
      "When its first run counts as accepted: the agent has begun it, or has only echoed the prompt.",
    ),
  settleMs: z
    .int()
    .min(0)
    .max(MAX_DELAY_MS)
    .default(DEFAULT_EVIDENCE.settleMs)
    .describe(
      "How long a sign of progress must stand without an error following, in milliseconds. 0: it counts at once.",
    ),
  requireMessageId: z
    .boolean()
    .default(DEFAULT_EVIDENCE.requireMessageId)
    .describe(
      "Only message chunks with a messageId count: for agents that send notices as chunks without one.",
    ),
  endTurnNeedsProgress: z
    .boolean()
    .default(DEFAULT_EVIDENCE.endTurnNeedsProgress)
    .describe(
      "An end_turn without any sign of progress is a rejection: for agents that end failed turns so.",
    ),
  restorable: z
    .boolean()
    .optional()
    .describe(
      "false: its sessions cannot be loaded again, for agents that offer it and fail. Default: what it offers.",
    ),
});

const commandEntry = z.strictObject({
  driver: z.literal("command").describe("A plain program. The prompt comes on its stdin."),
  ...shared,
  accept: z
    .string()
    .transform((text, context): CommandEvidence => {
      try {
        return parseAccept(text);
      } catch (error) {
        context.addIssue({ code: "custom", message: `Invalid input: ${messageOf(error)}`, input: text });
        return z.NEVER;
      }
    })
    .describe(
      `When its run counts as accepted: ${ACCEPT_FORM}. It exited with 0; it printed a line that matches; it was still alive then.`,
    ),
});

const yoiEntry = z.strictObject({
  driver: z
    .literal("yoi")
    .describe(
      "A Pod that speaks the upstream Pod protocol: its own arguments (pod …) are added to the command.",
    ),
  ...shared,
  command: shared.command.refine(
    (words) => words.length === 1 || words.at(-1) !== "pod",
    'Invalid input: expected the program alone; the word "pod" and what follows it is added',
  ),
  profile: word
    .refine(
      (selector) => /^[^-\s]\S*$/u.test(selector),
      "Invalid input: expected a profile selector such as project:intake, without spaces and not beginning with -",
    )
    .optional()
    .describe("The upstream profile, such as project:intake. Default: upstream's own."),
});

/** How an agent is run, as it is written: in the configuration under `agents`, and in a request. */
export const recipeSchema = z
  .discriminatedUnion("driver", [acpEntry, commandEntry, yoiEntry])
  .transform(asRecipe);

/** As it is written: `{ driver: "acp", command: ["opencode", "acp"] }`. */
export type RecipeEntry = Pick<AgentRecipe, "command" | "environment" | "stdinEndMs"> &
  (
    | ({ readonly driver: "acp"; readonly evidence?: AcpEvidence["level"] } & Partial<
        Omit<AcpEvidence, "level">
      > & { readonly restorable?: boolean })
    | {
        readonly driver: "command";
        /** `exit`, `output:REGEX` or `alive:DURATION`. */
        readonly accept: string;
      }
    | { readonly driver: "yoi"; readonly profile?: string }
  );

/** What a request may give: a recipe as it is written, or one that was read before. */
export const givenRecipeSchema = z.preprocess(asWritten, recipeSchema);

type Entry = z.output<typeof acpEntry> | z.output<typeof commandEntry> | z.output<typeof yoiEntry>;

function asRecipe(entry: Entry): AgentRecipe {
  const { command, environment, stdinEndMs } = entry;
  const program = {
    command,
    ...(environment && { environment }),
    ...(stdinEndMs !== undefined && { stdinEndMs }),
  };
  if (entry.driver === "command") return { ...program, driver: "command", accept: entry.accept };
  if (entry.driver === "yoi") {
    return { ...program, driver: "yoi", ...(entry.profile !== undefined && { profile: entry.profile }) };
  }
  const { evidence: level, settleMs, requireMessageId, endTurnNeedsProgress, restorable } = entry;
  const evidence: AcpEvidence = { level, settleMs, requireMessageId, endTurnNeedsProgress };
  return { ...program, driver: "acp", evidence, ...(restorable !== undefined && { restorable }) };
}

/** A recipe that was read already, written again; anything else is left for the schema to judge. */
function asWritten(given: unknown): unknown {
  if (typeof given !== "object" || given === null) return given;
  const { evidence, accept } = given as { evidence?: unknown; accept?: unknown };
  if (typeof evidence === "object" && evidence !== null && "level" in evidence) {
    const { level, ...rest } = evidence;
    return { ...given, ...rest, evidence: level };
  }
  if (typeof accept === "object" && accept !== null && "kind" in accept) {
    return { ...given, accept: acceptText(accept as CommandEvidence) };
  }
  return given;
}

function acceptText(accept: CommandEvidence): string {
  switch (accept.kind) {
    case "exit":
      return "exit";
    case "output":
      return `output:${accept.pattern}`;
    case "alive":
      return `alive:${accept.afterMs}ms`;
  }
}
