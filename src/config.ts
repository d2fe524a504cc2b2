import { createHash } from "node:crypto";
import { join } from "node:path";
import type { z } from "zod";
import { CONFIG_FILE } from "./config/defaults.js";
import { describeIssues } from "./config/issues.js";
import { findJsonError } from "./config/json-error.js";
import { configJsonSchema, configSchema } from "./config/schema.js";
import { LaunchClaimError, messageOf } from "./errors.js";
import { legible, printable } from "./text.js";
import { readWorkspaceFile } from "./workspace-file.js";

/** The roles that need no configuration. */
const BUILT_IN_ROLES = ["intake", "orchestrator", "coder", "reviewer", "investigator"];

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
  const text = textOf(root, file);
  if (text === undefined) return configSchema.parse({});
  // Of the very text that is used: a file that is changed between two readings is never trusted for what it was.
  const sha256 = createHash("sha256").update(text).digest("hex");
  const parsed = configSchema.safeParse(jsonOf(text, file), { reportInput: true });
  if (parsed.success) return { ...parsed.data, source: { file, sha256 } };
  const issues = describeIssues(parsed.error, configJsonSchema());
  throw invalid(
    issues.length === 1 ? `${file}: ${issues[0] ?? ""}` : [`${file}: errors in it:`, ...issues].join("\n"),
  );
}

function textOf(root: string, file: string): string | undefined {
  try {
    return readWorkspaceFile(root, CONFIG_FILE);
  } catch (cause) {
    throw invalid(`${file} cannot be used: ${legible(messageOf(cause))}`, cause);
  }
}

function jsonOf(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const found = findJsonError(text);
    if (found === undefined) throw invalid(`${file}: it is not JSON: ${legible(messageOf(cause))}`, cause);
    const { line, column, expected, came } = found;
    throw invalid(`${file}:${line}:${column}: it is not JSON: expected ${expected}, but came ${came}`, cause);
  }
}

function invalid(message: string, cause?: unknown): LaunchClaimError {
  return new LaunchClaimError("config_invalid", message, {
    hint: "Correct the file; nothing was started.",
    cause,
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
