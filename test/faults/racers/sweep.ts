import { setTimeout as delay } from "node:timers/promises";
import { CliWorld } from "../../fixtures/cli-world.js";
import type { Sweep, SweepOptions, SweepReport } from "../sweep.js";
import { check } from "./check.js";
import { callsIn, type Call, type History } from "./history.js";
import { Observer } from "./observer.js";
import { Racers } from "./racers.js";
import { settle } from "./settle.js";
import { trouble } from "./trouble.js";

const RACERS = 6;
const CALM = ["T-1", "T-2", "T-3", "T-4"];
const RUSHED = ["R-1", "R-2", "R-3", "R-4"];
const TICKETS = [...CALM, ...RUSHED];
const SECONDS = { quick: 15, whole: 300 };

export const racers: Sweep = {
  name: "racers",
  title: "Racing hosts, commands and signals",
  about:
    `${RACERS} host processes with two lanes each, and one lane of real commands, launch, cancel, stop, release, reclaim, adopt, restore and look at ` +
    `${TICKETS.length} tickets at random for ${SECONDS.whole / 60} minutes, with agents that behave, fail, stall or resist, while they, the guardians, reapers and agents are SIGKILLed or ` +
    "stopped and continued, at random and at chosen moments between two steps of a launch. Every call and answer, every prompt that an agent was given, and " +
    "what an observer saw on disk and in the process table is put before a checker: at most one claim and one Pod a ticket at any instant; each claim told " +
    "and ended once, and none by who meant another; nothing delivered twice, hidden, lost or back after its end; nothing left of what was said to be gone; " +
    "no exception. In the end everything that runs is claimed, adoptable or named; then all is stopped, nothing is left, and each ticket can be launched again.",
  notCovered: [
    "The seed fixes what each racer does, not when the kernel lets it: a race cannot be repeated exactly.",
    "What stood or ran between two looks of the observer, some tens of milliseconds apart, and was told by no call, is not seen.",
    "Races of more than one machine or PID namespace, and of different versions of launch-claim.",
  ],
  run,
};

async function run({ quick, seed, tell }: SweepOptions): Promise<SweepReport> {
  const seconds = quick ? SECONDS.quick : SECONDS.whole;
  tell(`seed ${seed}, ${seconds} s`);
  await using world = new CliWorld();
  const observer = new Observer(world.registry, TICKETS);
  const host = new Racers(world, { seed, racers: RACERS, tickets: CALM, rushTickets: RUSHED });
  let isOver = false;
  host.start();
  try {
    const troubling = trouble(observer, { hosts: () => host.pids, isOver: () => isOver }, seed);
    await delay(1_000 * seconds);
    isOver = true;
    const suffered = await troubling;
    await host.end();
    const unsettled = await settle(world, observer, TICKETS);
    const history: History = {
      calls: callsIn(host.lines),
      samples: observer.samples,
      prompts: host.prompts,
      ended: observer.ended(),
      launchIdOfPod: observer.launchIdOfPod,
    };
    const violations = [...host.broken, ...unsettled, ...check(history)];
    return {
      counts: [...countsOf(history), ["kills", suffered.kills + host.died], ["stops", suffered.stops]],
      violations: violations.map((violation) => `seed ${seed}: ${violation}`),
      details: tableOf(history.calls),
    };
  } finally {
    host.kill();
  }
}

function countsOf({ calls, samples, ended }: History): [string, number][] {
  return [
    ["racing calls", calls.length],
    ["of them without an answer: their process died", calls.filter(({ answer }) => !answer).length],
    ["claims", ended.length],
    ["of them adopted", calls.filter(({ answer }) => answer?.status === "claimed" && answer.adopted).length],
    ["of them restored", calls.filter(({ answer }) => answer?.status === "restored").length],
    ["looks of the observer", samples.length],
  ];
}

/** How often each operation was answered how. */
function tableOf(calls: readonly Call[]): string {
  const answers = new Map<string, number>();
  for (const { operation, answer } of calls) {
    const said = answer ? [answer.status, answer.by].filter(Boolean).join(" by ") : "no answer";
    const row = `${operation} | ${said}`;
    answers.set(row, (answers.get(row) ?? 0) + 1);
  }
  const rows = [...answers]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([row, count]) => `| ${row} | ${count} |`);
  return ["| operation | answer | times |", "| --- | --- | --- |", ...rows].join("\n");
}
