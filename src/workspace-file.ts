import fs from "node:fs";
import { isAbsolute, join, normalize, sep } from "node:path";
import { errnoOf } from "./errors.js";

const MAX_BYTES = 1024 * 1024;

/**
 * Reads a file that a workspace names. A cloned repository is foreign: no link is followed on the way, nothing outside of the
 * workspace is read, and at most 1 MiB.
 *
 * @returns undefined if there is no such file
 */
export function readWorkspaceFile(root: string, path: string): string | undefined {
  const at = pathInside(root, path);
  if (at === undefined) return undefined;
  let fd: number;
  try {
    fd = fs.openSync(at, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { size } = fs.fstatSync(fd);
    if (!fs.fstatSync(fd).isFile()) throw new Error(`"${path}" is not a file`);
    if (size > MAX_BYTES) throw new Error(`"${path}" has ${size} bytes; at most ${MAX_BYTES} are read`);
    return fs.readFileSync(fd, "utf8");
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * What lies in a directory that a workspace names, by name; on the same terms as {@link readWorkspaceFile}.
 *
 * @returns undefined if there is no such directory
 */
export function listWorkspaceDirectory(root: string, path: string): fs.Dirent[] | undefined {
  const at = pathInside(root, path);
  if (at === undefined) return undefined;
  return fs.readdirSync(at, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Undefined if there is nothing of that name. */
function pathInside(root: string, path: string): string | undefined {
  const relative = normalize(path);
  if (isAbsolute(relative) || relative.split(sep).includes("..")) {
    throw new Error(`"${path}" is not inside of the workspace`);
  }
  let at = root;
  for (const part of relative.split(sep)) {
    at = join(at, part);
    const there = fs.lstatSync(at, { throwIfNoEntry: false });
    if (there === undefined) return undefined;
    if (there.isSymbolicLink()) throw new Error(`"${path}" leads through a symbolic link (${at})`);
  }
  return at;
}
