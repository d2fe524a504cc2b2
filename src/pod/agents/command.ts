import fs from "node:fs";
import type { Acceptance, CommandEvidence } from "../../../machines/launch.types.js";
import { messageOf } from "../../errors.js";
import { MAX_LINE_BYTES } from "../../protocol/lines.js";
import { legible, printable } from "../../text.js";
import { LineCutter } from "./cut-lines.js";
import { DepartureWatch, exitWords, lastWords, type Departure } from "./departure.js";
import { NotReady, type AgentDriver, type DriverContext, type DriverReady, type RunEnd } from "./driver.js";
import { settleClock } from "./settle-clock.js";

/** More of a line is neither matched nor shown: a pattern on megabytes could hold up the whole process. */
const LONGEST_LINE = 64 * 1024;

/** What clients are shown of a line, in characters. */
const SHOWN_LENGTH = 4_096;

const PROMPT_FILE = "{promptFile}";

export function createCommandDriver(context: DriverContext): AgentDriver {
  const { recipe } = context;
  if (recipe.driver !== "command") {
    throw new TypeError(`the recipe is for the driver ${recipe.driver}, not command`);
  }
  return new CommandDriver(context, recipe.accept);
}

/**
 * Runs a plain program, once. Its prompt comes on stdin, or in a file that an argument names. It is let run only when it has
 * something to do: it stands, gated, until the prompt is there.
 */
class CommandDriver implements AgentDriver {
  readonly #context: DriverContext;
  readonly #accept: CommandEvidence;
  readonly #departure: DepartureWatch;
  readonly #lines: LineCutter;
  #pattern: RegExp | undefined;
  #state: "standing" | "running" | "accepted" | "over" = "standing";
  #timer: ReturnType<typeof settleClock.setTimeout> | undefined;
  #wrotePrompt = false;
  #closed = false;

