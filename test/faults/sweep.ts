/**
 * What every fault sweep is: something that runs, counts what it did, and tells each promise that it saw broken. `npm test` runs
 * each with `quick`; `npm run test:faults` runs all of them whole and writes docs/reliability.md from what they return.
 */
export interface Sweep {
  /** As in `npm run test:faults -- --only NAME`; also its folder in test/faults. */
  readonly name: string;
  /** A heading in the report. */
  readonly title: string;
  /** One paragraph of the report: what is done, and what must hold after it. */
  readonly about: string;
  /** What this sweep does not show, a sentence each. */
  readonly notCovered: readonly string[];
  run(options: SweepOptions): Promise<SweepReport>;
}

export interface SweepOptions {
  /** A part that takes seconds, not minutes, and is chosen so that it can still fail. */
  readonly quick: boolean;
  /** What is random is drawn from it, so that a run can be repeated. */
  readonly seed: number;
  /** One line for whoever watches. */
  tell(line: string): void;
}

export interface SweepReport {
  /** What was done, counted: `["kill points of a launch", 214]`. */
  readonly counts: readonly (readonly [what: string, count: number])[];
  /** Each broken promise: where (the point, the seed), what was demanded and what was found. None: the sweep is green. */
  readonly violations: readonly string[];
  /** What could not be done on this machine and why. In CI this is a failure. */
  readonly skipped?: readonly string[];
  /** Further tables of the report, as Markdown. */
  readonly details?: string;
}

/** The seed of every run that names none: the same points each time. */
export const DEFAULT_SEED = 20261125;
