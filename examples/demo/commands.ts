import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { paint, print, visible } from "../own-pods/screen.js";

/** The command as it is installed: found by the package's own name, as any program would find it. */
const manifest = createRequire(import.meta.url).resolve("launch-claim/package.json");
const PROGRAM = join(dirname(manifest), "dist/bin/launch-claim.js");

export interface Surroundings {
  readonly workspace: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/** Runs one command line, shows it as it would be typed, and shows what it says while it does. */
export async function run(args: readonly string[], where: Surroundings): Promise<number> {
  const child = start(args, where);
  await Promise.all([echo(child.stdout), echo(child.stderr), once(child, "close")]);
  return child.exitCode ?? -1;
}

/** As `run`, but leaves the command to the caller, who reads its JSON lines. */
export function start(
  args: readonly string[],
  { workspace, environment, signal }: Surroundings,
): ChildProcess {
  signal.throwIfAborted();
  const set = environment["DEMO_AGENT_FAILS"] === undefined ? "" : "DEMO_AGENT_FAILS=1 ";
  print(`    ${paint("bold", `$ ${set}launch-claim ${args.map(typed).join(" ")}`)}`);
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: workspace,
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  // An interrupted command stops its own Pod before it ends.
  const interrupt = () => child.kill("SIGTERM");
  signal.addEventListener("abort", interrupt, { once: true });
  child.once("close", () => signal.removeEventListener("abort", interrupt));
  return child;
}

async function echo(stream: NodeJS.ReadableStream | null): Promise<void> {
  if (stream === null) return;
  for await (const line of createInterface({ input: stream })) print(`    ${visible(line)}`);
}

/** As somebody would type it: quoted where a shell wants it. */
function typed(word: string): string {
  if (word === process.execPath) return "node";
  return /^[\w@%+=:,./-]+$/u.test(word) ? word : `'${word}'`;
}
