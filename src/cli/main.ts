#!/usr/bin/env node
// The program: the only file that touches the process it runs in.
import { LaunchClaimError, messageOf } from "../errors.js";
import { EXIT } from "./exit-codes.js";
import { Interrupt, type CliIo, type Ear, type InterruptSignal, type Output } from "./io.js";
import { runCli } from "./run.js";

const SIGNALS: readonly InterruptSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

const closed = new AbortController();
let interrupts: AbortController | undefined;

/** From the first time that it is asked for on, a signal ends nothing by itself: not the second either. */
function takeInterrupts(): AbortSignal {
  if (interrupts) return interrupts.signal;
  const taken = new AbortController();
  interrupts = taken;
  for (const signal of SIGNALS) process.on(signal, () => taken.abort(new Interrupt(signal)));
  return taken.signal;
}

/** Whoever reads may go away, as `head` does, or a terminal: what is written then is lost, and nothing else. */
function outputOf(stream: NodeJS.WriteStream, onClosed: () => void): Output {
  let gone = false;
  stream.on("error", () => {
    gone = true;
    onClosed();
  });
  return {
    isTTY: stream.isTTY,
    get width() {
      return stream.isTTY ? stream.columns : undefined;
    },
    write: (text) => {
      if (!gone) stream.write(text);
    },
  };
}

function listen({ keys, hear, end }: Ear): () => void {
  const { stdin } = process;
  if (keys) stdin.setRawMode(true);
  stdin.setEncoding("utf8").on("data", hear).on("end", end).on("error", end);
  return () => {
    stdin.off("data", hear).off("end", end);
    if (keys) stdin.setRawMode(false);
    // Nothing is read any more, and so it does not keep the process.
    stdin.destroy();
  };
}

/** Whoever removes a directory may still stand in it. */
function currentDirectory(): string {
  try {
    return process.cwd();
  } catch (cause) {
    throw new LaunchClaimError("workspace_missing", `the current directory is gone: ${messageOf(cause)}`, {
      hint: "Go to a directory that is there.",
      cause,
    });
  }
}

const io: CliIo = {
  stdout: outputOf(process.stdout, () => closed.abort()),
  stderr: outputOf(process.stderr, () => undefined),
  // Opened by the few commands that read it.
  get stdin() {
    return process.stdin;
  },
  get input() {
    return { isTTY: process.stdin.isTTY, listen };
  },
  env: process.env,
  // Asked for by the command, which tells what it fails with.
  get cwd() {
    return currentDirectory();
  },
  interrupts: takeInterrupts,
  closed: closed.signal,
};

// What comes to a halt without an end has failed.
process.exitCode = EXIT.failed;
// Not `exit`: what was written must still reach a pipe, and what a launch gave up must still be closed.
void runCli(process.argv.slice(2), io).then((code) => (process.exitCode = code));
