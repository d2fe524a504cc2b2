import { createHash } from "node:crypto";
import { join } from "node:path";
import type { z } from "zod";
import { configSchema } from "./config/schema.js";
import { LaunchClaimError, messageOf } from "./errors.js";
import type { LaunchTimeouts } from "../machines/launch.types.js";
import { legible, printable } from "./text.js";
import { readWorkspaceFile } from "./workspace-file.js";

export const CONFIG_FILE = "launch-claim.config.json";

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

/** How long a Pod without a run stays before it stops by itself. */
export const DEFAULT_IDLE_STOP_MS = 30 * 60_000;

export interface Config extends z.output<typeof configSchema> {
  /** The file that it was read from, and what `trust` remembers of it; absent if there is no file. */
  readonly source?: ConfigSource;
}

export interface ConfigSource {
  readonly file: string;
  readonly sha256: string;
}

/**
 * The workspace's configuration, or an empty one.
 *
 * @throws LaunchClaimError `config_invalid`: which file, where in it, what was expected and what came.
 */
export function readConfig(root: string): Config {
  const file = join(root, CONFIG_FILE);
  let raw: unknown;
  let sha256: string;
  try {
    const text = readWorkspaceFile(root, CONFIG_FILE);
    if (text === undefined) return configSchema.parse({});
    // Of the very text that is used: a file that is changed between two readings is never trusted for what it was.
    sha256 = createHash("sha256").update(text).digest("hex");
    raw = JSON.parse(text);
  } catch (cause) {
    throw new LaunchClaimError("config_invalid", `${file} cannot be used: ${legible(messageOf(cause))}`, {
      hint: "Correct the file; nothing was started.",
      cause,
    });
  }
  const parsed = configSchema.safeParse(raw, { reportInput: true });
  if (parsed.success) return { ...parsed.data, source: { file, sha256 } };
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
  const { message, input } = plain(issue);
  const came = input === undefined ? "" : `, but came ${JSON.stringify(input).slice(0, 80)}`;
  return legible(`${where}: ${message}${came}`);
}

/** Of a union that is told apart by one field, zod shows the whole object: what came is the field's value. */
function plain(issue: z.core.$ZodIssue): { readonly message: string; readonly input: unknown } {
  if (issue.code !== "invalid_union" || issue.discriminator === undefined)
    return issue as typeof issue & { input: unknown };
  const { options = [] } = issue as { options?: readonly unknown[] };
  return {
    message: `Invalid option: expected one of ${options.map((option) => JSON.stringify(option)).join("|")}`,
    input: (issue.input as Record<string, unknown> | undefined)?.[issue.discriminator],
  };
}
