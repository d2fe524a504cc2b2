import type { Readable } from "node:stream";

const NEWLINE = 0x0a;
const TAIL_LINES = 20;
/** What is longer is cut: a line without an end must fill no memory. */
const MAX_LINE_BYTES = 2048;

/** Reads a stream to its end, tells each line, and keeps the last ones. Lines are as they came, not yet made legible. */
export class StderrTail {
  readonly #onLine: (line: string) => void;
  readonly #lines: string[] = [];
  #unfinished: Buffer[] = [];
  #bytes = 0;

  constructor(stream: Readable, onLine: (line: string) => void) {
    this.#onLine = onLine;
    stream.on("data", (chunk: Buffer) => this.#read(chunk));
    stream.on("end", () => {
      if (this.#bytes > 0) this.#finish();
    });
    // ECONNRESET: the agent was killed. What it said before is what counts.
    stream.on("error", () => undefined);
  }

  /** Oldest first; a last line that has no end yet is among them. */
  lines(): readonly string[] {
    const unfinished = this.#bytes > 0 ? [this.#text()] : [];
    return [...this.#lines, ...unfinished].slice(-TAIL_LINES);
  }

  #read(chunk: Buffer): void {
    let rest = chunk;
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      this.#keep(rest.subarray(0, end));
      this.#finish();
      rest = rest.subarray(end + 1);
    }
    this.#keep(rest);
  }

  #keep(part: Buffer): void {
    const kept = part.subarray(0, MAX_LINE_BYTES - this.#bytes);
    if (kept.length === 0) return;
    // A copy: a few bytes of a line must not hold on to the whole chunk that they came in.
    this.#unfinished.push(Buffer.from(kept));
    this.#bytes += kept.length;
  }

  #finish(): void {
    const line = this.#text();
    this.#unfinished = [];
    this.#bytes = 0;
    this.#lines.push(line);
    if (this.#lines.length > TAIL_LINES) this.#lines.shift();
    this.#onLine(line);
  }

  #text(): string {
    return Buffer.concat(this.#unfinished).toString("utf8");
  }
}
