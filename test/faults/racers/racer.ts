/**
 * One racer: a small host that launches, cancels, stops, releases, reclaims, adopts, restores and looks, at random, until its standard
 * input ends; now and then it dies or stands still at a chosen moment of a launch. Its argument is a `RacerSpec` as JSON.
 */
import fs from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { createLauncher, type Launcher } from "launch-claim";
import { createLauncherWith, type AgentScript, type LauncherSeams } from "launch-claim/testing";
import { scriptedRecipe } from "../../fixtures/guardian-runtime.js";
import { randomOf, type Random } from "../random.js";
import { answerOf, now, threw, type Answer, type Answered, type Called, type Operation } from "./history.js";
import { chooseEnd, chooseLaunch, chooseNext, chooseOperation, chooseTimeouts, pick } from "./choices.js";

export interface RacerSpec {
  readonly name: string;
  readonly seed: number;
  readonly workspace: string;
  readonly home: string;
  readonly tickets: readonly string[];
  /** The tickets that racers launch at the same moment. */
  readonly rushTickets: readonly string[];
  /** Operations at the same time in this one process. */
  readonly lanes: number;
  readonly logFile: string;
  readonly promptsFile: string;
}

/** A Pod that outlives even the end of the race ends by itself. */
const IDLE_STOP_MS = 60_000;

/** In milliseconds. */
const RUSH_EVERY_MS = 1_000;

const spec = JSON.parse(process.argv[2] ?? "null") as RacerSpec;
let hasEnded = false;
const isOver = () => hasEnded;
/** The claims that somebody here saw last on a ticket, for reclaims that mean the right one, or come too late. */
const seen = new Map<string, readonly string[]>();
const REMEMBERED = 3;

function log(line: Called | Answered): void {
  fs.appendFileSync(spec.logFile, `${JSON.stringify(line)}\n`);
}

interface Turn {
  readonly id: string;
  readonly ticket: string;
  readonly random: Random;
  readonly rushed: boolean;
}

type Act = { readonly launchId?: string; readonly expect?: string; act(): Promise<unknown> };

function launching({ ticket, random, rushed }: Turn): Act {
  const launchId = uuidv7();
  const { script, whenDone, timeouts, end, cancelAfterMs } = chooseLaunch(random, rushed);
  const recipe = scriptedRecipe(withPrompts(script));
  const request = { ticket: { id: ticket }, prompt: launchId, recipe, whenDone, timeouts };
  const launch = () => launcherOf(launchId, end).launch({ ...request, idleStopMs: IDLE_STOP_MS });
  return { launchId, act: () => cancelled(launch(), cancelAfterMs) };
}

function restoring({ ticket, random }: Turn): Act {
  const launchId = uuidv7();
  const script: AgentScript =
    random.below(6) === 0 ? { load: { error: { code: -32002, message: "gone" } } } : {};
  const recipe = scriptedRecipe(withPrompts({ loadSession: true, ...script }));
  const launcher = launcherOf(launchId, chooseEnd(random));
  const cancelAfter = random.below(5) === 0 ? random.below(600) : undefined;
  const request = { ticket: { id: ticket }, recipe, timeouts: chooseTimeouts(random) };
  return { launchId, act: () => cancelled(launcher.restore(request), cancelAfter) };
}

function withPrompts(script: AgentScript): AgentScript {
  return { promptsFile: spec.promptsFile, ...script };
}

async function cancelled(
  running: { readonly outcome: Promise<unknown>; cancel(reason: string): void },
  afterMs: number | undefined,
): Promise<unknown> {
  const timer =
    afterMs === undefined ? undefined : setTimeout(() => running.cancel("a racer's mood"), afterMs);
  try {
    return await running.outcome;
  } finally {
    clearTimeout(timer);
  }
}

