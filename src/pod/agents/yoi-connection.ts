import net from "node:net";
import { errnoOf } from "../../errors.js";
import { LineSplitter, lineOf, LineTooLong } from "../../protocol/lines.js";
import { fieldOf, objectIn } from "./json.js";

/** A line that the upstream Pod sent. */
export interface UpstreamEvent {
  readonly event: string;
  readonly data: unknown;
  /** All of it, unaltered. */
  readonly message: Readonly<Record<string, unknown>>;
}

/** What the upstream Pod says of itself on connect; a field that is not as expected is undefined. */
export interface UpstreamSnapshot {
  readonly pod: string | undefined;
  readonly status: string | undefined;
  readonly entries: readonly unknown[];
}

export interface ConnectionListener {
  event(event: UpstreamEvent): void;
  /** A line that is no event. */
  noise(line: string): void;
  /** A line without an end within the limit. Nothing is read any more. */
  broken(error: LineTooLong): void;
  /** It is over, and everything that came was told. `errno` if it never began, or broke. */
  ended(errno: string | undefined): void;
}

/** One connection to an upstream Pod. Tells nothing after `close`. */
export class UpstreamConnection {
  readonly #socket: net.Socket;
  readonly #listener: ConnectionListener;
  #lines: LineSplitter | undefined;

  /** @param path at most as long as a socket's path may be */
  constructor(path: string, listener: ConnectionListener, maxLineBytes?: number) {
    this.#listener = listener;
    this.#lines = new LineSplitter(maxLineBytes);
    this.#socket = net.createConnection(path);
    let errno: string | undefined;
    this.#socket.on("error", (error) => (errno = errnoOf(error) ?? "unknown"));
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.once("close", () => {
      if (!this.#lines) return;
      this.#lines = undefined;
      listener.ended(errno);
    });
  }

  /** The whole line in one write: upstream's reader loses half a line. What is sent to a Pod that hung up is lost; `ended` tells. */
  send(method: string, params?: object): void {
    if (this.#socket.writable) this.#socket.write(lineOf({ method, ...(params && { params }) }));
  }

  close(): void {
    this.#lines = undefined;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    if (!this.#lines) return;
    try {
      for (const line of this.#lines.push(chunk)) {
        // A listener may have closed us in the middle of the chunk.
        if ((this.#lines as LineSplitter | undefined) === undefined) return;
        this.#tell(line);
      }
    } catch (error) {
      if (!(error instanceof LineTooLong)) throw error;
      this.close();
      this.#listener.broken(error);
    }
  }

  #tell(line: string): void {
    if (line.trim() === "") return;
    const message = objectIn(line);
    const event = fieldOf(message, "event");
    if (message && typeof event === "string") {
      this.#listener.event({ event, data: fieldOf(message, "data"), message });
    } else {
      this.#listener.noise(line);
    }
  }
}

export function snapshotIn(data: unknown): UpstreamSnapshot {
  const pod = fieldOf(fieldOf(data, "greeting"), "pod_name");
  const status = fieldOf(data, "status");
  const entries = fieldOf(data, "entries");
  return {
    pod: typeof pod === "string" ? pod : undefined,
    status: typeof status === "string" ? status : undefined,
    entries: Array.isArray(entries) ? entries : [],
  };
}

/** Connects once more, only to read the snapshot. Undefined if there is none to be had, or the signal aborts first. */
export async function readSnapshot(
  path: string,
  { signal, maxLineBytes }: { readonly signal: AbortSignal; readonly maxLineBytes: number | undefined },
): Promise<UpstreamSnapshot | undefined> {
  if (signal.aborted) return undefined;
  return await new Promise((resolve) => {
    const over = (snapshot?: UpstreamSnapshot) => {
      signal.removeEventListener("abort", onAbort);
      connection.close();
      resolve(snapshot);
    };
    const onAbort = () => over();
    const connection = new UpstreamConnection(
      path,
      {
        event: ({ event, data }) => {
          if (event === "snapshot") over(snapshotIn(data));
        },
        noise: () => undefined,
        broken: () => over(),
        ended: () => over(),
      },
      maxLineBytes,
    );
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
