/**
 * Measuring on a machine that does other things as well: ways of doing the same are timed in turn, A B B A, and the ratio is taken
 * within each round, so that whatever slows the machine down slows all. Medians, because a mean is as good as its worst sample.
 */

/** How samples lie: the middle one, and the quarter below and above it. */
export interface Spread {
  readonly p25: number;
  readonly median: number;
  readonly p75: number;
}

export interface Comparison {
  readonly a: Spread;
  readonly b: Spread;
  /** a / b, round by round. */
  readonly ratio: Spread;
  /** a - b, round by round. */
  readonly difference: Spread;
}

/** Does the thing a number of times and says what one time cost. Preparing and tidying up are its own, outside of its clock. */
export type Sample<Cost = number> = () => Promise<Cost>;

export interface BenchOptions {
  /** A smoke run: fewer rounds, smaller numbers. What it measures proves little. */
  readonly quick: boolean;
}

/** @param rounds a fifth as many more are run before, uncounted, until code is compiled and caches are warm */
export async function compare(rounds: number, a: Sample, b: Sample): Promise<Comparison> {
  const [ofA = [], ofB = []] = await interleaved(rounds, [a, b]);
  return comparisonOf(ofA, ofB);
}

/** Samples of two sides, of the same rounds. */
export function comparisonOf(ofA: readonly number[], ofB: readonly number[]): Comparison {
  const pairs = ofA.map((a, round) => ({ a, b: ofB[round] ?? Number.NaN }));
  return {
    a: spreadOf(ofA),
    b: spreadOf(ofB),
    ratio: spreadOf(pairs.map(({ a, b }) => a / b)),
    difference: spreadOf(pairs.map(({ a, b }) => a - b)),
  };
}

/** Each side once a round, and another first each time. What each cost, side by side, in the order of the rounds. */
export async function interleaved<Cost>(
  rounds: number,
  sides: readonly Sample<Cost>[],
): Promise<readonly (readonly Cost[])[]> {
  const costs = sides.map((): Cost[] => []);
  const warmUp = Math.ceil(rounds / 5);
  for (let round = 0; round < warmUp + rounds; round += 1) {
    for (let turn = 0; turn < sides.length; turn += 1) {
      const side = (round + turn) % sides.length;
      // The rubbish of one side is not collected at another's expense.
      globalThis.gc?.();
      const cost = await (sides[side] as Sample<Cost>)();
      if (round >= warmUp) costs[side]?.push(cost);
    }
  }
  return costs;
}

export function spreadOf(samples: readonly number[]): Spread {
  const sorted = [...samples].sort((x, y) => x - y);
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
  return { p25: at(0.25), median: at(0.5), p75: at(0.75) };
}

/** Milliseconds that one of `times` calls in a row took. */
export async function timed(times: number, call: (index: number) => unknown): Promise<number> {
  const start = performance.now();
  for (let index = 0; index < times; index += 1) {
    const result = call(index);
    // A synchronous call is not charged for a turn of the microtask queue.
    if (result instanceof Promise) await result;
  }
  return (performance.now() - start) / times;
}

/** As `timed`, but CPU time: of this process, all threads, user and system. */
export async function cpuTimed(times: number, call: (index: number) => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  for (let index = 0; index < times; index += 1) await call(index);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / times;
}
