import net from "node:net";
import { LaunchClaimError } from "../errors.js";
import { lineOf, LineSplitter } from "./lines.js";
import { parseEvent, type Method, type PodEvent, type Snapshot } from "./messages.js";

interface Waiter {
  see(event: PodEvent): void;
  fail(error: Error): void;
}

/** Who hears all that the Pod says. */
export interface PodListener {
  /** @param event undefined for one that is not known here; `line` is what came, and is JSON */
  event(event: PodEvent | undefined, line: string): void;
  /** Nothing comes any more. */
  lost(error: Error): void;
}

/** A client's connection to a Pod. Whoever waits for an event is woken by it, by the connection's end or by a signal. */
export class PodConnection {
  readonly #socket: net.Socket;
  readonly #waiting = new Set<Waiter>();
  readonly #listener: PodListener | undefined;
  #lost: Error | undefined;

  private constructor(path: string, listener: PodListener | undefined) {
    this.#listener = listener;
    this.#socket = net.connect(path);
    const lines = new LineSplitter();
    this.#socket.on("data", (chunk: Buffer) => {
      try {
        for (const line of lines.push(chunk)) this.#receive(line);
      } catch (error) {
        this.#socket.destroy(error as Error);
      }
    });
    this.#socket.on("error", (error) => this.#lose(error));
    this.#socket.on("close", () => this.#lose(new Error("the Pod closed the connection")));
  }

  /**
   * Connects and reads the Pod's first word. Does without the agent's updates: an agent may print faster than they can be read here,
   * and a client that falls behind is dropped. With a listener, it is told everything from the first word on, updates too.
   *
   * @throws LaunchClaimError `pod_unreachable`
   */
  static async open(
    path: string,
    signal: AbortSignal,
    listener?: PodListener,
  ): Promise<{ readonly connection: PodConnection; readonly snapshot: Snapshot }> {
    const connection = new PodConnection(path, listener);
    // Before anything is read: the agent may be printing already. A Pod that does not know it answers by an error, which says nothing.
    if (!listener) connection.send({ method: "updates", params: { wanted: false } });
    try {
      const snapshot = await connection.next(
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
  async request<Answer>(
    message: Method,
    pick: (event: PodEvent) => Answer | undefined,
    signal: AbortSignal,
  ): Promise<Answer> {
    // Listens BEFORE it sends: the answer may come in the same turn as the write returns.
    const answer = this.next(pick, signal);
    this.send(message);
    return await answer;
  }

  send(message: Method): void {
    this.#socket.write(lineOf(message));
  }

  /** Waits for the first event in which `pick` finds something. */
  next<Answer>(pick: (event: PodEvent) => Answer | undefined, signal: AbortSignal): Promise<Answer> {
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
        },
        fail: (error) => settle(() => reject(error)),
      };
      const abort = () =>
        waiter.fail(
          new LaunchClaimError("aborted", "nobody waits for the Pod any more", { cause: signal.reason }),
        );
      if (this.#lost) reject(this.#lost);
      else if (signal.aborted) abort();
      else {
        this.#waiting.add(waiter);
        signal.addEventListener("abort", abort, { once: true });
      }
    });
  }

  /** Closes once everything that was sent has left. */
  finish(): void {
    this.#socket.destroySoon();
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(line: string): void {
    // What came in the same piece as a broken line, and after it, is nothing that can be relied on.
    if (this.#socket.destroyed) return;
    const parsed = parseEvent(line);
    if (parsed.kind === "broken") {
      this.#socket.destroy(new Error("the Pod sent a line that is no JSON"));
      return;
    }
    const message = parsed.kind === "message" ? parsed.message : undefined;
    this.#listener?.event(message, line);
    // What is not known here is for somebody else: a newer Pod may say more.
    if (message) for (const waiter of [...this.#waiting]) waiter.see(message);
  }

  #lose(cause: Error): void {
    if (this.#lost) return;
    this.#lost = new LaunchClaimError("pod_unreachable", `the Pod does not answer: ${cause.message}`, {
      cause,
    });
    this.#listener?.lost(this.#lost);
    for (const waiter of [...this.#waiting]) waiter.fail(this.#lost);
  }
}
