/**
 * Measuring on a machine that does other things as well: two ways of doing the same are timed in turn, A B B A, and the ratio is
 * taken within each pair, so that whatever slows the machine down slows both. Medians, because a mean is as good as its worst
 * sample.
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
  /** a / b, pair by pair. */
  readonly ratio: Spread;
  /** a - b, pair by pair. */
  readonly difference: Spread;
}

/** Does the thing a number of times and says what one time cost. Preparing and tidying up are its own, outside of its clock. */
export type Sample = () => Promise<number>;

/** A line of the table. */
export interface Row {
  readonly what: string;
  readonly measured: string;
  /** What was compared, in absolute terms. */
  readonly detail: string;
  /** Absent for a line that is there for orientation only. */
  readonly target?: { readonly text: string; readonly met: boolean };
}

export interface BenchOptions {
  /** A smoke run: fewer rounds, smaller numbers. What it measures proves little. */
  readonly quick: boolean;
}

/** @param rounds pairs; a fifth as many more are run before, uncounted, until code is compiled and caches are warm */
export async function compare(rounds: number, a: Sample, b: Sample): Promise<Comparison> {
  const pairs: { readonly a: number; readonly b: number }[] = [];
  const warmUp = Math.ceil(rounds / 5);
  for (let round = 0; round < warmUp + rounds; round += 1) {
    const pair = round % 2 === 0 ? await pairOf(a, b) : swapped(await pairOf(b, a));
    if (round >= warmUp) pairs.push(pair);
  }
  return {
    a: spreadOf(pairs.map((pair) => pair.a)),
    b: spreadOf(pairs.map((pair) => pair.b)),
    ratio: spreadOf(pairs.map((pair) => pair.a / pair.b)),
    difference: spreadOf(pairs.map((pair) => pair.a - pair.b)),
  };
}

async function pairOf(first: Sample, second: Sample): Promise<{ a: number; b: number }> {
  return { a: await fresh(first), b: await fresh(second) };
}

function swapped({ a, b }: { a: number; b: number }): { a: number; b: number } {
  return { a: b, b: a };
}

/** The rubbish of one side is not collected at the other's expense. */
async function fresh(sample: Sample): Promise<number> {
  globalThis.gc?.();
  return await sample();
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

/** `1.12 (1.05–1.20)` */
export function shownRatio(spread: Spread): string {
  return shown(spread, (value) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0));
}

/** `0.61 ms (0.58–0.70)`, `12.3 µs (…)` */
export function shownMs(spread: Spread): string {
  const { median } = spread;
  const [unit, factor] = median < 0.1 ? ["µs", 1000] : median < 10_000 ? ["ms", 1] : ["s", 0.001];
  const digits = (value: number) => value.toPrecision(3);
  return shown(spread, (value) => digits(value * factor), ` ${unit}`);
}

function shown({ p25, median, p75 }: Spread, write: (value: number) => string, unit = ""): string {
  return `${write(median)}${unit} (${write(p25)}–${write(p75)})`;
}

/** A target for a ratio: at most this. */
export function atMost(limit: number, { median }: Spread, unit = ""): NonNullable<Row["target"]> {
  return { text: `≤ ${limit}${unit}`, met: median <= limit };
}
