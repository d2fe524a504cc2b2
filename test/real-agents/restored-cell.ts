/** `launch-claim restore` after guardian and agent were killed: whether the claim goes on, and that the agent is not asked again. */
import { restoreOutcomeOf } from "../fixtures/cli-world.js";
import { Cell, type CellOptions } from "./cell.js";
import type { Installed } from "./install.js";
import { TICKET } from "./measure-cell.js";
import { launchAndKill, type Killed } from "./restore-cell.js";

/** The moments that a restore must stand, by what was done to the Pod. */
export const RESTORED: readonly Killed[] = ["after its turn", "in its turn"];

export interface MeasuredRestored {
  readonly agent: string;
  readonly version: string;
  readonly killed: Killed;
  readonly date: string;
  readonly status: string;
  /** By what it was blocked, or why it failed. */
  readonly why: string;
  /** Questions that reached the model from the restore on. */
  readonly asked: number;
  readonly claims: number;
  /** What the claim is while the restored Pod runs, and when it was stopped. */
  readonly states: readonly string[];
  /** Processes after the stop. */
  readonly left: number;
  /** What is not as it must be. */
  readonly objections: readonly string[];
}

export async function measureRestored(
  installed: Installed,
  killed: Killed,
  options: CellOptions,
): Promise<MeasuredRestored> {
  await using cell = await Cell.open(installed, killed === "in its turn" ? "slow" : "ok", options);
  const { agent } = installed;
  const claim = await launchAndKill(cell, killed);
  const before = cell.questions;
  const ended = await cell.run("restore", TICKET, "--json", "--timeout", "ready=120s");
  const outcome = restoreOutcomeOf(ended);
  const states = [await stateIn(cell)];
  const claims = cell.claims().length;
  if (outcome.status === "restored") {
    await cell.run("stop", TICKET, "--json");
    states.push(await stateIn(cell));
  }
  const asked = cell.questions - before;
  const left = cell.processes().length;
  const restorable = claim.session?.restorable === true;
  const wanted = restorable ? ["restored", "live", "restorable"] : ["blocked", "stale"];
  const was = [outcome.status, ...states];
  const objections = [
    ...(was.join() === wanted.join() ? [] : [`it was ${was.join(", ")}, not ${wanted.join(", ")}`]),
    ...(claims === 1 ? [] : [`there are ${claims} claims`]),
    ...(asked === 0 ? [] : [`the model was asked ${asked} times`]),
    ...(left === 0 ? [] : [`${left} processes are left`]),
    ...(outcome.status !== "restored" || isContinued(outcome.claim, claim)
      ? []
      : ["the claim does not go on from the one that was restored"]),
  ];
  return {
    agent: agent.name,
    version: agent.version,
    killed,
    date: new Date().toISOString().slice(0, 10),
    status: outcome.status,
    why:
      outcome.status === "blocked"
        ? `${outcome.by}: ${outcome.reason}`
        : "message" in outcome
          ? outcome.message
          : "",
    asked,
    claims,
    states,
    left,
    objections,
  };
}

interface Continued {
  readonly launchId: string;
  readonly restoredFrom?: readonly string[];
  readonly session?: { readonly id: string };
}

function isContinued(now: Continued, before: Continued): boolean {
  return now.restoredFrom?.join() === before.launchId && now.session?.id === before.session?.id;
}

async function stateIn(cell: Cell): Promise<string> {
  const { results } = await cell.run("status", TICKET, "--json");
  return (results[0] as { claims?: { state?: string }[] }).claims?.[0]?.state ?? "no claim";
}
