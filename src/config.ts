import { join } from "node:path";
import { z } from "zod";
import { LaunchClaimError, messageOf } from "./errors.js";
import type { LaunchTimeouts } from "../machines/launch.types.js";
import { legible, printable } from "./text.js";
import { readWorkspaceFile } from "./workspace-file.js";

const CONFIG_FILE = "launch-claim.config.json";

/** The roles that need no configuration. */
const BUILT_IN_ROLES = ["intake", "orchestrator", "coder", "reviewer", "investigator"];

export const DEFAULT_TIMEOUTS: LaunchTimeouts = {
  admitMs: 5_000,
  readyMs: 30_000,
  connectMs: 5_000,
  peerMs: 5_000,
  runAckMs: 120_000,
  commitMs: 10_000,
  verifyMs: 5_000,
  stopMs: 10_000,
};

/** Longer ones would overflow the timer and fire at once. */
const delayMs = z.int().min(1).max(2_147_483_647).optional();

export const timeoutsSchema = z.strictObject({
  admitMs: delayMs,
  readyMs: delayMs,
  connectMs: delayMs,
  peerMs: delayMs,
  runAckMs: delayMs,
  commitMs: delayMs,
  verifyMs: delayMs,
  stopMs: delayMs,
});

const name = z.string().min(1);

const configSchema = z.strictObject({
  $schema: z.string().optional(),
  agents: z
    .record(
      name,
      z.strictObject({
        driver: z.enum(["acp", "command"]),
        command: z.array(z.string()).min(1),
        evidence: z.enum(["progress", "ack"]).optional(),
      }),
    )
    .default({}),
  roles: z
    .record(
      name,
      z.strictObject({
        agent: name.optional(),
        /** A file in the workspace. */
        prompt: name.optional(),
        peers: z.array(name).optional(),
        whenDone: z.enum(["keep", "stop", "release"]).optional(),
      }),
    )
    .default({}),
  timeouts: timeoutsSchema.default({}),
});

export type Config = z.output<typeof configSchema>;

/**
 * The workspace's configuration, or an empty one.
 *
 * @throws LaunchClaimError `config_invalid`: which file, where in it, what was expected and what came.
 */
export function readConfig(root: string): Config {
  const file = join(root, CONFIG_FILE);
  let raw: unknown;
  try {
    const text = readWorkspaceFile(root, CONFIG_FILE);
    if (text === undefined) return configSchema.parse({});
    raw = JSON.parse(text);
  } catch (cause) {
    throw new LaunchClaimError("config_invalid", `${file} cannot be used: ${legible(messageOf(cause))}`, {
      hint: "Correct the file; nothing was started.",
      cause,
    });
  }
  const parsed = configSchema.safeParse(raw, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw new LaunchClaimError("config_invalid", `${file}: ${describeIssue(parsed.error)}`, {
    hint: "Correct the file; nothing was started.",
  });
}

/** The role as configured; the built-in ones need no entry. */
export function roleIn(config: Config, role: string): NonNullable<Config["roles"][string]> {
  const configured = Object.hasOwn(config.roles, role) ? config.roles[role] : undefined;
  if (configured) return configured;
  if (BUILT_IN_ROLES.includes(role)) return {};
  const known = [...new Set([...BUILT_IN_ROLES, ...Object.keys(config.roles)])];
  throw new LaunchClaimError("role_unknown", `there is no role ${printable(role)}`, {
    hint: `Use one of ${legible(known.join(", "))}, or add it to "roles" in ${CONFIG_FILE}.`,
  });
}

/** The first thing that does not fit: where, what was expected, and what came. */
export function describeIssue(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return "it does not fit";
  const where = issue.path.length === 0 ? "at the top" : `at "${issue.path.join(".")}"`;
  const came = issue.input === undefined ? "" : `, but came ${JSON.stringify(issue.input).slice(0, 80)}`;
  return legible(`${where}: ${issue.message}${came}`);
}
