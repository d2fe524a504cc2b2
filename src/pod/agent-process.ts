import { spawn, type ChildProcess } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import type { Readable, Writable } from "node:stream";
import { LaunchClaimError, messageOf } from "../errors.js";
import type { PodProcess } from "../ports.js";
import { identityOf, lifeOf } from "../processes.js";
import { LineSplitter } from "../protocol/lines.js";
import { legible } from "../text.js";
import type { AgentExit, DrivenProcess } from "./agents/driver.js";
import { reaperCall, type Proof } from "./reaper.js";
import { StderrTail } from "./stderr-tail.js";

export interface AgentOptions {
  /** The program and its arguments. No shell reads them. */
  readonly command: readonly string[];
  /** Absolute. */
  readonly cwd: string;
  /** The whole environment of the agent, the launch's mark included. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** As `chooseProof` chose. */
  readonly proof: Proof;
  /**
   * At kernel level: a descriptor with the agent lock, for the reaper to hold. The caller closes its own copy once this has
   * settled, and must not unlock it.
   */
  readonly agentLockFd?: number;
  /** Each line of the agent's stderr, cut at 2 KiB, for the log; not yet made legible. */
  readonly onStderr?: (line: string) => void;
}

/** An agent that runs, or stands at its gate. Must be ended by `endAgent`. */
export interface AgentProcess extends DrivenProcess {
  readonly proof: Proof;
  /** Agent and reaper, to be recorded BEFORE the gate is opened. */
  readonly processes: readonly PodProcess[];
  /**
   * Kernel level: resolves when the reaper has ended, and given up the agent lock. Scan level: when the agent's own process has
   * ended. Never rejects.
   */
  readonly gone: Promise<void>;
  /** The kernel's word that nothing of the agent is left; false until then, and at scan level. */
  isProvenGone(): boolean;
  /** Why the program could not be run, once that is known; at kernel level only. */
  execFailure(): string | undefined;
}

/**
 * Starts the agent's process, in a process group of its own. On return its pid is known and it stands at the gate: it waits for one
 * byte on its stdin before it becomes the program. An end of file there, as when this process dies, makes it exit without having run
 * anything. So the pid can be recorded before the program can do, or start, anything.
 *
 * @throws LaunchClaimError `runtime_failed`; nothing is left of the attempt
 */
export async function startAgent(options: AgentOptions): Promise<AgentProcess> {
  if (options.command.length === 0) throw failed("start the agent", "its command is empty");
  return options.proof === "kernel" ? startUnderReaper(options) : startBehindShell(options);
}

async function startUnderReaper(options: AgentOptions): Promise<AgentProcess> {
  const call = reaperCall(options.command, options.environment);
  if (!call) {
    throw failed(
      "start the reaper",
      "there is no perl, or it does not know the system calls of this machine",
    );
  }
  const child = await spawned(call.file, call.args, options, {
    env: call.environment,
    more: [options.agentLockFd ?? "ignore", "pipe"],
  });
  const ended = new Promise<{ code: number | null }>((resolve) => {
    child.once("exit", (code) => resolve({ code }));
  });
  const reports = new Reports(child.stdio[4] as Readable);
  const tail = new StderrTail(child.stderr as Readable, options.onStderr ?? ignore);
  const reaper = identityOf(pidOf(child));
  const agentPid = await Promise.race([reports.agentPid, ended.then(() => undefined)]);
  const agent = agentPid === undefined ? undefined : identityOf(agentPid);
  if (!reaper || !agent) {
    // Gated, the agent has run nothing: at the end of its stdin it exits, and the reaper after it.
    child.stdin?.destroy();
    await ended;
    const why = reports.failure ?? tail.lines().at(-1) ?? "it ended at once";
    throw failed("start the agent under the reaper", legible(why), {
      hint: "With LAUNCH_CLAIM_PROOF=scan in the environment no reaper is used; its proof is weaker.",
    });
  }
  let provenGone = false;
  const gone = ended.then(({ code }) => {
    provenGone = code === 0;
  });
  return {
    ...driven(child, tail),
    proof: "kernel",
    processes: [
      { ...reaper, as: "reaper" },
      { ...agent, as: "agent" },
    ],
    exited: reports.exit.then((exit) => exit ?? exitUnseen(agent)),
    gone,
    isProvenGone: () => provenGone,
    execFailure: () => reports.execFailure,
  };
}

/**
 * `read` takes the gate's byte and no more, because sh reads what is no file byte by byte; `exec` keeps the pid. Some shells drop
 * variables whose names they could not use themselves, such as `a-b`: a limit of this level.
 */
