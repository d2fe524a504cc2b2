import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { dirname, join, resolve } from "node:path";
import { lastWords } from "../pod/agents/departure.js";
import { legible } from "../text.js";

/** An agent that takes longer to say its version would not be asked again. */
const PATIENCE_MS = 5_000;
const MOST_BYTES = 4_096;
const LONGEST_VERSION = 60;

export interface VersionOptions {
  /** False: nothing is run; what is not written down beside the program is not known. */
  readonly mayRun: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly withinMs?: number;
}

/** The version of a program: of the npm package that it belongs to, which runs nothing; else what it answers to `--version`. */
export async function versionOf(
  file: string,
  { mayRun, env, withinMs = PATIENCE_MS }: VersionOptions,
): Promise<string | undefined> {
  const said = packageVersion(file) ?? (mayRun ? await askedVersion(file, { env, withinMs }) : undefined);
  return said === undefined ? undefined : legible(said, LONGEST_VERSION);
}

/** Only of a package that names this very file as a program of its own: any script of a repository has some package above it. */
function packageVersion(file: string): string | undefined {
  try {
    const real = fs.realpathSync(file);
    for (let at = dirname(real); ; at = dirname(at)) {
      const manifest = join(at, "package.json");
      if (fs.existsSync(manifest)) {
        const { version, bin } = JSON.parse(fs.readFileSync(manifest, "utf8")) as Record<string, unknown>;
        return typeof version === "string" && programsIn(bin, at).includes(real) ? version : undefined;
      }
      if (dirname(at) === at) return undefined;
    }
  } catch {
    // A manifest that cannot be read says nothing; the program itself may.
    return undefined;
  }
}

function programsIn(bin: unknown, directory: string): string[] {
  const programs = typeof bin === "object" && bin !== null ? Object.values(bin) : [bin];
  return programs
    .filter((program) => typeof program === "string")
    .map((program) => resolve(directory, program))
    .filter((program) => fs.existsSync(program))
    .map((program) => fs.realpathSync(program));
}

/** The first line of its answer. Whatever it starts is ended with it, after `withinMs` at the latest. */
async function askedVersion(
  file: string,
  { env, withinMs }: { readonly env: VersionOptions["env"]; readonly withinMs: number },
): Promise<string | undefined> {
  // From the root, so that no directory's own settings are read; in a group of its own, so that all of it can be ended.
  const child = spawn(file, ["--version"], {
    cwd: "/",
    env,
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
  });
  const endAll = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // The whole group has ended.
    }
  };
  const timer = setTimeout(endAll, withinMs);
  let said = Buffer.alloc(0);
  child.stdout.on("data", (chunk: Buffer) => {
    if (said.length < MOST_BYTES) said = Buffer.concat([said, chunk]);
  });
  try {
    const [code] = (await once(child, "exit")) as [number | null];
    // Not until its stdout is closed: what it has started may hold that open.
    await lastWords();
    const text = said.subarray(0, MOST_BYTES).toString("utf8");
    const line = text.split("\n").find((one) => one.trim() !== "");
    return code === 0 ? line?.trim() : undefined;
  } catch {
    // It cannot be run.
    return undefined;
  } finally {
    clearTimeout(timer);
    endAll();
    child.stdout.destroy();
  }
}
