import { randomOf } from "../random.js";
import type { Choose, Offer, Ran, Runner } from "./run.js";
import type { Scenario } from "./scenarios.js";

/** Where a run left what would have come by itself: step and option. */
export type Interference = readonly (readonly [step: number, option: number])[];

export interface Found {
  readonly scenario: string;
  readonly interference: Interference;
  readonly reach: Offer["reach"];
  readonly message: string;
  readonly trace: readonly string[];
}

export interface Explored {
  runs: number;
  steps: number;
  /** False: it was left before it was whole. */
  isWhole: boolean;
  readonly found: Found[];
}

export interface Exploring {
  /** True: enough was found, or the time is over. */
  readonly enough: (explored: Explored) => boolean;
}

/** Every run with at most so many interferences, those with fewer first. */
export async function exhaust(
  runner: Runner,
  scenario: Scenario,
  depth: number,
  { enough }: Exploring,
): Promise<Explored> {
  const explored: Explored = { runs: 0, steps: 0, isWhole: true, found: [] };
  const offer: Offer = { reach: "near", kills: depth };
  let level: Interference[] = [[]];
  for (let reached = 0; reached <= depth; reached += 1) {
    const next: Interference[] = [];
    for (const interference of level) {
      if (enough(explored)) return { ...explored, isWhole: false };
      const ran = await one(runner, scenario, { interference, offer, explored });
      if (reached < depth) next.push(...furtherFrom(interference, ran));
    }
    level = next;
  }
  return explored;
}

function furtherFrom(interference: Interference, { options }: Ran): Interference[] {
  const from = (interference.at(-1)?.[0] ?? -1) + 1;
  return options.flatMap((count, step) =>
    step < from
      ? []
      : Array.from({ length: count - 1 }, (_, index) => [...interference, [step, index + 1] as const]),
  );
}

/** So many runs in which everything may come next, each drawn from the seed and its own number. */
export async function wander(
  runner: Runner,
  scenario: Scenario,
  { seed, runs }: { readonly seed: number; readonly runs: number },
  { enough }: Exploring,
): Promise<Explored> {
  const explored: Explored = { runs: 0, steps: 0, isWhole: true, found: [] };
  for (let number = 0; number < runs; number += 1) {
    if (enough(explored)) return { ...explored, isWhole: false };
    const random = randomOf(seed * 1_000_003 + number);
    const kills = random.below(3);
    const oneIn = [1, 2, 4, 10, 30][random.below(5)] ?? 1;
    const taken: [number, number][] = [];
    const choose: Choose = (step, options) => {
      const option = random.below(oneIn) === 0 ? random.below(options) : 0;
      if (option > 0) taken.push([step, option]);
      return option;
    };
    const ran = await runner.run(scenario, choose, { reach: "all", kills });
    count(explored, ran);
    if (ran.broken !== undefined)
      explored.found.push(
        await again(runner, scenario, { ran, interference: taken, offer: { reach: "all", kills } }),
      );
  }
  return explored;
}

async function one(
  runner: Runner,
  scenario: Scenario,
  {
    interference,
    offer,
    explored,
  }: { readonly interference: Interference; readonly offer: Offer; readonly explored: Explored },
): Promise<Ran> {
  const ran = await runner.run(scenario, follow(interference), offer);
  count(explored, ran);
  if (ran.broken !== undefined)
    explored.found.push(await again(runner, scenario, { ran, interference, offer }));
  return ran;
}

function count(explored: Explored, { options }: Ran): void {
  explored.runs += 1;
  explored.steps += options.length;
}

/** What was found once must be found again by the same choices, or the run hangs on something that was not chosen. */
async function again(
  runner: Runner,
  scenario: Scenario,
  {
    ran,
    interference,
    offer,
  }: { readonly ran: Ran; readonly interference: Interference; readonly offer: Offer },
): Promise<Found> {
  const repeated = await runner.run(scenario, follow(interference), offer);
  const isSame = repeated.broken === ran.broken && repeated.trace.join() === ran.trace.join();
  const message = `${ran.broken ?? ""}${isSame ? "" : " (the same choices did not lead there again)"}`;
  return { scenario: scenario.name, interference, reach: offer.reach, message, trace: ran.trace };
}

export function follow(interference: Interference): Choose {
  const at = new Map(interference.map(([step, option]) => [step, option]));
  return (step) => at.get(step) ?? 0;
}
