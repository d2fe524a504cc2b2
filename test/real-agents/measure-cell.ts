/** One launch of a real agent through the command line, and what was left of it, measured from outside. */
import fs from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Outcome } from "launch-claim";
import { outcomeOf, type RunningCommand } from "../fixtures/cli-world.js";
import { waitUntil } from "../fixtures/processes.js";
import { Cell, type CellOptions } from "./cell.js";
import { EXPECTED, objectionTo } from "./expected.js";
import { cacheDirectory, type Installed } from "./install.js";
import type { Mode } from "./modes.js";
import { trimmed, type Transcript } from "./transcript.js";

export const TICKET = "T-1";

/** After the end, something could still come back. */
const LATER_MS = 10_000;

/** Boots were seen to take half a minute on a machine that was busy. */
const READY_FLAGS = ["--timeout", "ready=120s"];

/** How long a cell may stay silent. Where the agent was seen to tell by itself, it is given the time for it. */
const PATIENCE: Readonly<Record<Mode, string>> = {
  ok: "120s",
  slow: "120s",
  hang: "20s",
  "500": "20s",
  drop: "20s",
  "401": "45s",
  none: "90s",
};

/** What a cell was. The whole row of the table. */
export interface Measured {
  readonly agent: string;
  readonly version: string;
  readonly mode: Mode;
  readonly date: string;
  readonly status: string;
  readonly phase?: string | undefined;
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly level?: string | undefined;
  /** By what the run was accepted. */
  readonly kind?: string | undefined;
  readonly proof?: string | undefined;
  /** From the start of the command until the agent was ready for a run. */
  readonly readyMs?: number | undefined;
  /** From then on until it was known what became of the run. */
  readonly decidedMs?: number | undefined;
  /** From the start of the command to its outcome. */
  readonly totalMs: number;
  readonly claims: number;
  /** Of a claimed one: what became of its claim when the Pod was stopped. */
  readonly afterStop?: string | undefined;
  /** How many processes of the cell ran ten seconds after its launch had ended, or its Pod was stopped. */
  readonly processesLater: number;
  readonly questions: number;
  /** What is not as it must be. */
  readonly objections: readonly string[];
}

export interface MeasuredCell {
  readonly measured: Measured;
  readonly transcript?: Transcript;
}

/** @param free called when the machine is needed no longer, and only waiting is left */
export async function measureCell(
  installed: Installed,
  mode: Mode,
  { free, ...options }: CellOptions & { readonly free: () => void },
): Promise<MeasuredCell> {
  await using cell = await Cell.open(installed, mode, options);
  const { agent } = installed;
  const date = new Date().toISOString().slice(0, 10);
  const { outcome, ...times } = await launch(cell);
  const claims = cell.claims().length;
  const objections: string[] = [];
  const told = verdictOf(outcome);
  const objection = objectionTo(told, EXPECTED[agent.name][mode]);
  if (objection !== undefined) objections.push(objection);
  const wanted = outcome.status === "claimed" ? 1 : 0;
  if (claims !== wanted) objections.push(`there must be ${wanted} claims, but there are ${claims}`);
  if (outcome.status !== "claimed" && cell.processes().length > 0) {
    objections.push(`it said ${outcome.status} while something still ran`);
  }
  const afterStop = outcome.status === "claimed" ? await stopped(cell, objections) : undefined;
  free();
  await delay(LATER_MS);
  const left = cell.processes();
  if (left.length > 0) objections.push(`still running: ${left.map(({ command }) => command).join(" | ")}`);
  const measured: Measured = {
    ...{ agent: agent.name, version: agent.version, mode, date },
    ...told,
    ...times,
    claims,
    afterStop,
    processesLater: left.length,
    questions: cell.questions,
    objections,
  };
  return { measured, ...(options.record && { transcript: transcriptOf(cell, measured) }) };
}

interface Launched {
  readonly outcome: Outcome;
  readonly readyMs?: number | undefined;
  readonly decidedMs?: number | undefined;
  readonly totalMs: number;
}

async function launch(cell: Cell): Promise<Launched> {
  const start = performance.now();
  const words = ["launch", TICKET, "--agent", cell.agentName, "--prompt", "Say hello.", "--json"];
  const command = cell.start(...words, ...READY_FLAGS, "--timeout", `runAck=${PATIENCE[cell.mode]}`);
  const entered = watchStates(command, start);
  const ended = await command.ended;
  const ready = entered.get("awaitingRunAck");
  const decided = entered.get("committingClaim.writing") ?? entered.get("stopping");
  return {
    outcome: outcomeOf(ended),
    readyMs: ready,
    decidedMs: ready !== undefined && decided !== undefined ? decided - ready : undefined,
    totalMs: Math.round(performance.now() - start),
  };
}

/** When each state was first told of. */
function watchStates(command: RunningCommand, start: number): ReadonlyMap<string, number> {
  const entered = new Map<string, number>();
  command.child.stdout?.on("data", () => {
    for (const state of command.states) {
      if (!entered.has(state)) entered.set(state, Math.round(performance.now() - start));
    }
  });
  return entered;
}

function verdictOf(
  outcome: Outcome,
): Pick<Measured, "status" | "phase" | "code" | "message" | "level" | "kind" | "proof"> {
  switch (outcome.status) {
    case "claimed": {
      const { level, kind } = outcome.claim.acceptance;
      return { status: "claimed", level, kind };
    }
    case "failed":
    case "timedOut":
    case "cancelled": {
      const { status, phase, message, proof } = outcome;
      return { status, phase, message, proof, code: outcome.status === "failed" ? outcome.code : undefined };
    }
    case "unresolved":
      return { status: "unresolved", phase: outcome.phase, message: outcome.message };
    case "blocked":
      return { status: "blocked", message: outcome.reason };
  }
}

/** Waits for the end of the run, so that there is a session to come back to; stops the Pod. @returns the claim's state then */
async function stopped(cell: Cell, objections: string[]): Promise<string> {
  await waitUntil(() => /the run has ended/u.test(cell.podLog()), {
    deadlineMs: 120_000,
    what: () => `the end of the run in ${cell.podLog()}`,
  }).catch((error: unknown) => objections.push(String(error)));
  const { code, results } = await cell.run("stop", TICKET, "--json");
  if (code !== 0) objections.push(`stop exited with ${code ?? "a signal"}: ${JSON.stringify(results)}`);
  if (cell.processes().length > 0) objections.push("stop returned while something still ran");
  const { results: told } = await cell.run("status", TICKET, "--json");
  return (told[0] as { claims?: { state?: string }[] }).claims?.[0]?.state ?? "no claim";
}

function transcriptOf(cell: Cell, measured: Measured): Transcript {
  const recorded = fs.readFileSync(cell.transcriptFile, "utf8");
  const { agent, version, mode, date, status, code, level, kind } = measured;
  return trimmed(recorded, { agent, version, mode, date, status, code, level, kind }, [
    [cell.directory, "/cell"],
    [cacheDirectory(), "/agents"],
  ]);
}
