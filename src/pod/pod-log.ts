import fs from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../errors.js";
import { legible } from "../text.js";

const MAX_LINE_CHARACTERS = 2_000;
/** An agent that floods its stderr must not keep the guardian busy with writing it down. */
const MAX_LINES_A_SECOND = 500;

/** `pod.log`: what the guardian did and what the agent said on stderr, a plain program on stdout. Bounded: at the limit it becomes `pod.log.1`. */
export class PodLog {
  readonly #file: string;
  readonly #maxBytes: number;
  readonly #now: () => Date;
  #fd: number | undefined;
  #bytes = 0;
  #second = 0;
  #lines = 0;
  #dropped = 0;

  constructor(directory: string, { maxBytes, now }: { readonly maxBytes: number; readonly now: () => Date }) {
    this.#file = join(directory, "pod.log");
    this.#maxBytes = maxBytes;
    this.#now = now;
  }

  write(source: "guardian" | "agent" | "launcher", text: string): void {
    const now = this.#now();
    const second = Math.floor(now.getTime() / 1000);
    if (second !== this.#second) {
      const dropped = this.#dropped;
      this.#second = second;
      this.#lines = 0;
      this.#dropped = 0;
      if (dropped > 0) this.#append(`${now.toISOString()} guardian ${dropped} lines were left out\n`);
    }
    // What the guardian does is never left out: how a Pod ended must not be lost in its agent's flood.
    if (source === "agent") this.#lines += 1;
    if (source === "agent" && this.#lines > MAX_LINES_A_SECOND) {
      this.#dropped += 1;
      return;
    }
    this.#append(`${now.toISOString()} ${source} ${legible(text, MAX_LINE_CHARACTERS)}\n`);
  }

  close(): void {
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** A log that cannot be written is no reason to end a Pod: its disk may be full. */
  #append(line: string): void {
    try {
      const bytes = Buffer.from(line);
      if (this.#bytes + bytes.length > this.#maxBytes) this.#rotate();
      this.#fd ??= this.#open();
      this.#bytes += fs.writeSync(this.#fd, bytes);
    } catch {
      this.#dropped += 1;
    }
  }

  #open(): number {
    const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = fs.constants;
    const fd = fs.openSync(this.#file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
    this.#bytes = fs.fstatSync(fd).size;
    return fd;
  }

  #rotate(): void {
    this.close();
    try {
      fs.renameSync(this.#file, `${this.#file}.1`);
    } catch (error) {
      // Somebody has removed it: there is nothing to keep. A new one is begun, or nothing would ever be written again.
      if (errnoOf(error) !== "ENOENT") throw error;
    }
    this.#bytes = 0;
  }
}
