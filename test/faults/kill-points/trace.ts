/** Commands under `strace`: which changing calls they make, and their death right before one of them. */
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import { dirname, join } from "node:path";
import {
  DEADLINE_MS,
  kill,
  RunningCommand,
  type CliWorld,
  type EndedCommand,
} from "../../fixtures/cli-world.js";
import { built } from "../../fixtures/guardian-runtime.js";
import { isRunning, runningProcesses, waitUntil } from "../../fixtures/processes.js";

/** One call of a command, right before which it can be killed. */
export interface KillPoint {
  /** The system call's name. */
  readonly kind: string;
  /** It is the n-th of its kind that the command's main thread makes, from its start on. */
  readonly n: number;
  /** What it does, without what differs from run to run: `link claims/ID.tmp claims/T-1.json`. */
  readonly call: string;
}

export interface Killed {
  readonly ended: EndedCommand;
  /** Before which call it died; undefined if it ran to its end. Not always the one that was meant: `n` counts foreign calls, too. */
  readonly call: string | undefined;
  /** Whether that call is one of its points. */
  readonly isPoint: boolean;
  /** How many points lay behind it when it died, or ended. */
  readonly passed: number;
}

const FORKS = ["clone", "clone3", "fork", "vfork"];
const WRITES = ["write", "writev", "pwrite64", "sendmsg", "sendto"];
const NAMES = ["mkdir", "mkdirat", "link", "linkat", "unlink", "unlinkat", "rename", "renameat", "renameat2"];
const OTHERS = ["openat", "fsync", "fdatasync", "ftruncate", "fcntl", "socketpair", "connect", "kill"];
const KINDS = [...FORKS, ...WRITES, ...NAMES, ...OTHERS];

/** Why nothing can be traced here; undefined if it can. */
export function whyNoTrace(): string | undefined {
  const { error, status, stderr } = spawnSync("strace", ["-o", "/dev/null", "true"], { encoding: "utf8" });
  if (error) return "strace is not installed";
  return status === 0 ? undefined : `strace may not trace here: ${stderr.trim()}`;
}

/** Every point of a command, from a run of it that nobody kills. */
export async function pointsOf(world: CliWorld, words: readonly string[]): Promise<KillPoint[]> {
  const { ended, lines } = await traced(world, words, []);
  if (ended.code !== 0) throw new Error(`${words.join(" ")} under strace: ${JSON.stringify(ended)}`);
  return pointsIn(world, lines);
}

export async function killAt(world: CliWorld, words: readonly string[], point: KillPoint): Promise<Killed> {
  const inject = ["-e", `inject=${point.kind}:signal=KILL:when=${point.n}`];
  const { ended, lines } = await traced(world, words, inject);
  const points = pointsIn(world, lines);
  if (ended.signal !== "SIGKILL") return { ended, call: undefined, isPoint: false, passed: points.length };
  const n = lines.filter((line) => kindOf(line) === point.kind).length;
  const last = points.find((found) => found.kind === point.kind && found.n === n);
  return {
    ended,
    call: last?.call ?? `a ${point.kind} that changes nothing of the registry`,
    isPoint: last !== undefined,
    passed: points.length - (last === undefined ? 0 : 1),
  };
}

/** Without `-f`: neither the guardian nor any other child is traced, and none is killed. */
async function traced(
  world: CliWorld,
  words: readonly string[],
  inject: readonly string[],
): Promise<{ ended: EndedCommand; lines: string[] }> {
  const file = join(dirname(world.workspace), "trace");
  const filter = `trace=${KINDS.map((kind) => `?${kind}`).join(",")}`;
  const program = [process.execPath, built("bin/launch-claim.js"), ...words];
  const command = new RunningCommand(
    spawn("strace", ["-y", "-s", "100", "-o", file, "-e", filter, ...inject, ...program], {
      cwd: world.workspace,
      env: { ...process.env, ...world.environment, UV_THREADPOOL_SIZE: "1" },
    }),
  );
  command.child.stdin?.end();
  try {
    await waitUntil(() => !isRunning(command.pid), {
      deadlineMs: 2 * DEADLINE_MS,
      what: () => `the end of ${words.join(" ")}; so far: ${command.said}`,
    });
  } finally {
    // A strace that is killed lets its command go on: the command goes first, and strace after it by itself.
    for (const { pid, parent } of runningProcesses()) if (parent === command.pid) kill(pid, "SIGKILL");
  }
  return { ended: await command.ended, lines: fs.readFileSync(file, "utf8").split("\n") };
}

function kindOf(line: string): string | undefined {
  return /^(\w+)\(/u.exec(line)?.[1];
}

/** From the first call on that names the registry or the sockets: what Node does before it is the same for every program. */
function pointsIn(world: CliWorld, lines: readonly string[]): KillPoint[] {
  const made = new Map<string, number>();
  const seen = new Map<string, number>();
  const points: KillPoint[] = [];
  for (const line of lines) {
    const kind = kindOf(line);
    if (kind === undefined) continue;
    const n = (made.get(kind) ?? 0) + 1;
    made.set(kind, n);
    const paths = pathsIn(world, line);
    if (!changes(kind, line, paths.length > 0) || (points.length === 0 && paths.length === 0)) continue;
    const what = [kind, ...(paths.length > 0 ? paths : [detailOf(kind, line)])].join(" ").trim();
    const times = (seen.get(what) ?? 0) + 1;
    seen.set(what, times);
    points.push({ kind, n, call: times === 1 ? what : `${what} (${times})` });
  }
  return points;
}

function changes(kind: string, line: string, isOurs: boolean): boolean {
  if (FORKS.includes(kind)) return !line.includes("CLONE_THREAD");
  if (WRITES.includes(kind)) return isOurs || /^\w+\(\d+<socket/u.test(line);
  if (kind === "openat") return isOurs && line.includes("O_CREAT");
  if (kind === "fcntl") return isOurs && line.includes("F_WRLCK");
  if (kind === "socketpair") return true;
  if (kind === "kill") return !/, 0\)/u.test(line);
  return isOurs;
}

/** The files of the registry and the sockets that a call names, as arguments or behind its descriptor. */
function pathsIn(world: CliWorld, line: string): string[] {
  const root = dirname(world.workspace);
  const paths = [...line.matchAll(/"(\/[^"]*)"|<(\/[^>]*)>/gu)]
    .map(([, argument, behind]) => argument ?? behind ?? "")
    .filter((path) => path.startsWith(world.home) || path.startsWith(join(root, "r")))
    .map((path) =>
      path
        .slice(root.length + 1)
        .replace(/^h\/workspaces\/w-[0-9a-f]{12}\/?/u, "")
        .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/gu, "ID")
        .replace(/\.[0-9a-f]{16}\.tmp/u, ".tmp")
        .replace(/intake-T-1-\w+/gu, "POD")
        .replace(/^r\/[0-9a-f]{12}/u, "sockets")
        .replace(/\w+\.sock$/u, "POD.sock"),
    )
    .map((path) => path || "the registry");
  // A call that has returned names its new descriptor's file once more.
  return [...new Set(paths)];
}

function detailOf(kind: string, line: string): string {
  if (!WRITES.includes(kind)) return "";
  const word = /\\"(?:state|status|method)\\":\\"([\w.]+)/u.exec(line)?.[1] ?? "a line";
  return /^\w+\(1</u.test(line) ? `to stdout: ${word}` : `to the Pod: ${word}`;
}
