import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { AGENT_CODES, LaunchClaimError, messageOf, type LaunchClaimCode } from "../errors.js";
import { LineSplitter, lineOf } from "../protocol/lines.js";
import { withLastWords } from "./last-words.js";
import type { ControlEvent, Specification } from "./specification.js";

/** A guardian that this process has started, and its end of the control channel. */
export interface GuardianProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly control: Duplex;
}

export interface GuardianProgram {
  /** The Node binary. */
  readonly nodePath: string;
  readonly guardianPath: string;
}

/** After its control channel was closed; one that lives on with it closed is not waited for longer. */
const EXIT_SEEN_MS = 1_000;
/** Small heaps: a guardian waits for most of its life. */
const NODE_FLAGS = ["--max-semi-space-size=1", "--no-warnings"];
/** They would open a debugger, preload a stranger's code, or be taken for a channel of ours. The agent gets them back. */
const NOT_FOR_THE_GUARDIAN = ["NODE_OPTIONS", "NODE_CHANNEL_FD", "NODE_CHANNEL_SERIALIZATION_MODE"];
/** Never given to anybody: it names a descriptor of this process. */
const NOT_FOR_THE_AGENT = ["NODE_CHANNEL_FD", "NODE_CHANNEL_SERIALIZATION_MODE"];

/** What this process's environment holds for the agent and not for its guardian. */
export function restoredEnvironment(): Record<string, string> {
  const entries = NOT_FOR_THE_GUARDIAN.filter((name) => !NOT_FOR_THE_AGENT.includes(name)).flatMap(
    (name): [string, string][] => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    },
  );
  return Object.fromEntries(entries);
}

/**
 * Starts a guardian in a session of its own: detached from terminal and launcher. It inherits the Pod lock as descriptor 3, which
 * Node closes on exec, so that nothing that it starts can hold it; descriptor 4 is the control channel.
 *
 * @throws LaunchClaimError `pod_not_started`
 */
export function spawnGuardian(
  { nodePath, guardianPath }: GuardianProgram,
  where: {
    readonly lockFd: number;
    readonly logFd: number;
    readonly environment: Readonly<Record<string, string>>;
  },
): GuardianProcess {
  const environment: NodeJS.ProcessEnv = { ...process.env, ...where.environment };
  for (const name of NOT_FOR_THE_GUARDIAN) Reflect.deleteProperty(environment, name);
  if (process.versions["electron"] !== undefined) environment["ELECTRON_RUN_AS_NODE"] = "1";
  const child = spawn(nodePath, [...NODE_FLAGS, guardianPath], {
    detached: true,
    cwd: "/",
    env: environment,
    stdio: ["ignore", "ignore", where.logFd, where.lockFd, "pipe"],
  });
  // Without a pid it was never started, and the error is told to whoever waits below.
  child.on("error", () => undefined);
  const { pid } = child;
  const control = child.stdio[4] as Duplex | null;
  if (pid === undefined || control === null) {
    throw new LaunchClaimError("pod_not_started", `the guardian could not be started with ${nodePath}`, {
      hint: "Are there too many open files or processes? Is nodePath a Node binary?",
    });
  }
  // The guardian may die at any time, also while it is told something.
  control.on("error", () => undefined);
  return { child, pid, control };
}

/**
 * Tells the guardian what to do and waits until it is ready.
 *
 * @throws LaunchClaimError with the code that the guardian names, or `pod_not_started`
 */
export async function specify(
  { child, control }: GuardianProcess,
  specification: Specification,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  try {
    await new Promise<void>((resolve, reject) => {
      signal.throwIfAborted();
      const lines = new LineSplitter();
      signal.addEventListener(
        "abort",
        () => reject(new LaunchClaimError("aborted", "the start was given up")),
        {
          signal: over.signal,
        },
      );
      // Stays when the wait is over: a guardian that cannot get rid of a line would come to a halt.
      control.on("data", (chunk: Buffer) => {
        try {
          for (const line of lines.push(chunk)) {
            const told = JSON.parse(line) as ControlEvent;
            if (told.event === "ready") resolve();
            else if (told.event === "not_ready") reject(notReady(told.data));
          }
        } catch (cause) {
          // Another program than ours, by a wrong guardianPath.
          const message = `the guardian's answer cannot be read: ${messageOf(cause)}`;
          reject(new LaunchClaimError("pod_not_started", message, { cause }));
        }
      });
      // After everything that was still in the channel.
      control.once(
        "close",
        () => void untilExitIsSeen(child, over.signal).then(() => reject(endedEarly(child))),
      );
      control.write(lineOf(specification));
    });
  } finally {
    over.abort();
  }
}

function notReady({
  code,
  message,
  stderr_tail: tail,
}: Extract<ControlEvent, { event: "not_ready" }>["data"]) {
  const told = withLastWords(message, tail);
  return new LaunchClaimError(codeOf(code), told, {
    hint: NO_TALK.includes(code) ? SPEAKS_ACP : hintFor(code),
  });
}

/** What most often stands behind an agent that is gone before its first run. */
const NO_TALK = ["agent_exited", "agent_closed_stdout", "agent_closed_stdin"];
const SPEAKS_ACP =
  "Does it speak ACP on stdin and stdout? A plain program needs --driver command --accept exit|output:REGEX|alive:DUR.";

const hints: Readonly<Record<string, string>> = {
  agent_not_found: "Install the agent, or name it by its full path.",
  agent_not_executable: "Make the file executable, or name another program.",
  agent_auth_required: "Log in with the agent's own command first, or give it its key in the environment.",
  session_not_loaded:
    "The claim stands as it was. Try again, or give the session up: reclaim the claim, and launch anew.",
  agent_protocol_mismatch: "Update the agent, or launch-claim.",
  socket_path_too_long: "Give the agent a shorter YOI_RUNTIME_DIR in its environment.",
};

/** What a person can do about what went wrong with an agent; the same before its first run and after. */
export function hintFor(code: string): string | undefined {
  return Object.hasOwn(hints, code) ? hints[code] : undefined;
}

function codeOf(code: string): LaunchClaimCode {
  const known: readonly LaunchClaimCode[] = [
    ...AGENT_CODES,
    "lock_busy",
    "io_failed",
    "request_invalid",
    "pod_mismatch",
    "pod_unreachable",
    "socket_path_too_long",
  ];
  return known.find((one) => one === code) ?? "pod_not_started";
}

/** Its descriptors are closed before its end is told: without waiting for that nobody could say how it ended. */
async function untilExitIsSeen(child: ChildProcess, over: AbortSignal): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const signal = AbortSignal.any([over, AbortSignal.timeout(EXIT_SEEN_MS)]);
  await once(child, "exit", { signal }).catch(() => undefined);
}

function endedEarly({ exitCode, signalCode }: ChildProcess): LaunchClaimError {
  const how = signalCode ?? (exitCode === null ? "it has closed its channel" : `code ${exitCode}`);
  return new LaunchClaimError("pod_not_started", `the guardian ended before it was ready (${how})`, {
    hint:
      signalCode === null
        ? 'What it wrote before is in its log ("logs").'
        : "Somebody has killed it, or the system was out of memory: launch again.",
  });
}
