/** Processes under `strace`: which calls they make, and what becomes of them if one of these kills them or fails. */
import { spawn, spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import {
  DEADLINE_MS,
  kill,
  RunningCommand,
  type CliWorld,
  type EndedCommand,
} from "../../fixtures/cli-world.js";
import { textIfThere } from "../../fixtures/files.js";
import { built } from "../../fixtures/guardian-runtime.js";
import { isRunning, runningProcesses, waitUntil } from "../../fixtures/processes.js";

/** One call of the traced process. */
export interface Point {
  /** The system call's name. */
  readonly kind: string;
  /** It is the n-th of its kind that its thread makes, from its start on. */
  readonly n: number;
  /** What it does, without what differs from run to run: `link claims/ID.tmp claims/T-1.json`. */
  readonly call: string;
  /** Whether it can change something outside of the process. */
  readonly changes: boolean;
}

/** What the call does instead of what it should, in strace's words. */
export type Injection = "signal=KILL" | `error=${string}`;

/** Runs something of which one process is traced, with these options of strace, and waits for its end. */
export type TracedRun = (strace: readonly string[]) => Promise<Ran>;

export interface Ran {
  /** The command, or the last of several. */
  readonly ended: EndedCommand;
  /** What was seen on the way that is not so. */
  readonly lies: readonly string[];
  /** How long the trace was when what matters began. Default 0. */
  readonly traceBefore?: number;
}

export interface Injected extends Ran {
  /** The call that was hit; undefined if none was. Not always the one that was meant: `n` counts foreign calls, too. */
  readonly call: string | undefined;
  /** Whether that call is one of its points, and no wake-up of Node's threads was hit with it. */
  readonly isPoint: boolean;
  /** How many points lay behind it then; without a hit, how many there were. */
  readonly passed: number;
  /** The number that the call that was meant had in this run, if it came to it. */
  readonly foundAt: number | undefined;
}

const FORKS = ["clone", "clone3", "fork", "vfork"];
const WRITES = ["write", "writev", "pwrite64", "sendmsg", "sendto"];
const NAMES = ["mkdir", "mkdirat", "link", "linkat", "unlink", "unlinkat", "rename", "renameat", "renameat2"];
const SYNCS = ["fsync", "fdatasync"];
const OTHERS = ["openat", "ftruncate", "fcntl", "socketpair", "bind", "listen", "connect", "kill"];
/** They change nothing: a death before one is like a death before the next that does, but an error may be taken for an answer. */
const READS = ["read", "pread64", "stat", "lstat", "statx", "newfstatat", "getdents64", "statfs"];
const KINDS = [...FORKS, ...WRITES, ...NAMES, ...SYNCS, ...OTHERS, ...READS];

/** Why nothing can be traced here; undefined if it can. */
export function whyNoTrace(): string | undefined {
  const { error, status, stderr } = spawnSync("strace", ["-f", "-b", "execve", "-o", "/dev/null", "true"], {
    encoding: "utf8",
  });
  if (error) return "strace is not installed";
  return status === 0 ? undefined : `strace may not trace here: ${stderr.trim()}`;
}

/** Every point of a run that nobody disturbs; `from` is the number of those that do not matter. */
export async function pointsOf(
  world: CliWorld,
  run: TracedRun,
  exitCode: number,
): Promise<{ readonly points: readonly Point[]; readonly from: number }> {
  const { ended, lies, calls, traceBefore = 0 } = await traced(world, run, []);
  if (ended.code !== exitCode || lies.length > 0)
    throw new Error(`undisturbed under strace: ${JSON.stringify({ ended, lies })}`);
  const points = pointsIn(world, calls);
  return { points, from: points.filter(({ at }) => at < traceBefore).length };
}

export async function inject(
  world: CliWorld,
  run: TracedRun,
  { kind, n, call: meant, injection }: Point & { readonly injection: Injection },
): Promise<Injected> {
  const aim = ["-e", `inject=${kind}:${injection}:when=${n}`];
  const { wasKilled, calls, ...ran } = await traced(world, run, aim);
  const points = pointsIn(world, calls);
  const isHit = (call: Call) =>
    injection === "signal=KILL" ? wasKilled && call.kind === kind && call.n === n : call.isInjected;
  const hits = calls.filter(isHit);
  const [hit] = hits;
  const foundAt = points.find(({ call }) => call === meant)?.n;
  if (hit === undefined) return { ...ran, call: undefined, isPoint: false, passed: points.length, foundAt };
  const at = points.findIndex((point) => point.line === hit.line);
  // Each thread counts for itself: the n-th write of another one, by which it wakes the main one up, fails as well, and Node aborts.
  const isWakeUpHit =
    injection !== "signal=KILL" && hits.some((call) => !call.isMain && WRITES.includes(call.kind));
  return {
    ...ran,
    call: points[at]?.call ?? `a ${kind} that is none of the registry's`,
    isPoint: at >= 0 && !isWakeUpHit,
    foundAt,
    passed: points.filter((point) => calls.findIndex(({ line }) => line === point.line) < calls.indexOf(hit))
      .length,
  };
}

interface Call {
  readonly kind: string;
  readonly n: number;
  readonly isMain: boolean;
  readonly line: string;
  /** Where in the trace the line begins. */
  readonly at: number;
  isInjected: boolean;
}

export function traceOf(world: CliWorld): string {
  return join(dirname(world.workspace), "trace");
}

/** With its threads, and without what it executes: no other program is traced, and none is hit. */
async function traced(
  world: CliWorld,
  run: TracedRun,
  injection: readonly string[],
): Promise<Ran & { readonly wasKilled: boolean; readonly calls: Call[] }> {
  const file = traceOf(world);
  const filter = `trace=${KINDS.map((kind) => `?${kind}`).join(",")}`;
  const ran = await run(["-f", "-b", "execve", "-y", "-s", "100", "-o", file, "-e", filter, ...injection]);
  // What never came to run has made no call.
  const lines = (textIfThere(file) ?? "").split("\n");
  return {
    ...ran,
    wasKilled: lines.some((line) => line.includes("+++ killed by SIGKILL")),
    calls: callsIn(lines),
  };
}

/** A command of the built program. */
export function tracedCommand(world: CliWorld, words: readonly string[]): TracedRun {
  return async (strace) => {
    const command = new RunningCommand(
      spawn("strace", [...strace, process.execPath, built("bin/launch-claim.js"), ...words], {
        cwd: world.workspace,
        // One thread makes all asynchronous calls, so that their order is the command's.
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
    return { ended: await command.ended, lies: [] };
  };
}

function callsIn(lines: readonly string[]): Call[] {
  const calls: Call[] = [];
  const made = new Map<string, number>();
  const last = new Map<string, Call>();
  let main: string | undefined;
  let at = 0;
  for (const line of lines) {
    const [, pid = "", text = ""] = /^(\d+) +(.*)$/u.exec(line) ?? [];
    main ??= pid;
    const kind = /^(\w+)\(/u.exec(text)?.[1];
    if (kind !== undefined) {
      const n = (made.get(`${pid} ${kind}`) ?? 0) + 1;
      made.set(`${pid} ${kind}`, n);
      const call: Call = { kind, n, isMain: pid === main, line: text, at, isInjected: false };
      calls.push(call);
      last.set(pid, call);
    }
    // A call that others came between is told in two lines, and how it ended in the second.
    const call = last.get(pid);
    if (call && text.endsWith("(INJECTED)")) call.isInjected = true;
    at += Buffer.byteLength(line) + 1;
  }
  return calls;
}

/** From the first call on that names the registry or the sockets: what Node does before it is the same for every program. */
function pointsIn(world: CliWorld, calls: readonly Call[]): (Point & { line: string; at: number })[] {
  const seen = new Map<string, number>();
  const points: (Point & { line: string; at: number })[] = [];
  const ofMain = new Set(calls.flatMap(({ kind, n, isMain }) => (isMain ? `${kind} ${n}` : [])));
  for (const { kind, n, isMain, line, at } of calls) {
    // Of the other threads the syncs alone: all else is made by the main one. One that has the same number there is hidden by it.
    if (!isMain && (!SYNCS.includes(kind) || ofMain.has(`${kind} ${n}`))) continue;
    const paths = pathsIn(world, line);
    if (!counts(kind, line, paths.length > 0) || (points.length === 0 && paths.length === 0)) continue;
    const what = [kind, ...(paths.length > 0 ? paths : [detailOf(kind, line)])].join(" ").trim();
    const times = (seen.get(what) ?? 0) + 1;
    seen.set(what, times);
    const call = times === 1 ? what : `${what} (${times})`;
    points.push({ kind, n, call, changes: changes(kind, line), line, at });
  }
  return points;
}

function counts(kind: string, line: string, isOurs: boolean): boolean {
  if (FORKS.includes(kind)) return !line.includes("CLONE_THREAD");
  if (WRITES.includes(kind)) return isOurs || /^\w+\((?:\d+<socket|1<)/u.test(line);
  if (kind === "socketpair" || kind === "listen") return true;
  if (kind === "kill") return !/, 0\)/u.test(line);
  return isOurs;
}

function changes(kind: string, line: string): boolean {
  if (kind === "openat") return line.includes("O_CREAT");
  if (kind === "fcntl") return line.includes("F_WRLCK");
  return !READS.includes(kind);
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
