import { basename, join } from "node:path";
import { z } from "zod";
import type { ConfigSource } from "./config.js";
import { LaunchClaimError, messageOf } from "./errors.js";
import { ensurePrivateDirectory } from "./registry/directories.js";
import { DurableWrites, isThere, readIfThere } from "./registry/durable.js";
import type { Workspace } from "./registry/workspace.js";
import { legible } from "./text.js";

const FORMAT = "launch-claim/trust";
const VERSION = 1;

const trustSchema = z.looseObject({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  workspace: z.string(),
  /** One for each checkout: worktrees share a registry, and may differ in their configuration. */
  configurations: z.array(z.looseObject({ file: z.string(), sha256: z.string(), trustedAt: z.string() })),
});
type TrustRecord = z.output<typeof trustSchema>;

/**
 * Whether this user has allowed the configuration of this checkout, byte for byte as it is now, to name commands. A cloned
 * repository must not run commands by being opened.
 *
 * @throws LaunchClaimError `record_damaged` | `directory_unsafe`
 */
export function isTrusted(workspace: Workspace, { file, sha256 }: ConfigSource): boolean {
  return (
    readRecord(workspace)?.configurations.some((known) => known.file === file && known.sha256 === sha256) ??
    false
  );
}

/** Whether this user has allowed another content of the same file before. */
export function wasTrusted(workspace: Workspace, { file }: ConfigSource): boolean {
  return readRecord(workspace)?.configurations.some((known) => known.file === file) ?? false;
}

/** Allows it from now on, until the file is changed. Durable on return. */
export async function trust(workspace: Workspace, source: ConfigSource, now = new Date()): Promise<void> {
  const { file, sha256 } = source;
  const [data = ""] = workspace.parents;
  ensurePrivateDirectory(data);
  ensurePrivateDirectory(directoryOf(workspace));
  const before = readRecord(workspace)?.configurations ?? [];
  // Of each checkout the latest alone; those of worktrees that were removed go with them.
  const others = before.filter((known) => known.file !== file && isThere(known.file));
  const record: TrustRecord = {
    format: FORMAT,
    version: VERSION,
    workspace: workspace.main,
    configurations: [...others, { file, sha256, trustedAt: now.toISOString() }],
  };
  await new DurableWrites().replace(fileOf(workspace), `${JSON.stringify(record, null, 2)}\n`);
}

function readRecord(workspace: Workspace): TrustRecord | undefined {
  const file = fileOf(workspace);
  const bytes = readIfThere(file);
  if (bytes === undefined) return undefined;
  // Whoever else could write there could allow what they like.
  ensurePrivateDirectory(directoryOf(workspace));
  try {
    return trustSchema.parse(JSON.parse(bytes.toString("utf8")));
  } catch (cause) {
    throw new LaunchClaimError("record_damaged", `${file} is damaged: ${legible(messageOf(cause))}`, {
      hint: "Remove the file, and trust the workspace's configuration anew.",
      cause,
    });
  }
}

function directoryOf({ parents: [data = ""] }: Workspace): string {
  return join(data, "trust");
}

function fileOf(workspace: Workspace): string {
  return join(directoryOf(workspace), `${basename(workspace.directory)}.json`);
}
