import { legible } from "../text.js";
import type { CliIo, Output } from "./io.js";

type Colour = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

const CODES: Readonly<Record<Colour, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** Results to standard output, messages to standard error; colour where a person reads. */
export class Terminal {
  readonly json: boolean;
  readonly #io: CliIo;

  constructor(io: CliIo, json: boolean) {
    this.#io = io;
    this.json = json;
  }

  /** True where lines may be drawn over, for messages and for results. */
  get isLive(): { readonly messages: boolean; readonly results: boolean } {
    const dumb = this.#io.env["TERM"] === "dumb";
    return { messages: this.#io.stderr.isTTY && !dumb, results: this.#io.stdout.isTTY && !dumb };
  }

  /** A line of the result. */
  print(line: string): void {
    this.#io.stdout.write(`${line}\n`);
  }

  /** A result for programs: one line, in which whatever a screen would act on is escaped. */
  printJson(value: unknown): void {
    this.print(jsonText(value));
  }

  /** A line to people. */
  tell(line: string): void {
    this.#io.stderr.write(`${line}\n`);
  }

  /** As it is: for what is drawn over. */
  draw(where: "messages" | "results", text: string): void {
    (where === "messages" ? this.#io.stderr : this.#io.stdout).write(text);
  }

  /** A terminal echoes ^C into the line that the shell's prompt would then follow. */
  leaveInterruptLine(): void {
    if (this.#io.stderr.isTTY) this.tell("");
  }

  width(where: "messages" | "results"): number {
    return (where === "messages" ? this.#io.stderr : this.#io.stdout).width ?? 80;
  }

  paintMessage(colour: Colour, text: string): string {
    return this.#paint(this.#io.stderr, colour, text);
  }

  paintResult(colour: Colour, text: string): string {
    return this.#paint(this.#io.stdout, colour, text);
  }

  #paint({ isTTY }: Output, colour: Colour, text: string): string {
    const { env } = this.#io;
    if (!isTTY || env["NO_COLOR"] || env["TERM"] === "dumb") return text;
    const [on, off] = CODES[colour];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  }
}

/** JSON escapes C0 only; C1, bidi and the like are escaped here, which changes nothing for whoever parses it. */
function jsonText(value: unknown): string {
  return legible(JSON.stringify(value), Infinity);
}

/** Columns as wide as their widest cell; the last is not padded. Cells are foreign: made legible here. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const cells = [head, ...rows.map((row) => row.map((cell) => legible(cell, 200)))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