/** A launcher whose launch has this id, and before or after whose chosen actor this process dies or stands still. */
function launcherOf(launchId: string, end: ReturnType<typeof chooseEnd>): Launcher {
  const { workspace, home } = spec;
  const options = { workspace, home, newLaunchId: () => launchId };
  if (end === undefined) return createLauncher(options);
  const suffer = () => process.kill(process.pid, end.signal);
  const wrap = <Effects extends object>(effects: Effects): Effects =>
    Object.fromEntries(
      Object.entries(effects).map(([name, effect]: [string, (...input: unknown[]) => Promise<unknown>]) => [
        name,
        async (...input: unknown[]) => {
          if (name === end.actor && !end.after) suffer();
          const result = await effect(...input);
          if (name === end.actor && end.after) suffer();
          return result;
        },
      ]),
    ) as Effects;
  const seams: LauncherSeams = { wrapEffects: wrap, wrapRestoreEffects: wrap };
  return createLauncherWith(options, seams);
}

const launcher = createLauncher({ workspace: spec.workspace, home: spec.home });

const ACTS: Readonly<Record<Operation, (turn: Turn) => Act>> = {
  launch: launching,
  restore: restoring,
  adopt: ({ ticket }) => ({ act: () => launcher.adopt({ id: ticket }) }),
  stop: ({ ticket }) => ({ act: () => launcher.stop({ id: ticket }) }),
  release: ({ ticket, random }) => {
    const stop = random.below(4) > 0;
    return { act: () => launcher.release({ id: ticket }, { stop }) };
  },
  reclaim: ({ ticket, random }) => {
    const expect = pick(seen.get(ticket) ?? [uuidv7()], random);
    const stop = random.below(3) === 0;
    return { expect, act: () => launcher.reclaim({ id: ticket }, { expect, stop }) };
  },
  status: ({ ticket }) => ({ act: () => launcher.status({ id: ticket }) }),
  doctor: ({ random }) => {
    const fix = random.below(2) === 0;
    return { act: () => launcher.doctor({ fix }) };
  },
};

async function takeTurn(turn: Turn, operation: Operation): Promise<Answer> {
  const { id, ticket } = turn;
  const { launchId, expect, act } = ACTS[operation](turn);
  const given = { ...(launchId !== undefined && { launchId }), ...(expect !== undefined && { expect }) };
  log({ type: "called", id, at: now(), operation, ticket, ...given });
  const answer = await act().then((told) => answerOf(told ?? {}), threw);
  log({ type: "answered", id, at: now(), answer });
  const claim = answer.claim?.launchId;
  const known = seen.get(ticket) ?? [];
  if (claim !== undefined && !known.includes(claim)) seen.set(ticket, [claim, ...known].slice(0, REMEMBERED));
  return answer;
}

interface Plan {
  readonly ticket: string;
  readonly plan: readonly Operation[];
  readonly rushed: boolean;
}

/**
 * What to do next, and to which ticket. In a rush all who join it launch the same ticket at the same moment, by the clock that they
 * share, and end it soon: a ticket of a rush is mostly free when the next comes to it.
 */
async function choosePlan(random: Random): Promise<Plan> {
  const { tickets, rushTickets } = spec;
  if (random.below(3) > 0)
    return { ticket: pick(tickets, random), plan: [chooseOperation(random)], rushed: false };
  await delay(RUSH_EVERY_MS - (now() % RUSH_EVERY_MS));
  const rush = Math.round(now() / RUSH_EVERY_MS);
  return { ticket: rushTickets[rush % rushTickets.length] ?? "", plan: ["launch", "release"], rushed: true };
}

async function lane(number: number): Promise<void> {
  const random = randomOf(spec.seed + number);
  for (let turn = 0; !isOver();) {
    const { plan, ...where } = await choosePlan(random);
    const open = [...plan];
    for (let operation = open.shift(); operation; operation = open.shift()) {
      turn += 1;
      const answer = await takeTurn({ id: `${spec.name}.${number}.${turn}`, random, ...where }, operation);
      await delay(random.below(open.length > 0 ? 5 : 120));
      if (open.length === 0 && !isOver()) open.push(...chooseNext(answer, random));
    }
  }
}

// The end of the standard input is the end of the race, also if whoever started it is gone.
process.stdin.on("end", () => (hasEnded = true)).resume();
await Promise.all(Array.from({ length: spec.lanes }, (_, number) => lane(number)));
