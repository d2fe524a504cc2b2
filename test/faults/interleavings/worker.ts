/**
 * The program that explores, in a copy of the build in which what the product takes from the machine leads to `simulated/`: see
 * stage.ts. Reads one job as its argument, and prints one line of JSON.
 */
import { exhaust, follow, wander, type Explored, type Interference } from "./explore.js";
import { Runner } from "./run.js";
import { SCENARIOS, type Scenario } from "./scenarios.js";
import { replaceKill } from "./simulated/proc.js";
import { replaceClocks } from "./simulated/timers.js";

export interface Job {
  /** An empty directory. */
  readonly base: string;
  readonly tasks: readonly Task[];
  /** After so many. */
  readonly enoughFound: number;
  /** Of processor time. */
  readonly withinSeconds: number;
}

export type Task = { readonly scenario: string } & (
  | { readonly kind: "exhaust"; readonly depth: number }
  | { readonly kind: "wander"; readonly seed: number; readonly runs: number }
  | { readonly kind: "follow"; readonly interference: Interference; readonly reach: "near" | "all" }
);

export type TaskResult = Explored & { readonly task: Task; readonly seconds: number };

/** Of this process, in seconds: how much else runs on the machine says nothing. */
const spent = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const job = JSON.parse(process.argv[2] ?? "") as Job;
replaceClocks();
replaceKill();
const runner = new Runner(job.base);
const results: TaskResult[] = [];
for (const task of job.tasks) {
  const since = spent();
  const explored = await explore(task, scenarioOf(task.scenario));
  results.push({ ...explored, task, seconds: spent() - since });
  if (isEnough(explored)) break;
}
process.stdout.write(`${JSON.stringify(results)}\n`, () => process.exit(0));

function isEnough({ found }: Explored): boolean {
  return found.length >= job.enoughFound || spent() > job.withinSeconds;
}

async function explore(task: Task, scenario: Scenario): Promise<Explored> {
  switch (task.kind) {
    case "exhaust":
      return await exhaust(runner, scenario, task.depth, { enough: isEnough });
    case "wander":
      return await wander(runner, scenario, task, { enough: isEnough });
    case "follow": {
      const { interference, reach } = task;
      const ran = await runner.run(scenario, follow(interference), { reach, kills: 9 });
      const found = {
        scenario: scenario.name,
        interference,
        reach,
        message: ran.broken ?? "nothing was broken",
        trace: ran.trace,
      };
      return { runs: 1, steps: ran.options.length, isWhole: true, found: [found] };
    }
  }
}

function scenarioOf(name: string): Scenario {
  const found = SCENARIOS.find((scenario) => scenario.name === name);
  if (found) return found;
  throw new Error(`there is no scenario ${name}`);
}
