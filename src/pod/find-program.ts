import fs from "node:fs";
import { resolve } from "node:path";
import { errnoOf } from "../errors.js";

export type FoundProgram =
  | { readonly kind: "found"; readonly file: string }
  | { readonly kind: "missing" }
  /** Something has this name, but cannot be run: a directory, or a file without the permission. */
  | { readonly kind: "notExecutable"; readonly file: string };

/** What the C library takes where there is no PATH. */
const DEFAULT_PATH = "/bin:/usr/bin";

/** Where a program is looked for. */
export interface SearchPlace {
  /** As in `PATH`. An empty part means `cwd`, as it does for execvp. */
  readonly path: string | undefined;
  /** Absolute. */
  readonly cwd: string;
}

/**
 * Which file would be run, by the rules of execvp: a name with a slash is a path from `cwd`, any other is looked for in `path`. Only a
 * better message is made of the answer: the program may be gone by the time it is run.
 */
export function findProgram(command: string, { path, cwd }: SearchPlace): FoundProgram {
  if (command === "") return { kind: "missing" };
  if (command.includes("/")) return look(resolve(cwd, command));
  let blocked: FoundProgram | undefined;
  for (const directory of (path ?? DEFAULT_PATH).split(":")) {
    const answer = look(resolve(cwd, directory, command));
    if (answer.kind === "found") return answer;
    // As execvp: one that cannot be run is passed over, and told of only if no other is found.
    if (answer.kind === "notExecutable") blocked ??= answer;
  }
  return blocked ?? { kind: "missing" };
}

function look(file: string): FoundProgram {
  try {
    if (!fs.statSync(file).isFile()) return { kind: "notExecutable", file };
  } catch (error) {
    return errnoOf(error) === "EACCES" ? { kind: "notExecutable", file } : { kind: "missing" };
  }
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return { kind: "found", file };
  } catch {
    return { kind: "notExecutable", file };
  }
}
