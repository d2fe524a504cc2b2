const NEWLINE = 0x0a;

/**
 * Cuts a byte stream into lines, and each line to a length: a plain program may print anything, a gigabyte without a newline
 * included, and that is neither an error nor kept.
 */
export class LineCutter {
  readonly #maxLineBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** What came after the last complete line. */
  get rest(): string {
    // Cut within a character, it ends in U+FFFD; a carriage return is the end of a line in some worlds.
    return Buffer.concat(this.#parts).toString("utf8").replace(/\r$/u, "");
  }

  *push(chunk: Buffer): Generator<string> {
    let rest = chunk;
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      this.#keep(rest.subarray(0, end));
      const line = this.rest;
      this.#parts = [];
      this.#bytes = 0;
      rest = rest.subarray(end + 1);
      yield line;
    }
    this.#keep(rest);
  }

  #keep(part: Buffer): void {
    const kept = part.subarray(0, this.#maxLineBytes - this.#bytes);
    if (kept.length === 0) return;
    this.#parts.push(kept);
    this.#bytes += kept.length;
  }
}
