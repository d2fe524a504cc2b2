/**
 * A program: an ACP agent that behaves, or misbehaves, as its one argument tells, an `AgentScript` in JSON. It needs no model, no
 * network and no SDK, and starts as fast as Node does.
 *
 *     node scripted-agent.js '{"prompt":[{"error":{"code":-32603,"message":"no model"}}]}'
 */
import fs from "node:fs";
import { startGrandchild } from "./scripted-agent/grandchildren.js";
import type { AgentScript, AgentStep, RpcError, ScriptedAnswer } from "./scripted-agent/script.js";

interface Message {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: unknown;
}

/** A prompt that is being worked on. */
interface Turn {
  readonly id: Message["id"];
  over: boolean;
}

const script = JSON.parse(process.argv[2] ?? "{}") as AgentScript;
const sessionId = script.sessionId ?? "scripted-session";
const answers = new Map<unknown, (result: unknown) => void>();
let requests = 0;
let current: Turn | undefined;

const DEFAULT_PROMPT: readonly AgentStep[] = [
  { update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "On it." } } },
  { end: "end_turn" },
];

const forever = (): Promise<never> => new Promise(() => undefined);

/** At the descriptor itself: it blocks like any plain program, nothing is queued, and what was said before an exit was said. */
function write(bytes: string | Buffer, fd = 1): void {
  let rest = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(fs.writeSync(fd, rest));
    } catch (error) {
      // A reader that is slow is waited for, one that is gone is not missed.
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

function send(message: object): void {
  write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
}

function keep(file: string | undefined, entry: object): void {
  if (file !== undefined) fs.appendFileSync(file, `${JSON.stringify(entry)}\n`);
}

async function play(steps: readonly AgentStep[], turn?: Turn): Promise<void> {
  for (const step of steps) {
    if (turn?.over) return;
    await perform(step, turn);
  }
}

async function perform(step: AgentStep, turn?: Turn): Promise<void> {
  if ("update" in step) {
    send({
      method: "session/update",
      params: { sessionId: step.sessionId ?? sessionId, update: step.update },
    });
  } else if ("end" in step) finish(turn, { result: { stopReason: step.end } });
  else if ("error" in step) finish(turn, { error: step.error });
  else if ("permission" in step) await askPermission(step.permission);
  else if ("wait" in step) await new Promise((resolve) => setTimeout(resolve, step.wait));
  else if ("stall" in step) await forever();
  else if ("exit" in step) process.exit(step.exit);
  else if ("kill" in step) await endBy(step.kill);
  else if ("grandchild" in step) startGrandchild(step.grandchild, script.grandchildrenFile);
  else if ("closeStdout" in step) fs.closeSync(1);
  else if ("closeStdin" in step) closeStdin();
  else if ("stderr" in step) write(`${step.stderr}\n`, 2);
  else print(step);
}

function closeStdin(): void {
  process.stdin.destroy();
  // Node never closes the first three descriptors by itself.
  fs.closeSync(0);
}

type Printed = Extract<
  AgentStep,
  | { line: unknown }
  | { half: unknown }
  | { bytes: unknown }
  | { noise: unknown }
  | { hugeLine: unknown }
  | { flood: unknown }
  | { deepUpdate: unknown }
>;

function print(step: Printed): void {
  if ("line" in step) write(`${step.line}\n`);
  else if ("half" in step) write(step.half);
  else if ("bytes" in step) write(Buffer.from(step.bytes, "hex"));
  else if ("noise" in step) for (let line = 1; line <= step.noise; line += 1) write(`noise, line ${line}\n`);
  else if ("hugeLine" in step) {
    fill(step.hugeLine);
    write("\n");
  } else if ("flood" in step) fill(step.flood);
  else {
    const value = `${"[".repeat(step.deepUpdate)}${"]".repeat(step.deepUpdate)}`;
    const update = `{"sessionUpdate":"agent_message_chunk","content":${value}}`;
    const params = `{"sessionId":${JSON.stringify(sessionId)},"update":${update}}`;
    write(`{"jsonrpc":"2.0","method":"session/update","params":${params}}\n`);
  }
}

function fill(bytes: number): void {
  const block = Buffer.alloc(64 * 1024, "x");
  for (let left = bytes; left > 0; left -= block.length)
    write(block.subarray(0, Math.min(left, block.length)));
}

function finish(
  turn: Turn | undefined,
  answer: { readonly result: unknown } | { readonly error: RpcError },
): void {
  if (!turn || turn.over) return;
  turn.over = true;
  send({ id: turn.id, ...answer });
}

async function askPermission(request: Readonly<Record<string, unknown>>): Promise<void> {
  requests += 1;
  const id = `ask-${requests}`;
  const answered = new Promise((resolve) => answers.set(id, resolve));
  send({ id, method: "session/request_permission", params: { sessionId, ...request } });
  const text = JSON.stringify(await answered);
  send({
    method: "session/update",
    params: { sessionId, update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text } } },
  });
}

