import fs from "node:fs";
import os from "node:os";
import { basename, join } from "node:path";
import { LaunchClaimError } from "../errors.js";

/** Linux takes 108 bytes with the final zero, macOS 104; Node cuts a longer path without a word. */
export const MAX_SOCKET_PATH_BYTES = process.platform === "darwin" ? 103 : 107;
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Where a Pod's socket lies: `LAUNCH_CLAIM_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/launch-claim`, else `run` in the data directory,
 * and in it `<12 hex of the workspace>/<6 characters of the Pod>.sock`. Where that is too long for a socket, a private directory in
 * the system's temporary one. Creates the directories.
 *
 * @param registry the registry's directory, whose name ends in the workspace's hash
 * @throws LaunchClaimError `socket_path_too_long` | `directory_unsafe` | `workspace_unwritable`
 */
export function socketPathFor(
  pod: string,
  where: { readonly registry: string; readonly data: string },
): string {
  const { registry, data } = where;
  const workspace = basename(registry).slice(-12);
  const name = `${pod.slice(-6)}.sock`;
  const places = [...runtimeDirectories(data), join(os.tmpdir(), `launch-claim-${process.geteuid?.() ?? 0}`)];
  for (const place of places) {
    const path = join(place, workspace, name);
    if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) continue;
    ensurePrivate(place);
    ensurePrivate(join(place, workspace));
    return path;
  }
  throw new LaunchClaimError(
    "socket_path_too_long",
    `no directory for sockets is short enough: ${places.join(", ")} leave more than ${MAX_SOCKET_PATH_BYTES} bytes for a path`,
    { hint: "Set LAUNCH_CLAIM_RUNTIME_DIR to a short private directory." },
  );
}

function runtimeDirectories(data: string): string[] {
  const own = process.env["LAUNCH_CLAIM_RUNTIME_DIR"];
  if (own) return [own];
  const session = process.env["XDG_RUNTIME_DIR"];
  return session ? [join(session, "launch-claim")] : [join(data, "run")];
}

/** Whoever can write into the directory can put a socket of his own in a Pod's place. */
function ensurePrivate(path: string): void {
  try {
    fs.mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new LaunchClaimError("workspace_unwritable", `could not create the directory ${path}`, {
      hint: "Set LAUNCH_CLAIM_RUNTIME_DIR to a private directory that can be written.",
      cause,
    });
  }
  const { mode, uid } = fs.lstatSync(path);
  const isOurs = fs.lstatSync(path).isDirectory() && uid === process.geteuid?.();
  if (isOurs && (mode & WRITABLE_BY_OTHERS) === 0) return;
  throw new LaunchClaimError("directory_unsafe", `${path} is not a directory of ours alone`, {
    hint: `Set LAUNCH_CLAIM_RUNTIME_DIR to another directory, or run: chmod 700 ${path}`,
  });
}
