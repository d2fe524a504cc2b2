import net from "node:net";
import { OwnPodError } from "./errors.js";
import { eventSchema, type Method, type PodEvent, type Snapshot } from "./messages.js";

/** A longer line breaks its connection: nobody may fill the memory of the other side. */
export const MAX_LINE_BYTES = 1024 * 1024;

/** Linux takes 108 bytes with the final zero, and Node cuts a longer path without a word. */
const MAX_SOCKET_PATH_BYTES = 107;

const NEWLINE = 0x0a;

/** Cuts a byte stream into lines. Bytes, not text: a chunk may end within a character, and only complete lines count. */
export class LineSplitter {
  #parts: Buffer[] = [];
  #bytes = 0;

  /** What came after the last complete line. */
  get rest(): string {
    return Buffer.concat(this.#parts).toString("utf8");
  }

  /** @throws if a line exceeds `MAX_LINE_BYTES` */
  *push(chunk: Buffer): Generator<string> {
    let rest = chunk;
    for (;;) {
      const end = rest.indexOf(NEWLINE);
      if (this.#bytes + (end < 0 ? rest.length : end) > MAX_LINE_BYTES) {
        throw new Error(`a line has more than ${MAX_LINE_BYTES} bytes`);
      }
      if (end < 0) break;
      const line = Buffer.concat([...this.#parts, rest.subarray(0, end)]).toString("utf8");
      this.#parts = [];
      this.#bytes = 0;
      rest = rest.subarray(end + 1);
      yield line;
    }
    this.#parts.push(rest);
    this.#bytes += rest.length;
  }
}

/** The line to be sent in one write, newline included: the upstream reader may lose half a line. */
export function lineOf(message: PodEvent | Method | object): string {
  return `${JSON.stringify(message)}\n`;
}

/** @throws if a socket of this path cannot be bound */
export function checkSocketPath(path: string): string {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_SOCKET_PATH_BYTES) return path;
  const message = `the socket path ${path} has ${bytes} bytes, at most ${MAX_SOCKET_PATH_BYTES} are possible`;
  throw new OwnPodError("socket_path_too_long", message, { hint: "Give the runtime a shorter directory." });
}

interface Waiter {
  /** Returns true once it has what it waits for. */
  see(event: PodEvent): boolean;
  fail(error: Error): void;
}

/** A client's connection to a Pod. Whoever waits for an event is woken by it, by the connection's end or by a signal. */
export class PodConnection {
  readonly #socket: net.Socket;
  readonly #waiting = new Set<Waiter>();
  #lost: Error | undefined;

  private constructor(path: string) {
    this.#socket = net.connect(checkSocketPath(path));
    const lines = new LineSplitter();
    this.#socket.on("data", (chunk) => {
      try {
        for (const line of lines.push(chunk)) this.#receive(line);
      } catch (error) {
        this.#socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
    this.#socket.on("error", (error) => this.#lose(error));
    this.#socket.on("close", () => this.#lose(new Error("the Pod closed the connection")));
  }

  /** Connects and reads the greeting. */
  static async open(
    path: string,
    signal: AbortSignal,
  ): Promise<{ readonly connection: PodConnection; readonly snapshot: Snapshot }> {
    const connection = new PodConnection(path);
    try {
      const snapshot = await connection.#next(
        (event) => (event.event === "snapshot" ? event.data : undefined),
        signal,
      );
      return { connection, snapshot };
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Sends, and waits for the first event in which `pick` finds the answer. */
  request<Answer>(
    message: Method,
    pick: (event: PodEvent) => Answer | undefined,
    signal: AbortSignal,
  ): Promise<Answer> {
    // Listens BEFORE it sends: the answer may come in the same turn as the write returns.
    const answer = this.#next(pick, signal);
    this.send(message);
    return answer;
  }

  send(message: Method): void {
    this.#socket.write(lineOf(message));
  }

  /** Closes once everything that was sent has left. */
  finish(): void {
    this.#socket.destroySoon();
  }

  close(): void {
    this.#socket.destroy();
  }

  #next<Answer>(pick: (event: PodEvent) => Answer | undefined, signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const settle = (result: () => void) => {
        this.#waiting.delete(waiter);
        signal.removeEventListener("abort", abort);
        result();
      };
      const waiter: Waiter = {
        see: (event) => {
          const answer = pick(event);
          if (answer !== undefined) settle(() => resolve(answer));
          return answer !== undefined;
        },
        fail: (error) => settle(() => reject(error)),
      };
      const abort = () => waiter.fail(new Error("the wait was given up", { cause: signal.reason }));
      if (this.#lost) reject(this.#lost);
      else if (signal.aborted) abort();
      else {
        this.#waiting.add(waiter);
        signal.addEventListener("abort", abort, { once: true });
      }
    });
  }

  #receive(line: string): void {
    // What is not known here is for somebody else: a newer Pod may say more. A line that is no JSON throws, and breaks off.
    const event = eventSchema.safeParse(JSON.parse(line));
    if (event.success) for (const waiter of this.#waiting) waiter.see(event.data);
  }

  #lose(error: Error): void {
    this.#lost ??= error;
    for (const waiter of this.#waiting) waiter.fail(this.#lost);
  }
}

/** Says one thing to a Pod, if it is there, and waits for nothing. Does not keep this process alive. */
export function tell(path: string, message: Method): void {
  const socket = net.connect(path);
  socket.unref();
  socket.resume();
  // Best effort by design: whoever calls this looks afterwards what became of the Pod.
  socket.on("error", () => undefined);
  socket.end(lineOf(message));
}