  constructor(context: DriverContext, accept: CommandEvidence) {
    this.#context = context;
    this.#accept = accept;
    this.#lines = new LineCutter(Math.min(context.maxLineBytes ?? MAX_LINE_BYTES, LONGEST_LINE));
    this.#departure = new DepartureWatch(context.process);
    // Known before the last of the output is read: from here on, being alive proves nothing.
    void context.process.exited.then(() => this.#stopTimer());
    this.#listen();
  }

  async boot(): Promise<DriverReady> {
    const { name, recipe, cwd } = this.#context;
    if (this.#accept.kind === "output") {
      try {
        this.#pattern = new RegExp(this.#accept.pattern, "u");
      } catch (error) {
        throw new NotReady("request_invalid", `the output pattern is none: ${legible(messageOf(error))}`);
      }
    }
    return { agent: { driver: "command", name, command: recipe.command, cwd } };
  }

  prompt(text: string): void {
    if (this.#state !== "standing") {
      // Not at once: nobody expects an end before `prompt` has returned.
      queueMicrotask(() => {
        this.#tellEnd(failure("command_runs_once", "a plain command takes one prompt, and it has had it"));
      });
      return;
    }
    this.#state = "running";
    const { process } = this.#context;
    if (this.#wantsFile()) {
      try {
        this.#writePromptFile(text);
      } catch (error) {
        const why = legible(messageOf(error));
        queueMicrotask(() =>
          this.#end(failure("prompt_file_failed", `the prompt cannot be written: ${why}`)),
        );
        return;
      }
      this.#open();
      process.stdin.end();
    } else {
      this.#open();
      process.stdin.end(text);
    }
  }

  /** A plain program knows no request to end a run: whoever wants it to end stops the Pod. */
  cancel(): void {
    if (!this.#closed) this.#context.events.log("a plain command cannot be asked to cancel its run");
  }

  /** It never asks. */
  answerPermission(): void {
    return;
  }

  async farewell(): Promise<void> {
    return;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#state = "over";
    this.#stopTimer();
    this.#departure.close();
    this.#removePromptFile();
  }

  #listen(): void {
    const { stdin, stdout } = this.#context.process;
    // EPIPE: it reads no prompt, as is its right. How it ends is told by its exit.
    stdin.on("error", () => undefined);
    stdout.on("data", (chunk: Buffer) => {
      for (const line of this.#lines.push(chunk)) this.#read(line);
    });
    let hasEnded = false;
    const onEnd = () => {
      if (hasEnded) return;
      hasEnded = true;
      if (this.#lines.rest !== "") this.#read(this.#lines.rest);
      this.#departure.outputEnded();
    };
    stdout.once("end", onEnd);
    stdout.once("close", onEnd);
    stdout.on("error", onEnd);
  }

  #open(): void {
    this.#context.process.open();
    void this.#watchExit();
    if (this.#accept.kind !== "alive") return;
    this.#timer = settleClock.setTimeout(() => this.#accepted("alive", "alive"), this.#accept.afterMs);
    this.#timer.timeout.unref();
  }

  async #watchExit(): Promise<void> {
    let departure: Departure = await this.#departure.departed;
    if (departure.kind !== "exited") {
      // A program may close its stdout and work on. What it was to print it can print no more, but it can still exit well.
      departure = { kind: "exited", exit: await this.#context.process.exited };
      await lastWords();
    }
    this.#exited(departure.exit);
  }

  #read(line: string): void {
    if (this.#state !== "running" && this.#state !== "accepted") return;
    // The log bounds what a program that prints and prints may leave there.
    this.#context.events.log(`stdout: ${legible(line, SHOWN_LENGTH)}`);
    this.#context.events.update({ sessionUpdate: "output", text: legible(line, SHOWN_LENGTH) });
    if (this.#pattern?.test(line)) this.#accepted("output", "output");
  }

  #exited(exit: { readonly code: number | null; readonly signal: string | null }): void {
    if (this.#state === "over") return;
    if (exit.code !== 0) {
      this.#end(failure("command_failed", `the command ${exitWords(exit)}`));
      return;
    }
    if (this.#state === "running" && this.#accept.kind === "output") {
      const pattern = printable(this.#accept.pattern);
      const message = `the command exited with code 0, and no line of its output matched ${pattern}`;
      this.#end(failure("command_output_missing", message));
      return;
    }
    this.#accepted("exit", "exit");
    this.#end({ kind: "done", stopReason: "exit_0" });
  }

  #accepted(level: Acceptance["level"], kind: string): void {
    if (this.#state !== "running") return;
    this.#state = "accepted";
    this.#stopTimer();
    this.#context.events.evidence({ level, kind, at: this.#context.now() });
  }

  #end(end: Ending): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#stopTimer();
    this.#removePromptFile();
    this.#tellEnd(end);
  }

  #tellEnd(end: Ending): void {
    if (this.#closed) return;
    const stderrTail = this.#context.process.stderrTail().map((line) => legible(line));
    this.#context.events.ended(end.kind === "done" ? end : { ...end, stderrTail });
  }

  #wantsFile(): boolean {
    const { recipe, promptFile } = this.#context;
    // Whoever started the process has put the path in its place; the recipe may be the one before or after that.
    return recipe.command.some((word) => word.includes(PROMPT_FILE) || word.includes(promptFile));
  }

  #writePromptFile(text: string): void {
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;
    const fd = fs.openSync(this.#context.promptFile, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    this.#wrotePrompt = true;
    try {
      fs.writeFileSync(fd, text);
    } finally {
      fs.closeSync(fd);
    }
  }

  /** Only ours: a file that stood in its place is somebody else's. */
  #removePromptFile(): void {
    if (!this.#wrotePrompt) return;
    this.#wrotePrompt = false;
    try {
      fs.unlinkSync(this.#context.promptFile);
    } catch {
      // The program may have removed it; and if the directory is gone, so is the prompt.
    }
  }

  #stopTimer(): void {
    if (this.#timer) settleClock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

type Ending = Extract<RunEnd, { kind: "done" }> | Omit<Extract<RunEnd, { kind: "failed" }>, "stderrTail">;

function failure(code: string, message: string): Ending {
  return { kind: "failed", code, message };
}
