import type { AgentExit, DrivenProcess } from "./driver.js";

/** How an agent was lost. */
export type Departure =
  | { readonly kind: "exited"; readonly exit: AgentExit }
  | { readonly kind: "closedStdout" }
  | { readonly kind: "closedStdin" };

/**
 * How long the exit and the last of the output may be apart. An early exit shows first as EPIPE or a closed pipe; and what the
 * agent started may hold its stdout open for ever.
 */
const APART_MS = 1_000;

/**
 * Watches a process until it can be said how it was lost: once it has exited *and* all that it wrote was read, or a second after
 * the first sign of trouble.
 */
export class DepartureWatch {
  /** Settles once, if ever. Never rejects. */
  readonly departed: Promise<Departure>;
  #endOutput: () => void = () => undefined;
  #loseInput: () => void = () => undefined;
  readonly #output = new Promise<void>((resolve) => (this.#endOutput = resolve));
  readonly #input = new Promise<void>((resolve) => (this.#loseInput = resolve));
  #timer: NodeJS.Timeout | undefined;
  #exit: AgentExit | undefined;
  #outputHasEnded = false;
  #closed = false;
  #hasBegun = false;

  /** @param doubt called at the first sign, before anything is known */
  constructor(process: DrivenProcess, doubt: () => void = () => undefined) {
    const exited = process.exited.then((exit) => {
      this.#exit = exit;
    });
    this.departed = this.#watch(exited, doubt);
  }

  /** There was a first sign of trouble. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  outputEnded(): void {
    this.#outputHasEnded = true;
    this.#endOutput();
  }

  /** What was written to it came back: nobody reads it. */
  inputLost(): void {
    this.#loseInput();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #watch(exited: Promise<void>, doubt: () => void): Promise<Departure> {
    await Promise.race([exited, this.#output, this.#input]);
    this.#hasBegun = true;
    doubt();
    const waited = new Promise<void>((resolve) => {
      if (!this.#closed) this.#timer = setTimeout(resolve, APART_MS);
    });
    await Promise.race([Promise.all([exited, this.#output]), waited]);
    clearTimeout(this.#timer);
    await lastWords();
    if (this.#exit) return { kind: "exited", exit: this.#exit };
    return { kind: this.#outputHasEnded ? "closedStdout" : "closedStdin" };
  }
}

/** What an ended process wrote to stderr is in the pipe by now, whoever reads it: two turns bring it in. */
export async function lastWords(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** "exited with code 1", "was ended by SIGSEGV". */
export function exitWords({ code, signal }: AgentExit): string {
  return code === null ? `was ended by ${signal ?? "a signal"}` : `exited with code ${code}`;
}
