import fs from "node:fs";
import net from "node:net";
import { LineSplitter, lineOf } from "../protocol/lines.js";
import { parseMethod, type Method, type PodEvent } from "../protocol/messages.js";

/** A client that has not read this much is dropped: one mute client must not fill the memory of the Pod. */
const MAX_BACKLOG_BYTES = 4 * 1024 * 1024;
const MAX_CLIENTS = 64;
/** How long good-byes may take on the way out. */
const FAREWELL_MS = 200;

export interface Client {
  send(event: PodEvent): void;
}

export interface ServerEvents {
  /** What a client is told first. */
  greet(client: Client): void;
  method(client: Client, method: Exclude<Method, { method: "updates" }>): void;
}

/** Serves the Pod protocol on a Unix socket. */
export class PodServer {
  readonly #events: ServerEvents;
  readonly #maxLineBytes: number;
  readonly #server: net.Server;
  readonly #clients = new Set<net.Socket>();
  /** Those that want no updates. */
  readonly #quiet = new WeakSet<net.Socket>();

  constructor(events: ServerEvents, { maxLineBytes }: { readonly maxLineBytes: number }) {
    this.#events = events;
    this.#maxLineBytes = maxLineBytes;
    this.#server = net.createServer((socket) => this.#welcome(socket));
    this.#server.maxConnections = MAX_CLIENTS;
  }

  async listen(path: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(path, () => {
        this.#server.off("error", reject);
        // Its directory is private already, which keeps others away from the first moment on.
        fs.chmodSync(path, 0o600);
        // Accepting may fail later, for want of descriptors: the next client may have more luck.
        this.#server.on("error", () => undefined);
        resolve();
      });
    });
  }

  /** Serialised once, however many read it. */
  broadcast(event: PodEvent): void {
    if (this.#clients.size === 0) return;
    const line = lineOf(event);
    for (const socket of this.#clients) {
      if (event.event !== "update" || !this.#quiet.has(socket)) write(socket, line);
    }
  }

  /** Says good-bye and closes; the socket's file goes with it. Resolves when all have heard it, or after a moment. */
  async close(): Promise<void> {
    this.broadcast({ event: "shutdown" });
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#clients) socket.destroySoon();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, FAREWELL_MS)));
    await Promise.race([closed, late]);
    clearTimeout(timer);
    for (const socket of this.#clients) socket.destroy();
  }

  #welcome(socket: net.Socket): void {
    this.#clients.add(socket);
    const client: Client = { send: (event) => write(socket, lineOf(event)) };
    const lines = new LineSplitter(this.#maxLineBytes);
    socket.on("data", (chunk: Buffer) => {
      try {
        for (const line of lines.push(chunk)) this.#receive(socket, client, line);
      } catch {
        // A line without an end: this client cannot be understood any more. The others are not concerned.
        socket.destroy();
      }
    });
    // A client may vanish at any time; `close` follows.
    socket.on("error", () => undefined);
    socket.on("close", () => this.#clients.delete(socket));
    this.#events.greet(client);
  }

  #receive(socket: net.Socket, client: Client, line: string): void {
    if (socket.destroyed || socket.writableEnded) return;
    const parsed = parseMethod(line);
    switch (parsed.kind) {
      case "message":
        if (parsed.message.method !== "updates") this.#events.method(client, parsed.message);
        else if (parsed.message.params.wanted) this.#quiet.delete(socket);
        else this.#quiet.add(socket);
        break;
      case "unknown":
        client.send({
          event: "error",
          data: {
            code: "invalid_request",
            message: `this method is not known, or not with these parameters (${parsed.reason})`,
          },
        });
        break;
      case "broken":
        socket.destroy();
        break;
    }
  }
}

function write(socket: net.Socket, line: string): void {
  if (socket.destroyed) return;
  // What waits from before counts, and not this line: one that is longer than the backlog is no fault of the reader.
  if (socket.writableLength > MAX_BACKLOG_BYTES) socket.destroy();
  else socket.write(line);
}
