/**
 * Watching launches with `@statelyai/inspect`, which a host installs for itself: any XState inspector fits a launcher's `inspect`.
 * Run it with `node dist/examples/inspect.js`: it launches a ticket, prints what a viewer sees of it, and cleans up.
 *
 * Two of the package's own ways to a viewer are not for hosts like these. `createInspectorServer` listens on every interface of
 * the machine without asking who comes, and ends the host if its port is taken; `createSkyInspector` sends everything to a
 * server of the vendor. So this host opens a sink of its own, on 127.0.0.1 and behind a token, and says what goes into it.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import { join } from "node:path";
import { createInspector, type StatelyInspectionEvent } from "@statelyai/inspect";
import type { InspectionEvent, Observer } from "xstate";
import { createLauncher } from "launch-claim";
import { InProcessRuntime } from "launch-claim/testing";

/** Events that a viewer who comes late is still shown. One launch has about a hundred. */
const MAX_REPLAYED = 1_000;
/** A viewer that does not read is dropped: it must not fill the memory of the host. */
const MAX_BACKLOG_BYTES = 1024 * 1024;

/** Serves what an inspector sends as server-sent events, on this machine, to whoever knows the address. */
export class LocalSink {
  readonly url: string;
  readonly #server: http.Server;
  readonly #viewers = new Set<http.ServerResponse>();
  readonly #sent: string[] = [];

  private constructor(server: http.Server, path: string) {
    const { port } = server.address() as AddressInfo;
    this.url = `http://127.0.0.1:${port}${path}`;
    this.#server = server;
    server.on("request", ({ url, method }, response) => {
      // Any page in the user's browser may ask 127.0.0.1 for something; none of them can guess the token.
      if (method === "GET" && url === path) this.#show(response);
      else response.writeHead(404).end();
    });
  }

  static async open(): Promise<LocalSink> {
    const server = http.createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new LocalSink(server, `/${randomBytes(24).toString("base64url")}`);
  }

  /** Never throws: the inspector calls it from a timer, where the launcher cannot catch what an inspector throws. */
  send(event: unknown): void {
    const message = `data: ${JSON.stringify(event)}\n\n`;
    this.#sent.push(message);
    if (this.#sent.length > MAX_REPLAYED) this.#sent.shift();
    for (const viewer of this.#viewers) {
      if (viewer.writableLength > MAX_BACKLOG_BYTES) viewer.destroy();
      else viewer.write(message);
    }
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    for (const viewer of this.#viewers) viewer.end();
    this.#server.close();
    this.#server.closeIdleConnections();
    await once(this.#server, "close");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #show(response: http.ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    // A viewer that comes before the first event is to know that it is connected.
    response.flushHeaders();
    for (const message of this.#sent) response.write(message);
    // A connection that breaks is a viewer that has left.
    response.on("error", () => undefined);
    response.on("close", () => this.#viewers.delete(response));
    this.#viewers.add(response);
  }
}

/** An inspector for a launcher's `inspect`, which shows the states of every launch to the sink's viewers. */
export function inspectorTo(sink: LocalSink): { readonly inspect: Observer<InspectionEvent> } {
  return createInspector({ send: (event) => sink.send(event) }, { serialize: presentable });
}

/**
 * What leaves the host: which actors there are, in which states they are, and by which events they got there.
 *
 * The launch's context and the inputs and results of its actors hold the prompt, the agent's words and the paths of this machine.
 * `sanitizeContext` is not enough to keep them back: it does not see the `input` and `output` of a snapshot. So this names what
 * may pass, instead of what may not: what a later version adds to a launch stays here until somebody decides otherwise.
 */
function presentable(event: StatelyInspectionEvent): StatelyInspectionEvent {
  const { sessionId, id, createdAt, _version } = event;
  const common = { sessionId, id, createdAt, _version };
  switch (event.type) {
    case "@xstate.actor": {
      const { type, rootId, name, definition, parentId } = event;
      return { ...common, type, rootId, name, definition, parentId, snapshot: statesOnly(event.snapshot) };
    }
    case "@xstate.snapshot":
      // The package types a snapshot as XState does, but what it sends are these fields as JSON.
      return {
        ...common,
        type: event.type,
        rootId: event.rootId,
        snapshot: statesOnly(event.snapshot) as typeof event.snapshot,
        event: { type: event.event.type },
      };
    case "@xstate.event":
      return {
        ...common,
        type: event.type,
        rootId: event.rootId,
        sourceId: event.sourceId,
        event: { type: event.event.type },
      };
  }
}

/** The diagram is drawn from these. The launch machine's own states hold nothing foreign: they are names in its source. */
function statesOnly(snapshot: unknown): { status: "active" | "done" | "error" | "stopped"; value?: unknown } {
  const { status = "active", value } = (snapshot ?? {}) as Partial<ReturnType<typeof statesOnly>>;
  return value === undefined ? { status } : { status, value };
}

async function main(): Promise<void> {
  const root = fs.mkdtempSync(join(os.tmpdir(), "launch-claim-inspect-"));
  const sink = await LocalSink.open();
  const runtime = new InProcessRuntime();
  try {
    const { inspect } = inspectorTo(sink);
    const launcher = createLauncher({ workspace: root, home: join(root, "home"), runtime, inspect });
    console.log(`A viewer on this machine may watch ${sink.url}\n`);
    const ticket = { id: "20261123-search-is-slow" };
    const { outcome } = launcher.launch({ ticket, prompt: "Clarify why the search is slow." });
    const { status } = await outcome;
    // The inspector sends from timers of its own, each of which is due by now; what it has to say of the end comes with them.
    await new Promise((resolve) => setTimeout(resolve, 1));
    await print(sink.url);
    console.log(`\nThe launch itself says: ${status}`);
    await launcher.release(ticket, { stop: true, reason: "the example is over" });
  } finally {
    await sink.close();
    fs.rmSync(root, { recursive: true, force: true });
  }
}

/** A viewer, as any program of this machine could be one: prints the events until the launch has ended. */
async function print(url: string): Promise<void> {
  const response = await fetch(url);
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk as Uint8Array).toString("utf8");
    const lines = text.split("\n\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      const event = JSON.parse(line.slice("data: ".length)) as ReturnType<typeof presentable>;
      console.log(describe(event));
      if (
        event.type === "@xstate.snapshot" &&
        event.sessionId === event.rootId &&
        event.snapshot.status === "done"
      ) {
        // Leaving the loop hangs up.
        return;
      }
    }
  }
}

function describe(event: ReturnType<typeof presentable>): string {
  const who = event.sessionId.padEnd(6);
  switch (event.type) {
    case "@xstate.actor":
      return `${who} actor     ${event.name}`;
    case "@xstate.event":
      return `${who} event     ${event.event.type}`;
    case "@xstate.snapshot": {
      const { status, value } = statesOnly(event.snapshot);
      return `${who} snapshot  ${status} ${value === undefined ? "" : stateName(value)}`.trimEnd();
    }
  }
}

/** `committingClaim.writing` */
function stateName(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .map(([state, child]) => `${state}.${stateName(child)}`)
    .join(", ");
}

// A test imports the parts; only as a program does this run.
if (process.argv[1] === import.meta.filename) await main();
