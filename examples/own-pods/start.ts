import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { OwnPodError } from "./errors.js";
import type { Assignment } from "./messages.js";
import { identify, type ProcessId } from "./processes.js";
import { lineOf, LineSplitter } from "./wire.js";

/** A started Pod's process, as its launcher holds it. */
export interface PodProcess {
  readonly id: ProcessId;
  readonly child: ChildProcess;
  /** The Pod's stdin: the assignment goes in, and its end says that the launcher is gone. */
  readonly control: Writable;
  /** The Pod's stderr. */
  readonly said: Readable;
}

/** How many of the last lines on stderr explain a Pod that did not become ready. */
const TAIL_LINES = 20;
const LAST_WORDS_WITHIN_MS = 100;

/**
 * Starts the program. The Pod lock becomes descriptor 3; detached means a session and a process group of its own, so that neither
 * a closed terminal nor the launcher's end takes the Pod along.
 *
 * @throws if the program cannot be started
 */
export async function spawnPod(
  program: string,
  options: {
    readonly cwd: string;
    readonly environment: Readonly<Record<string, string>>;
    readonly lockFd: number;
  },
): Promise<PodProcess> {
  const { cwd, environment, lockFd } = options;
  // The host's own settings for Node would open a debugger in the Pod, or have it take descriptor 3 for an IPC channel.
  const { NODE_OPTIONS: _options, NODE_CHANNEL_FD: _channel, ...inherited } = process.env;
  const stdio: SpawnOptions["stdio"] = ["pipe", "ignore", "pipe", lockFd];
  const env = { ...inherited, ...environment };
  const child = spawn(process.execPath, [program], { cwd, env, stdio, detached: true });
  const { pid, stdin: control, stderr: said } = child;
  if (pid === undefined || control === null || said === null) {
    const [cause] = (await once(child, "error")) as [Error];
    const hint = "The program or the directory may be missing: Node names the program for both.";
    const message = `could not start ${process.execPath} in ${cwd}: ${cause.message}`;
    throw new OwnPodError("pod_not_started", message, { cause, hint });
  }
  // Read in the same turn: until the event loop runs again, even a child that has died already keeps its pid.
  const id = identify(pid);
  if (id === undefined) {
    // It could not be found again: better none than one that nobody can name.
    child.kill("SIGKILL");
    throw new OwnPodError("pod_not_started", `process ${pid} is not in /proc; these Pods need Linux`);
  }
  // A Pod that dies before it has read everything breaks the pipe; its exit says more.
  control.on("error", () => undefined);
  return { id, child, control, said };
}

/**
 * Hands the Pod its assignment and waits until it says that it is ready.
 *
 * @throws if the Pod ends before that, with its last words, or if `signal` aborts
 */
export async function assign(
  { child, control, said }: PodProcess,
  assignment: Assignment,
  signal: AbortSignal,
): Promise<void> {
  const { name } = assignment;
  const words = new LastWords();
  const over = new AbortController();
  try {
    await new Promise<void>((resolve, reject) => {
      signal.throwIfAborted();
      const giveUp = () => reject(new Error("the start was given up"));
      signal.addEventListener("abort", giveUp, { signal: over.signal });
      // Stays when the wait is over: a Pod that cannot get rid of what it says would come to a halt.
      said.on("data", (chunk: Buffer) => {
        try {
          for (const line of words.hear(chunk)) if (isReadyLine(line, name)) resolve();
        } catch (error) {
          reject(error);
        }
      });
      child.once("exit", (code, killedBy) => {
        const how = killedBy === null ? `exited with code ${code}` : `was ended by ${killedBy}`;
        const fail = () =>
          reject(new OwnPodError("pod_not_ready", `Pod ${name} ${how} before it was ready${words.said()}`));
        // What it said last may still be in the pipe. The wait is short, for a child of its own may keep that open.
        finished(said, { signal: AbortSignal.timeout(LAST_WORDS_WITHIN_MS), cleanup: true }).then(fail, fail);
      });
      control.write(lineOf(assignment));
    });
  } finally {
    over.abort();
  }
}

/** What a Pod said last on stderr. */
class LastWords {
  readonly #lines = new LineSplitter();
  #last: readonly string[] = [];

  hear(chunk: Buffer): readonly string[] {
    const heard = [...this.#lines.push(chunk)];
    this.#last = [...this.#last, ...heard].slice(-TAIL_LINES);
    return heard;
  }

  said(): string {
    const last = [...this.#last, this.#lines.rest].filter((line) => line.trim() !== "");
    return last.length > 0 ? `; its last words:\n${last.join("\n")}` : " without a word";
  }
}

/** `POD-READY <name> <socket>`, parted by tabs. The name is compared: another program's line must not pass for it. */
function isReadyLine(line: string, name: string): boolean {
  const [word, ready] = line.split("\t");
  if (word !== "POD-READY") return false;
  if (ready === name) return true;
  const message = `Pod ${name} was started, but "${ready ?? ""}" says that it is ready`;
  throw new OwnPodError("pod_not_ready", message);
}