const GATE = 'IFS= read -r _ || exit 0; exec "$@"';

async function startBehindShell(options: AgentOptions): Promise<AgentProcess> {
  const child = await spawned("/bin/sh", ["-c", GATE, "sh", ...options.command], options, {
    env: options.environment,
    more: [],
  });
  const exited = new Promise<AgentExit>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  const tail = new StderrTail(child.stderr as Readable, options.onStderr ?? ignore);
  const agent = identityOf(pidOf(child));
  if (!agent) {
    await exited;
    throw failed("start the agent", legible(tail.lines().at(-1) ?? "it ended at once"));
  }
  return {
    ...driven(child, tail),
    proof: "scan",
    processes: [{ ...agent, as: "agent" }],
    exited,
    gone: exited.then(ignore),
    isProvenGone: () => false,
    execFailure: ignore,
  };
}

interface SpawnExtras {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Descriptors 3 and following. */
  readonly more: readonly (number | "ignore" | "pipe")[];
}

/** In a session of its own, so that no signal of a terminal reaches it. */
async function spawned(
  file: string,
  args: readonly string[],
  { cwd, command }: AgentOptions,
  { env, more }: SpawnExtras,
): Promise<ChildProcess> {
  try {
    const child = spawn(file, args, {
      cwd,
      env: { ...env },
      detached: true,
      stdio: ["pipe", "pipe", "pipe", ...more],
    });
    // EPIPE, ECONNRESET: how the other side ended is told by its exit, and by nothing else.
    for (const stream of child.stdio) stream?.on("error", ignore);
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    return child;
  } catch (cause) {
    // Node reports a missing directory as a missing program.
    const why = fs.existsSync(cwd) ? messageOf(cause) : "the directory does not exist";
    throw failed(`start ${legible(command[0] ?? "")} in ${legible(cwd)}`, why, { cause });
  }
}

function driven(
  child: ChildProcess,
  tail: StderrTail,
): Pick<AgentProcess, "stdin" | "stdout" | "open" | "stderrTail"> {
  const stdin = child.stdin as Writable;
  let isOpen = false;
  return {
    stdin,
    stdout: child.stdout as Readable,
    open() {
      if (isOpen) return;
      isOpen = true;
      if (stdin.writable) stdin.write("\n");
    },
    stderrTail: () => tail.lines(),
  };
}

/** What the reaper tells, a line each. */
class Reports {
  /** Never resolves if the reaper ends before. */
  readonly agentPid: Promise<number>;
  /** Undefined if the reaper ended without telling. */
  readonly exit: Promise<AgentExit | undefined>;
  failure: string | undefined;
  execFailure: string | undefined;

  constructor(channel: Readable) {
    const agentPid = deferred<number>();
    const exit = deferred<AgentExit | undefined>();
    this.agentPid = agentPid.promise;
    this.exit = exit.promise;
    const splitter = new LineSplitter();
    channel.on("data", (chunk: Buffer) => {
      for (const line of splitter.push(chunk)) {
        const [word, ...rest] = line.split(" ");
        if (word === "agent") agentPid.resolve(Number(rest[0]));
        if (word === "failed") this.failure = rest.join(" ");
        if (word === "exec") this.execFailure = rest.join(" ");
        if (word === "exit") exit.resolve(exitOf(rest[0], Number(rest[1])));
      }
    });
    channel.on("close", () => exit.resolve(undefined));
  }
}

function exitOf(kind: string | undefined, number: number): AgentExit {
  if (kind === "code") return { code: number, signal: null };
  const name = Object.entries(os.constants.signals).find(([, value]) => value === number)?.[0];
  return { code: null, signal: name ?? `signal ${number}` };
}

const LOOK_AGAIN_MS = 100;

/** The reaper was killed: nobody is told of the agent's end any more, and how it ended is lost. */
async function exitUnseen(agent: PodProcess): Promise<AgentExit> {
  while (lifeOf(agent) === "alive") {
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS).unref());
  }
  return { code: null, signal: "unknown" };
}

/** `Promise.withResolvers`, which Node 20 does not have. */
function deferred<Value>(): { promise: Promise<Value>; resolve: (value: Value) => void } {
  let resolve: (value: Value) => void = ignore;
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw failed("start the agent", "it has no pid");
  return child.pid;
}

function failed(
  what: string,
  why: string,
  details: { readonly hint?: string; readonly cause?: unknown } = {},
): LaunchClaimError {
  return new LaunchClaimError("runtime_failed", `could not ${what}: ${why}`, details);
}

function ignore(): undefined {
  return undefined;
}
