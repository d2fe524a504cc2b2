import type { PodRuntime } from "../ports.js";

/** Where text goes: standard output, or standard error. */
export interface Output {
  readonly isTTY: boolean;
  /** In columns; undefined where nobody knows. */
  readonly width: number | undefined;
  write(text: string): void;
}

/** Standard input, for a command that goes on while it listens. */
export interface Input {
  readonly isTTY: boolean;
  /** @returns what ends the listening, and gives a terminal back as it was */
  listen(ear: Ear): () => void;
}

export interface Ear {
  /** True: a terminal's keys as they are pressed, without an echo; interrupts are keys, too. Needs a terminal. */
  readonly keys: boolean;
  readonly hear: (text: string) => void;
  /** There is no more to come. */
  readonly end: () => void;
}

/** All that the command line knows of the process it runs in. Only the program itself (`main.ts`) has the real one. */
export interface CliIo {
  /** Results. */
  readonly stdout: Output;
  /** Messages to people. */
  readonly stderr: Output;
  readonly stdin: AsyncIterable<Buffer | string>;
  /** The same; of the two, a command uses one. */
  readonly input: Input;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /**
   * Aborted by SIGINT, SIGTERM and SIGHUP, with an {@link Interrupt} as its reason. Whoever asks for it takes them over: until
   * then they end the process, which no command but those that wait or start something needs to know.
   */
  readonly interrupts: () => AbortSignal;
  /** Aborted when nobody reads the results any more. */
  readonly closed: AbortSignal;
  /** How Pods are started, reached and ended. Default: the guardian. */
  readonly runtime?: () => Promise<PodRuntime>;
}

export type InterruptSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** Why a command was asked to end. */
export class Interrupt extends Error {
  override readonly name = "Interrupt";
  readonly signal: InterruptSignal;

  constructor(signal: InterruptSignal) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}
