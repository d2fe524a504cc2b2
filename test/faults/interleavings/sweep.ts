import { RULES, type Rule } from "./rules.js";
import { SCENARIOS } from "./scenarios.js";
import { misfit, Stage } from "./stage.js";
import type { Sweep, SweepOptions, SweepReport } from "../sweep.js";
import type { Found } from "./explore.js";
import type { Task } from "./worker.js";

/** Explored with two interferences as well: the smallest scenario in which everything that excludes is at work. */
const DEEP = ["adopters"];
/** Drawn at random, of each scenario. */
const WALKS = 300;
/** Of `npm test`. */
const QUICK = {
  exhausted: ["adopters", "survivor"],
  wandered: ["when-done", "restore"],
  walks: 60,
  rules: ["1", "8", "13"],
};
const LANES = 2;

export const interleavings: Sweep = {
  name: "interleavings",
  title: "Every order in which processes can meet on one ticket",
  about:
    "Launches, adoptions, stops, releases, reclaims and restores of one ticket, with the guardians that they start, run as processes that are objects of one " +
    "program: each is parked at every call of the registry, at every sync in it, at every line of the control channel and of the Pod protocol, and at every " +
    "timer, and a scheduler says who goes on, whose timer is over and who is killed. What runs is the build itself: launcher, machines, verbs, file registry, kernel " +
    "locks, the built-in runtime with its stop and its search for survivors, the guardian with its server and recorder. Only sockets, `/proc`, signals, " +
    "timers and the agent with its reaper are simulated. From what would come by itself every single interference is tried in every scenario (another process goes " +
    "on; whoever has just moved is killed, or a pause or limit of it is over), every two of them in one scenario, and any number at random. After each step the disk and the processes are " +
    "compared with the promises; at the end nobody waits for ever, what lives is claimed or adoptable, and one more launch is claimed or blocked by what is there. " +
    "Then each rule of the design is left out of the build, and the exploration must find it.",
  notCovered: [
    "Between two calls that are parked a process is not interrupted: a crash between two system calls of one step is the kill points' to show.",
    "A sync only parks; what a power cut would lose is not lost here. Rule 3 and rule 5 are seen by the order of their calls.",
    "The agent, its reaper and sockets are simulated, and a signal acts at once; real ones are in test/process and in the other sweeps.",
    "One ticket, and one kernel: other tickets, other PID namespaces and other boots are elsewhere.",
    "Launches without a ticket, and peers.",
    "Rule 2 is left out with the lock's word for it; without its first half alone (the guardian is ended first) a search by mark finds the guardian all the same.",
  ],
  run,
};

async function run(options: SweepOptions): Promise<SweepReport> {
  // Of every rule, also of those that the quick part leaves alone: a patch that fits no more is noticed when the code changes.
  const stale = RULES.flatMap(({ name, patches }) =>
    patches.flatMap((patch) => misfit(patch) ?? []).map((trouble) => `rule ${name}: ${trouble}`),
  );
  if (stale.length > 0) return { counts: [["rules that can be left out", 0]], violations: stale };
  const { violations, runs, steps, rows } = await explore(options);
  const verdicts = await leaveOut(options);
  const missed = verdicts.filter(({ found }) => found === undefined);
  return {
    counts: [
      ["interleavings", runs],
      ["steps in them", steps],
      ["rules left out", verdicts.length],
      ["of them found", verdicts.length - missed.length],
    ],
    violations: [
      ...violations,
      ...missed.map(
        ({ rule, after }) =>
          `rule ${rule.name} was left out (${rule.without}), and ${after} interleavings did not show it`,
      ),
    ],
    details: [...rows, "", ...tableOf(verdicts)].join("\n"),
  };
}

