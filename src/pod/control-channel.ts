import net from "node:net";
import { LineSplitter, lineOf } from "../protocol/lines.js";
import type { ControlEvent, Specification } from "./specification.js";

/** The descriptor that the launcher gives: one end of a socket pair. */
const CONTROL_FD = 4;

/** The guardian's end of the control channel. Its end means that the launcher is gone, or has no more to do with this Pod. */
export class ControlChannel {
  readonly #socket: net.Socket;
  #onGone: () => void = () => undefined;
  #gone = false;

  constructor(socket = new net.Socket({ fd: CONTROL_FD, readable: true, writable: true })) {
    this.#socket = socket;
    const lose = () => {
      if (this.#gone) return;
      this.#gone = true;
      this.#onGone();
    };
    // The launcher may die at any time, also while something is written to it.
    socket.on("error", lose);
    socket.on("end", lose);
    socket.on("close", lose);
  }

  get launcherIsGone(): boolean {
    return this.#gone;
  }

  /** Called once, at once if it has happened already. */
  whenGone(then: () => void): void {
    this.#onGone = then;
    if (this.#gone) then();
  }

  /**
   * The first line; undefined if the launcher went away before it was whole.
   *
   * @throws Error if it is no JSON, or too long: whatever that is, it is no launcher of this version
   */
  async specification(): Promise<Specification | undefined> {
    const lines = new LineSplitter();
    return await new Promise((resolve, reject) => {
      this.#socket.on("data", (chunk: Buffer) => {
        try {
          for (const line of lines.push(chunk)) resolve(JSON.parse(line) as Specification);
        } catch (error) {
          reject(error);
        }
      });
      this.whenGone(() => resolve(undefined));
    });
  }

  /** One write a line, so that it arrives whole. */
  tell(event: ControlEvent): void {
    if (!this.#gone) this.#socket.write(lineOf(event));
  }

  /** Lets what was told arrive, and closes. */
  close(): void {
    this.#socket.destroySoon();
  }
}
