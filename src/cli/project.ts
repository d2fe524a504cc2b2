import fs from "node:fs";
import { dirname, join, resolve } from "node:path";

const MARKS = ["launch-claim.config.json", ".git"];

/** The directory that was named, else the nearest parent that has a configuration or is a repository, else where we are. */
export function findProject(cwd: string, named: string | undefined): string {
  // An empty name is no directory; `findWorkspace` says so.
  if (named !== undefined) return named === "" ? "" : resolve(cwd, named);
  for (let at = cwd; ; at = dirname(at)) {
    if (MARKS.some((mark) => fs.existsSync(join(at, mark)))) return at;
    if (dirname(at) === at) return cwd;
  }
}
