/** Whether an agent's session can be loaded again when guardian and agent were killed: asked by a plain client, in the agent's own home. */
import { setTimeout as delay } from "node:timers/promises";
import type { Claim } from "launch-claim";
import { claimOf, kill } from "../fixtures/cli-world.js";
import { waitUntil } from "../fixtures/processes.js";
import { Cell, type CellOptions } from "./cell.js";
import type { Installed } from "./install.js";
import { PlainClient, type Answer } from "./plain-client.js";

/** When they were killed: the run had ended, or it was accepted and under way; or the first, and a new minute has begun since. */
export const KILLED = ["after its turn", "in its turn", "a minute ago"] as const;

export type Killed = (typeof KILLED)[number];

export interface MeasuredRestore {
  readonly agent: string;
  readonly version: string;
  readonly killed: Killed;
  readonly date: string;
  /** Each way to come back that the agent offers; empty if none. */
  readonly ways: readonly Way[];
}

export interface Way {
  readonly method: "session/load" | "session/resume";
  /** `ok`, or the error's code and words. */
  readonly answer: string;
  /** Updates that came before the answer: the history. */
  readonly replayed: number;
}

export async function measureRestore(
  installed: Installed,
  killed: Killed,
  { free, ...options }: CellOptions & { readonly free: () => void },
): Promise<MeasuredRestore> {
  await using cell = await Cell.open(installed, killed === "in its turn" ? "slow" : "ok", options);
  const claim = await launchAndKill(cell, killed);
  if (killed === "a minute ago") {
    free();
    // Some name a session's file by the minute in which it was opened.
    await delay(60_000 - (Date.now() % 60_000) + 1_000);
  }
  const ways: Way[] = [];
  for (const method of await offersOf(cell)) ways.push(await comeBack(cell, method, claim.session?.id ?? ""));
  const date = new Date().toISOString().slice(0, 10);
  return { agent: cell.agentName, version: installed.agent.version, killed, date, ways };
}

/** A claimed launch, and then SIGKILL to everything of its Pod. On return nothing of it runs, and its claim is on disk. */
export async function launchAndKill(cell: Cell, killed: Killed): Promise<Claim> {
  const words = ["launch", "T-1", "--agent", cell.agentName, "--prompt", "Say hello.", "--json"];
  const claim = claimOf(await cell.run(...words, "--timeout", "ready=120s"));
  const hasEnded = () => /the run has ended/u.test(cell.podLog());
  if (killed !== "in its turn") {
    await waitUntil(hasEnded, { deadlineMs: 60_000, what: () => `the end of the run in ${cell.podLog()}` });
  } else if (hasEnded())
    throw new Error(`${cell.agentName} had ended its turn before it could be killed in it`);
  await waitUntil(
    () => {
      const left = cell.processes();
      for (const { pid } of left) kill(pid, "SIGKILL");
      return left.length === 0;
    },
    { deadlineMs: 10_000, what: "the Pod's end" },
  );
  return claim;
}

async function offersOf(cell: Cell): Promise<Way["method"][]> {
  await using client = new PlainClient(cell.command, { cwd: cell.workspace, env: cell.env });
  const { agentCapabilities } = ((await initialize(client)).result ?? {}) as {
    agentCapabilities?: { loadSession?: boolean; sessionCapabilities?: { resume?: object | null } };
  };
  const methods: Way["method"][] = [];
  if (agentCapabilities?.loadSession === true) methods.push("session/load");
  if (agentCapabilities?.sessionCapabilities?.resume) methods.push("session/resume");
  return methods;
}

/** Each way by a process of its own: one that has loaded the session would resume it from its memory. */
async function comeBack(cell: Cell, method: Way["method"], sessionId: string): Promise<Way> {
  const { workspace: cwd, env, command } = cell;
  await using client = new PlainClient(command, { cwd, env });
  await initialize(client);
  const { error } = await client.ask(method, { sessionId, cwd, mcpServers: [] });
  const answer = error ? `${error.code ?? "no code"}: ${error.message ?? "no message"}` : "ok";
  return { method, answer, replayed: client.updates };
}

function initialize(client: PlainClient): Promise<Answer> {
  return client.ask("initialize", { protocolVersion: 1, clientCapabilities: {} });
}
