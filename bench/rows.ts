/** What was measured, as data: the table and the plot are made of it. */
import type { Comparison, Spread } from "./measure.js";

/** `ratio` has none; `count` is of whole things. KB and MB are a thousand and a million bytes. */
export type Unit = "ratio" | "ms" | "KB" | "MB" | "count";

export interface Row {
  readonly what: string;
  /** What a ratio is to, or a difference from. Absent for what stands by itself. */
  readonly against?: string;
  readonly measured: Spread;
  readonly unit: Unit;
  /** Absent for a line that is there for orientation only. */
  readonly target?: Target;
  /** In absolute terms, or under which circumstances. */
  readonly detail: string;
}

export interface Target {
  /** In the unit of the row. */
  readonly limit: number;
  readonly is: "most" | "least";
}

/** What one measurement is called, and what it is compared with. */
export interface RatioLine {
  readonly what: string;
  readonly against: string;
  /** The target: at most this. */
  readonly limit?: number;
}

export function ratioRow({ what, against, limit }: RatioLine, { a, b, ratio }: Comparison): Row {
  const detail = `${shownMs(a)} / ${shownMs(b)}`;
  return { what, against, measured: ratio, unit: "ratio", ...atMost(limit), detail };
}

export function atMost(limit: number | undefined): Pick<Row, "target"> {
  return limit === undefined ? {} : { target: { limit, is: "most" } };
}

/** Of a row that has a target: whether its median meets it. */
export function isMet({ measured: { median } }: Row, { limit, is }: Target): boolean {
  return is === "most" ? median <= limit : median >= limit;
}

/** Median and quartiles: `1.12 (1.05–1.20)`, `20.5 MB (20.4–20.5)`. */
export function shownMeasure({ measured, unit }: Pick<Row, "measured" | "unit">): string {
  switch (unit) {
    case "ratio":
      return shown(measured, shownRatio);
    case "ms":
      return shownMs(measured);
    case "KB":
    case "MB":
      return shown(measured, (value) => value.toFixed(1), ` ${unit}`);
    case "count":
      return shown(measured, (value) => value.toFixed(1));
  }
}

/** `≤ 1.3`, `≤ 25 MB` */
export function shownTarget({ unit }: Row, { limit, is }: Target): string {
  const sign = is === "most" ? "≤" : "≥";
  return `${sign} ${limit}${unit === "ratio" || unit === "count" ? "" : ` ${unit}`}`;
}

export function shownRatio(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

/** `0.61 ms (0.58–0.70)`, `12.3 µs (…)` */
export function shownMs(spread: Spread): string {
  const { median } = spread;
  const [unit, factor] = median < 0.1 ? ["µs", 1000] : median < 10_000 ? ["ms", 1] : ["s", 0.001];
  return shown(spread, (value) => threeDigits(value * factor), ` ${unit}`);
}

/** Three digits, and never an exponent. */
export function threeDigits(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** A measure that was taken once has no quartiles to show. */
function shown({ p25, median, p75 }: Spread, write: (value: number) => string, unit = ""): string {
  const quartiles = p25 === p75 ? "" : ` (${write(p25)}–${write(p75)})`;
  return `${write(median)}${unit}${quartiles}`;
}