async function endBy(signal: NodeJS.Signals): Promise<never> {
  process.kill(process.pid, signal);
  return forever();
}

async function answerWith(
  id: Message["id"],
  scripted: ScriptedAnswer | undefined,
  result: object,
): Promise<void> {
  if (scripted === "stall") return;
  if (scripted === undefined || scripted === "ok") send({ id, result });
  else if ("error" in scripted) send({ id, error: scripted.error });
  else if ("result" in scripted) send({ id, result: scripted.result });
  else {
    await play(scripted.steps);
    send({ id, result });
  }
}

async function receive(message: Message): Promise<void> {
  const { id, method, params } = message;
  keep(script.callsFile, message);
  if (method === undefined) {
    answers.get(id)?.(message.result);
    return;
  }
  switch (method) {
    case "initialize":
      return initialize(id);
    case "session/new":
      return newSession(id);
    case "session/prompt": {
      const turn: Turn = { id, over: false };
      current = turn;
      keep(script.promptsFile, {
        launchId: process.env["LAUNCH_CLAIM_LAUNCH_ID"],
        sessionId: params?.["sessionId"],
        text: textOf(params?.["prompt"]),
      });
      return play(script.prompt ?? DEFAULT_PROMPT, turn);
    }
    case "session/cancel":
      if (!script.ignoreCancel) finish(current, { result: { stopReason: "cancelled" } });
      return;
    case "session/load":
    case "session/resume":
      return answerWith(id, script.load, {});
    case "session/delete":
      send({ id, result: {} });
      return;
    default:
      if (id !== undefined) send({ id, error: { code: -32601, message: `no method ${method}` } });
  }
}

function initialize(id: Message["id"]): Promise<void> {
  const { initialize: scripted, loadSession = false, resumeSession, deleteSession } = script;
  const sessionCapabilities = { ...(resumeSession && { resume: {} }), ...(deleteSession && { delete: {} }) };
  const authMethods = [{ id: "scripted-login", name: "Log in with the script" }];
  const result = { protocolVersion: 1, agentCapabilities: { loadSession, sessionCapabilities }, authMethods };
  return scripted === "wrongVersion"
    ? answerWith(id, "ok", { ...result, protocolVersion: 2 })
    : answerWith(id, scripted, result);
}

function newSession(id: Message["id"]): Promise<void> {
  const { newSession: scripted } = script;
  if (scripted === "emptyId") return answerWith(id, "ok", { sessionId: "" });
  const error = { code: -32000, message: "Authentication required" };
  return answerWith(id, scripted === "authRequired" ? { error } : scripted, { sessionId });
}

function textOf(prompt: unknown): string {
  return (prompt as { text?: string }[]).map(({ text }) => text ?? "").join("");
}

function listen(): void {
  let rest = "";
  process.stdin.setEncoding("utf8");
  process.stdin.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) void receive(JSON.parse(line) as Message);
  });
  process.stdin.on("end", () => {
    if (!script.ignoreStdinEnd) process.exit(0);
  });
}

// Whatever else it waits for, it stays until it is told to end.
setInterval(() => undefined, 60_000);
if (script.ignoreSigterm) process.on("SIGTERM", () => undefined);
if (script.grandchild) startGrandchild(script.grandchild, script.grandchildrenFile);
await play(script.onStart ?? []);
listen();
