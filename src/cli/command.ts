import type { Arguments } from "./arguments.js";
import type { CliIo } from "./io.js";
import type { Terminal } from "./terminal.js";

/** A flag: with a value, or one that is there or not. */
export interface Flag {
  /** What its value is called in help; absent: it has none. */
  readonly value?: string;
  /** True if it may be given more than once. */
  readonly repeatable?: boolean;
  readonly help: string;
}

export interface Positional {
  readonly name: string;
  readonly optional?: boolean;
}

/** One command. Its file loads nothing that only running it needs: help is to be quick. */
export interface Command {
  readonly name: string;
  readonly positionals: readonly Positional[];
  /** True if `-- COMMAND ARG…` may follow. */
  readonly takesCommand?: boolean;
  readonly flags: Readonly<Record<string, Flag>>;
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
