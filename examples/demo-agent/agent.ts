/**
 * A small, friendly ACP agent for demonstrations: it thinks, plans, says a few words and is done, without any model.
 *
 *     launch-claim launch T-1 -- node dist/examples/demo-agent/agent.js
 *
 * With DEMO_AGENT_FAILS=1 in its environment, or `[refuse]` in the prompt, it refuses as an agent does whose model is down. DEMO_AGENT_PROMPTS names a
 * file that gets a line for each prompt, so that anybody can count.
 */
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

interface Request {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: { readonly sessionId?: string; readonly prompt?: readonly { readonly text?: string }[] };
}

const STEP_MS = 250;
let sessions = 0;
/** Aborted by `session/cancel`. */
let turn: AbortController | undefined;

function send(message: object): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
}

async function work({ id, params }: Request): Promise<void> {
  const text = (params?.prompt ?? []).map((block) => block.text ?? "").join(" ");
  const prompts = process.env["DEMO_AGENT_PROMPTS"];
  if (prompts !== undefined) {
    appendFileSync(prompts, `${JSON.stringify({ launchId: process.env["LAUNCH_CLAIM_LAUNCH_ID"], text })}\n`);
  }
  if (process.env["DEMO_AGENT_FAILS"] === "1" || text.includes("[refuse]")) {
    send({ id, error: { code: -32603, message: "the model is not available" } });
    return;
  }
  const { signal } = (turn = new AbortController());
  const say = (sessionUpdate: string, more: object): void =>
    send({
      method: "session/update",
      params: { sessionId: params?.sessionId, update: { sessionUpdate, ...more } },
    });
  const words = (text: string) => ({ content: { type: "text", text } });
  const steps: (() => void)[] = [
    () => say("agent_thought_chunk", words("A ticket. Let me read it.")),
    () =>
      say("plan", {
        entries: [{ content: "Clarify the ticket", priority: "medium", status: "in_progress" }],
      }),
    () => say("agent_message_chunk", words("I have read the ticket. ")),
    () => say("agent_message_chunk", words("It says what is wanted, and what is not. ")),
    () => say("agent_message_chunk", words("Nothing more to ask.")),
  ];
  try {
    for (const step of steps) {
      await pause(STEP_MS, undefined, { signal });
      step();
    }
    send({ id, result: { stopReason: "end_turn" } });
  } catch {
    // Nothing above fails but the pause, and that only when the turn is cancelled.
    send({ id, result: { stopReason: "cancelled" } });
  }
}

function answer(request: Request): void {
  const { id, method } = request;
  switch (method) {
    case "initialize":
      send({
        id,
        result: {
          protocolVersion: 1,
          agentCapabilities: { loadSession: true },
          agentInfo: { name: "demo-agent", version: "1.0.0" },
        },
      });
      return;
    case "session/new":
      sessions += 1;
      send({ id, result: { sessionId: `demo-${process.pid}-${sessions}` } });
      return;
    case "session/load":
      // It remembers nothing that a new process could not know.
      send({ id, result: {} });
      return;
    case "session/prompt":
      void work(request);
      return;
    case "session/cancel":
      turn?.abort();
      return;
    default:
      if (id !== undefined)
        send({ id, error: { code: -32601, message: `this agent has no ${String(method)}` } });
  }
}

createInterface({ input: process.stdin })
  .on("line", (line) => answer(JSON.parse(line) as Request))
  // The client is gone.
  .on("close", () => process.exit(0));
