import { createHash } from "node:crypto";
import fs from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import envPaths from "env-paths";
import { LaunchClaimError, messageOf } from "../errors.js";

/** Where the work is, and where what is known of it is kept. */
export interface Workspace {
  /** The directory that was named, with links resolved. Configuration and prompts are read from here. */
  readonly root: string;
  /** The main checkout that `root` belongs to: all worktrees of a repository share one registry. */
  readonly main: string;
  /** The registry's directory. */
  readonly directory: string;
  /** The directories above it that are ours, too, outermost first. */
  readonly parents: readonly string[];
}

/**
 * @param home the data directory; default `LAUNCH_CLAIM_HOME`, else the platform's.
 * @throws LaunchClaimError `workspace_missing` | `request_invalid`
 */
export function findWorkspace(directory: string, home: string = dataHome()): Workspace {
  let root: string;
  try {
    // An empty name would be taken for the current directory.
    if (directory === "") throw new Error("its name is empty");
    root = fs.realpathSync(directory);
    if (!fs.statSync(root).isDirectory()) throw new Error("it is not a directory");
  } catch (cause) {
    throw new LaunchClaimError(
      "workspace_missing",
      `the workspace ${directory} cannot be used: ${messageOf(cause)}`,
      {
        hint: "Name an existing directory: the root of the project that the tickets belong to.",
        cause,
      },
    );
  }
  if (!isAbsolute(home)) {
    throw new LaunchClaimError(
      "request_invalid",
      `the data directory must be an absolute path, but is "${home}"`,
      {
        hint: "Set LAUNCH_CLAIM_HOME to an absolute path.",
      },
    );
  }
  const main = mainCheckoutOf(root);
  // A trailing slash would hide that the directory is a link.
  const data = resolve(home);
  const leaf =
    basename(main)
      .replace(/[^A-Za-z0-9_-]+/gu, "-")
      .slice(0, 60) || "root";
  const hash = createHash("sha256").update(main).digest("hex").slice(0, 12);
  const workspaces = join(data, "workspaces");
  return { root, main, directory: join(workspaces, `${leaf}-${hash}`), parents: [data, workspaces] };
}

export function dataHome(): string {
  return process.env["LAUNCH_CLAIM_HOME"] || envPaths("launch-claim", { suffix: "" }).data;
}

/**
 * What all checkouts of a repository have in common. Where `.git` is a directory, that is the checkout itself. Where it is a file
 * it names a git directory; in that of a worktree a file `commondir` leads on. A submodule has a git directory of its own.
 */
function mainCheckoutOf(root: string): string {
  try {
    const pointer = /^gitdir: (.+)$/mu.exec(fs.readFileSync(join(root, ".git"), "utf8"))?.[1];
    if (pointer === undefined) return root;
    const gitDirectory = resolve(root, pointer.trim());
    const common = fs.realpathSync(resolve(gitDirectory, commonIn(gitDirectory)));
    return basename(common) === ".git" ? dirname(common) : common;
  } catch {
    // No repository, a plain one (`.git` is a directory), or a broken pointer: the directory speaks for itself.
    return root;
  }
}

function commonIn(gitDirectory: string): string {
  const file = join(gitDirectory, "commondir");
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim() : ".";
}
