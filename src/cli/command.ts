import type { Arguments } from "./arguments.js";
import type { CommandShape } from "./flags.js";
import type { CliIo } from "./io.js";
import type { Terminal } from "./terminal.js";

/** One command. Its file loads nothing that only running it needs: help is to be quick. */
export interface Command extends CommandShape {
  /** What it does, in paragraphs of at most 100 columns. */
  readonly about: string;
  /** @returns the exit code */
  readonly run: (call: Call) => Promise<number>;
}

/** One use of a command. */
export interface Call {
  readonly args: Arguments;
  readonly terminal: Terminal;
  readonly io: CliIo;
  /** The project's directory, found when it is asked for. */
  readonly workspace: () => string;
  /** The data directory, where the environment names one. */
  readonly home: string | undefined;
  /** A command line that can be typed as it is, for the same workspace. */
  readonly line: CommandLine;
}

/** `line("stop", { id: "T-1" })` → `launch-claim stop T-1`. */
export type CommandLine = (
  verb: string,
  words?: { readonly id?: string | undefined; readonly flags?: readonly string[] },
) => string;