async function explore({ quick, seed, tell }: SweepOptions) {
  using stage = new Stage();
  const results = await inLanes(quick ? quickTasks(seed) : wholeTasks(seed), (tasks) =>
    stage.run({ tasks, enoughFound: 3, withinSeconds: quick ? 120 : 900 }),
  );
  for (const { task, runs, seconds, found } of results) {
    tell(
      `${shown(task)}: ${runs} interleavings, ${Math.round(seconds)} s of processor time, ${found.length} broken`,
    );
  }
  const cut = results.filter(({ isWhole, found }) => !isWhole && found.length === 0);
  return {
    violations: [
      ...results.flatMap(({ found }) => found.map(placed)),
      ...cut.map(({ task, runs }) => `${shown(task)} was left after ${runs} interleavings: it took too long`),
    ],
    runs: sum(results, ({ runs }) => runs),
    steps: sum(results, ({ steps }) => steps),
    rows: [
      "| scenario | who meets | one interference | two | at random |",
      "| --- | --- | --- | --- | --- |",
      ...SCENARIOS.map(({ name, about }) => {
        const count = (is: (task: Task) => boolean) =>
          sum(
            results.filter(({ task }) => task.scenario === name && is(task)),
            ({ runs }) => runs,
          ) || "";
        const deep = count((task) => task.kind === "exhaust" && task.depth === 2);
        const one = count((task) => task.kind === "exhaust" && task.depth === 1);
        return `| ${name} | ${about} | ${deep === "" ? one : "in the next"} | ${deep} | ${count(({ kind }) => kind === "wander")} |`;
      }),
    ],
  };
}

function wholeTasks(seed: number): readonly Task[] {
  return SCENARIOS.flatMap(({ name }): Task[] => [
    { scenario: name, kind: "exhaust", depth: DEEP.includes(name) ? 2 : 1 },
    { scenario: name, kind: "wander", seed, runs: WALKS },
  ]);
}

function quickTasks(seed: number): readonly Task[] {
  const { exhausted, wandered, walks } = QUICK;
  return [
    ...exhausted.map((scenario): Task => ({ scenario, kind: "exhaust", depth: 1 })),
    ...wandered.map((scenario): Task => ({ scenario, kind: "wander", seed, runs: walks })),
  ];
}

interface Verdict {
  readonly rule: Rule;
  /** So many interleavings were run. */
  readonly after: number;
  readonly found?: Found | undefined;
}

async function leaveOut({ quick, seed, tell }: SweepOptions): Promise<readonly Verdict[]> {
  const chosen = quick ? RULES.filter(({ name }) => QUICK.rules.includes(name)) : RULES;
  return await inLanes(chosen, async (rules) => {
    const verdicts: Verdict[] = [];
    for (const rule of rules) {
      using stage = new Stage(rule.patches);
      const { scenario, depth = 1 } = rule;
      const tasks: Task[] = [
        { scenario, kind: "exhaust", depth },
        { scenario, kind: "wander", seed, runs: WALKS },
      ];
      const results = await stage.run({ tasks, enoughFound: 1, withinSeconds: 60 });
      const after = sum(results, ({ runs }) => runs);
      const found = results.flatMap((result) => result.found)[0];
      verdicts.push({ rule, after, found });
      tell(
        `without rule ${rule.name}: ${found ? `found after ${after}: ${found.message}` : `NOT FOUND in ${after}`}`,
      );
    }
    return verdicts;
  });
}

/** Two side by side. */
async function inLanes<Item, Result>(
  items: readonly Item[],
  act: (items: readonly Item[]) => Promise<readonly Result[]>,
): Promise<readonly Result[]> {
  const lanes = Array.from({ length: LANES }, (_, lane) =>
    items.filter((_, index) => index % LANES === lane),
  );
  return (await Promise.all(lanes.map(act))).flat();
}

function shown(task: Task): string {
  switch (task.kind) {
    case "exhaust":
      return `${task.scenario}, at most ${task.depth} interferences`;
    case "wander":
      return `${task.scenario}, at random (seed ${task.seed})`;
    case "follow":
      return `${task.scenario}, as told`;
  }
}

/** With what `replay.js` takes to lead there again, and the last of what happened. */
function placed({ scenario, reach, interference, message, trace }: Found): string {
  const where = `${scenario} ${reach} '${JSON.stringify(interference)}'`;
  return `${message}; replay.js ${where}; at last: ${trace
    .slice(-6)
    .map((line) => line.trim())
    .join(" → ")}`;
}

function tableOf(verdicts: readonly Verdict[]): string[] {
  return [
    "| rule | left out | found in | after interleavings | by |",
    "| --- | --- | --- | --- | --- |",
    ...verdicts.map(({ rule, after, found }) => {
      const by = found
        ? `${found.message.replaceAll("|", "\\|")} (\`${JSON.stringify(found.interference)}\`)`
        : "**nothing**";
      return `| ${rule.name} | ${rule.without} | ${rule.scenario} | ${after} | ${by} |`;
    }),
  ];
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
