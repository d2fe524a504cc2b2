import type { Terminal } from "../terminal.js";

const CLEAR_LINE = "\r\u001b[2K";
const PROMPT = "> ";

/**
 * Where the Pod's words and the person's share one place: text streams as it comes, and what is being typed stands below it. While
 * a line is typed, text waits until its own line is whole.
 */
export class Screen {
  readonly #terminal: Terminal;
  readonly #isLive: boolean;
  /** The line that is being typed. */
  #typed = "";
  /** The beginning of a line of text: on the screen already, or held back while somebody types. */
  #held = "";
  #isMidLine = false;

  /** @param isLive true where lines may be drawn over, and somebody types */
  constructor(terminal: Terminal, isLive: boolean) {
    this.#terminal = terminal;
    this.#isLive = isLive;
  }

  /** Text as it comes: legible by now, but for its newlines. */
  stream(text: string, paint: (text: string) => string = (plain) => plain): void {
    if (text === "") return;
    if (!this.#isDrawn()) {
      this.#put(paint(text));
      this.#isMidLine = !text.endsWith("\n");
      return;
    }
    const end = text.lastIndexOf("\n");
    if (end < 0) {
      this.#held += paint(text);
      return;
    }
    const whole = `${this.#held}${paint(text.slice(0, end))}\n`;
    this.#held = text.length > end + 1 ? paint(text.slice(end + 1)) : "";
    this.#put(`${CLEAR_LINE}${whole}${this.#drawnLine()}`);
  }

  /** A line of its own, after whatever was streamed. */
  line(text: string): void {
    if (!this.#isDrawn()) {
      this.#put(`${this.#isMidLine ? "\n" : ""}${text}\n`);
      this.#isMidLine = false;
      return;
    }
    const rest = this.#held === "" ? "" : `${this.#held}\n`;
    this.#held = "";
    this.#put(`${CLEAR_LINE}${rest}${text}\n${this.#drawnLine()}`);
  }

  /** Whatever was streamed is over; what comes next begins a line. */
  endLine(): void {
    if (this.#isDrawn() && this.#held !== "") this.stream("\n");
    else if (this.#isMidLine) this.stream("\n");
  }

  /** A message to people: not of the Pod, but of the command. */
  note(text: string): void {
    if (this.#isLive) this.line(text);
    else this.#terminal.tell(text);
  }

  /** What is being typed, as of now; empty: nothing. */
  type(line: string): void {
    if (!this.#isLive || line === this.#typed) return;
    const wasDrawn = this.#isDrawn();
    this.#typed = line;
    if (wasDrawn) {
      this.#put(`${CLEAR_LINE}${this.#drawnLine()}`);
      if (this.#isDrawn() || this.#held === "") return;
      this.#put(this.#held);
      this.#held = "";
      this.#isMidLine = true;
    } else {
      this.#put(`${this.#isMidLine ? "\n" : ""}${this.#drawnLine()}`);
      this.#isMidLine = false;
    }
  }

  /** Leaves the cursor at the beginning of a line. */
  close(): void {
    this.type("");
    if (this.#isMidLine) this.#put("\n");
    this.#isMidLine = false;
  }

  #isDrawn(): boolean {
    return this.#typed !== "";
  }

  /** The end of it, where it is wider than the screen: only one row can be drawn over. */
  #drawnLine(): string {
    if (this.#typed === "") return "";
    const room = Math.max(this.#terminal.width("results") - PROMPT.length - 1, 8);
    const chars = Array.from(this.#typed);
    return PROMPT + (chars.length > room ? `…${chars.slice(1 - room).join("")}` : this.#typed);
  }

  #put(text: string): void {
    this.#terminal.draw("results", text);
  }
}
