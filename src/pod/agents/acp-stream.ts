import type { Readable, Writable } from "node:stream";
import type { AnyMessage, Stream } from "@agentclientprotocol/sdk";
import { LineSplitter, lineOf, LineTooLong } from "../../protocol/lines.js";
import { legible } from "../../text.js";
import { fieldOf, objectIn } from "./json.js";

/** What the stream sees before the SDK does, in the order in which it was written. */
export interface StreamListener {
  /** A request of ours is on its way into the agent's stdin. */
  requestSent(method: string, id: unknown): void;
  /** The answer to one of our requests. */
  response(id: unknown, message: Readonly<Record<string, unknown>>): void;
  /** The params of a `session/update`, unaltered. */
  sessionUpdate(params: unknown): void;
  /** The params of a `session/request_permission`, unaltered. */
  permissionRequest(params: unknown): void;
  log(line: string): void;
  /** A line without an end within the limit. Nothing is read any more. */
  broken(error: LineTooLong): void;
  /** The agent's stdout has ended, and everything in it was told. */
  outputEnded(): void;
  /** The agent does not read any more: what we send is lost. */
  inputLost(): void;
}

/** An agent may print noise without end; its log is bounded all the same. */
const NOISE_LINES = 200;
const NOISE_LENGTH = 500;

/** An agent that asks and asks and reads no answer would fill our memory with them. */
const OPEN_REQUESTS = 256;

/**
 * The agent's stdio as a stream of messages. It stands before the SDK, whose own reader answers noise into the agent's stdin,
 * drops updates of kinds that it does not know, and strips fields. Only what is meant for the SDK reaches it: responses to what
 * it asked, requests of the agent, and their cancellation.
 */
export class AcpStream {
  readonly stream: Stream;
  readonly #listener: StreamListener;
  readonly #stdin: Writable;
  readonly #stdout: Readable;
  /** Ids of our requests that the agent has not answered. */
  readonly #asked = new Set<unknown>();
  /** Ids of the agent's requests that we have not answered. */
  readonly #owed = new Set<unknown>();
  #lines: LineSplitter | undefined;
  #incoming: ReadableStreamDefaultController<AnyMessage> | undefined;
  #noise = 0;

  constructor(stdio: { stdin: Writable; stdout: Readable }, listener: StreamListener, maxLineBytes?: number) {
    this.#listener = listener;
    this.#stdin = stdio.stdin;
    this.#stdout = stdio.stdout;
    this.#lines = new LineSplitter(maxLineBytes);
    this.stream = {
      readable: new ReadableStream<AnyMessage>({
        start: (controller) => {
          this.#incoming = controller;
        },
        // The SDK has closed its connection.
        cancel: () => {
          this.#incoming = undefined;
        },
      }),
      writable: new WritableStream<AnyMessage>({ write: (message) => this.#send(message) }),
    };
    this.#stdin.on("error", () => this.#listener.inputLost());
    this.#stdout.on("data", this.#onData);
    this.#stdout.once("end", this.#onEnd);
    // Destroyed or broken under us, it has no `end`.
    this.#stdout.once("close", this.#onEnd);
    this.#stdout.on("error", this.#onEnd);
  }

  /** Nothing is told any more. What the agent still writes is read and dropped, so that it is not stuck in a write. */
  close(): void {
    this.#stopReading();
    this.#incoming = undefined;
  }

  readonly #onData = (chunk: Buffer): void => {
    const lines = this.#lines;
    if (!lines) return;
    try {
      for (const line of lines.push(chunk)) {
        // A listener may have closed us in the middle of the chunk.
        if (this.#lines) this.#read(line);
      }
    } catch (error) {
      if (!(error instanceof LineTooLong)) throw error;
      this.#stopReading();
      this.#listener.broken(error);
    }
  };

  readonly #onEnd = (): void => {
    const rest = this.#lines?.rest;
    if (rest === undefined) return;
    this.#lines = undefined;
    if (rest !== "") this.#logNoise(`half a line: ${rest}`);
    this.#listener.outputEnded();
  };

  #stopReading(): void {
    this.#lines = undefined;
    this.#stdout.off("data", this.#onData);
    this.#stdout.resume();
  }

  #read(line: string): void {
    if (line.trim() === "") return;
    const message = objectIn(line);
    if (!message) {
      this.#logNoise(line);
    } else if (!("method" in message)) {
      this.#readResponse(message, line);
    } else if (message["jsonrpc"] !== "2.0" || typeof message["method"] !== "string") {
      // Agents log JSON objects to stdout too.
      this.#logNoise(line);
    } else if ("id" in message) {
      this.#readRequest(message, line);
    } else {
      this.#readNotification(message, line);
    }
  }

  #readResponse(message: Record<string, unknown>, line: string): void {
    // A late or doubled answer, or an object that is no message at all.
    if (!("id" in message) || !this.#asked.delete(message["id"])) {
      this.#logNoise(line);
      return;
    }
    this.#listener.response(message["id"], message);
    this.#handOn(message);
  }

  #readRequest(message: Record<string, unknown>, line: string): void {
    const id = message["id"];
    if ((typeof id !== "string" && typeof id !== "number") || this.#owed.has(id)) {
      this.#logNoise(line);
      return;
    }
    if (this.#owed.size >= OPEN_REQUESTS) {
      this.#logNoise(`a request beyond ${OPEN_REQUESTS} open ones: ${line}`);
      return;
    }
    this.#owed.add(id);
    if (message["method"] === "session/request_permission") {
      this.#listener.permissionRequest(message["params"]);
    }
    this.#handOn(message);
  }

  #readNotification(message: Record<string, unknown>, line: string): void {
    switch (message["method"]) {
      case "session/update":
        this.#listener.sessionUpdate(message["params"]);
        return;
      case "$/cancel_request":
        this.#handOn(message);
        return;
      default:
        this.#logNoise(line);
    }
  }

  #handOn(message: Record<string, unknown>): void {
    // Checked above as far as the SDK relies on it; it checks the rest itself.
    this.#incoming?.enqueue(message as AnyMessage);
  }

  /** Resolves when the agent's pipe has taken the line: the SDK's queue is the only one that grows. Never rejects. */
  #send(message: AnyMessage): Promise<void> {
    const id: unknown = fieldOf(message, "id");
    if ("method" in message) {
      if (id !== undefined) {
        this.#asked.add(id);
        this.#listener.requestSent(message.method, id);
      }
    } else {
      this.#owed.delete(id);
    }
    return new Promise((resolve) => {
      // EPIPE and the like come as an `error` of stdin, too, and mean that the agent is gone or deaf: that is told by
      // `inputLost`. An error here would make the SDK close the connection, and hide how the agent ended.
      this.#stdin.write(lineOf(message), () => resolve());
    });
  }

  #logNoise(line: string): void {
    this.#noise += 1;
    if (this.#noise > NOISE_LINES) return;
    this.#listener.log(`stdout: ${legible(line, NOISE_LENGTH)}`);
    if (this.#noise === NOISE_LINES) this.#listener.log("stdout: further noise is dropped and not logged");
  }
}
