const NEWLINE = 0x0a;

/** A longer line is refused, in either direction: nobody may fill the memory of the other side. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** A line had no end within the limit: what sent it cannot be understood any more. */
export class LineTooLong extends Error {
  override readonly name = "LineTooLong";
  constructor(maxLineBytes: number) {
    super(`a line has more than ${maxLineBytes} bytes`);
  }
}

/**
 * Cuts a byte stream into lines. Bytes, not text: a chunk may end within a character, and only complete lines count. What is no
 * UTF-8 becomes U+FFFD.
 */
export class LineSplitter {
  readonly #maxLineBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  /** @param maxLineBytes without the newline. Default 16 MiB */
  constructor(maxLineBytes = MAX_LINE_BYTES) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** What came after the last complete line. */
  get rest(): string {
    return Buffer.concat(this.#parts).toString("utf8");
  }

  /** @throws LineTooLong in the chunk that exceeds the limit; the lines before it were given */
  *push(chunk: Buffer): Generator<string> {
    let rest = chunk;
    for (;;) {
      const end = rest.indexOf(NEWLINE);
      if (this.#bytes + (end < 0 ? rest.length : end) > this.#maxLineBytes) {
        throw new LineTooLong(this.#maxLineBytes);
      }
      if (end < 0) break;
      const line = Buffer.concat([...this.#parts, rest.subarray(0, end)]).toString("utf8");
      this.#parts = [];
      this.#bytes = 0;
      rest = rest.subarray(end + 1);
      yield line;
    }
    if (rest.length === 0) return;
    this.#parts.push(rest);
    this.#bytes += rest.length;
  }
}

/** The line for one message, newline included: to be sent in one write, because some readers lose half a line. */
export function lineOf(message: object): string {
  return `${JSON.stringify(message)}\n`;
}
