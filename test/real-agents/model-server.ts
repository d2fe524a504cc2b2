/** A model for real agents: on 127.0.0.1 alone, it says always the same, or fails as it is told to. */
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { aside, replyTo, type ModelRequest } from "./model-replies.js";
import type { ModelMode } from "./modes.js";

/** Longer than any settle window, and than the patience of none of the agents. */
const SLOW_START_MS = 5_000;
const SLOW_PAUSE_MS = 1_000;
const PAUSE_MS = 20;

export interface ModelServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Questions to the model so far, as `POST /v1/messages`. */
  readonly questions: readonly string[];
}

export async function startModelServer(mode: ModelMode): Promise<ModelServer> {
  const questions: string[] = [];
  const closing = new AbortController();
  const server = http.createServer((request, response) => {
    // Whoever hangs up in the middle is an agent that was stopped.
    response.on("error", () => undefined);
    answer({ mode, questions, signal: closing.signal }, request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    questions,
    async [Symbol.asyncDispose]() {
      closing.abort();
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Conversation {
  readonly mode: ModelMode;
  readonly questions: string[];
  readonly signal: AbortSignal;
}

async function answer(
  { mode, questions, signal }: Conversation,
  incoming: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const request = await read(incoming, questions.length + 1);
  const known = aside(request);
  if (known) {
    sendJson(response, 200, known);
    return;
  }
  // A greeting without a question, as `HEAD /`.
  if (incoming.method !== "POST") {
    sendJson(response, 404, {});
    return;
  }
  questions.push(`POST ${request.path}`);
  switch (mode) {
    case "401":
      sendJson(response, 401, failure("authentication_error", "Invalid API key", 401));
      return;
    case "500":
      sendJson(response, 500, failure("api_error", "Internal server error", 500));
      return;
    case "drop":
      incoming.socket.destroy();
      return;
    case "hang":
      return;
    case "slow":
      await delay(SLOW_START_MS, undefined, { signal });
      await sendReply(request, response, { pauseMs: SLOW_PAUSE_MS, signal });
      return;
    case "ok":
      await sendReply(request, response, { pauseMs: PAUSE_MS, signal });
      return;
  }
}

async function read(incoming: http.IncomingMessage, number: number): Promise<ModelRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const { pathname } = new URL(incoming.url ?? "/", "http://localhost");
  let body: { stream?: unknown; model?: unknown } = {};
  try {
    body = JSON.parse(Buffer.concat(chunks).toString("utf8")) as typeof body;
  } catch {
    // Nothing that is asked here without a body, or with another one, is a question to a model.
  }
  const model = typeof body.model === "string" ? body.model : "fake-model";
  return { path: pathname, wantsStream: body.stream === true, model, number };
}

async function sendReply(
  request: ModelRequest,
  response: http.ServerResponse,
  { pauseMs, signal }: { readonly pauseMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const reply = replyTo(request);
  switch (reply.kind) {
    case "unknown":
      sendJson(response, 404, failure("not_found_error", `nothing answers ${request.path}`, 404));
      return;
    case "json":
      sendJson(response, 200, reply.body);
      return;
    case "events":
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
      for (const event of reply.events) {
        response.write(event);
        await delay(pauseMs, undefined, { signal });
      }
      response.end();
  }
}

function sendJson(response: http.ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

/** An error in the words of all four interfaces at once. */
function failure(type: string, message: string, code: number): object {
  const status = code === 401 ? "UNAUTHENTICATED" : code === 500 ? "INTERNAL" : "NOT_FOUND";
  return { type: "error", error: { type, code, message, status } };
}
