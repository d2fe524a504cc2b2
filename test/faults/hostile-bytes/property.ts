import fc from "fast-check";
import { LaunchClaimError } from "../../../src/errors.js";

/** What one part of the sweep did, and what it saw. */
export interface Part {
  readonly count: readonly [what: string, count: number];
  readonly violations: readonly string[];
}

export interface Amount {
  readonly seed: number;
  readonly cases: number;
}

/** Runs `check` on the values that are always tried, and on so many drawn ones; a case that throws is a violation, named so that it can be run again. */
export async function forAll<Value>(
  what: string,
  { seed, cases }: Amount,
  values: fc.Arbitrary<Value>,
  check: (value: Value) => void | Promise<void>,
  always: readonly Value[] = [],
): Promise<Part> {
  const property = fc.asyncProperty(values, async (value) => check(value));
  const details = await fc.check(property, {
    seed,
    numRuns: always.length + cases,
    examples: always.map((value): [Value] => [value]),
  });
  const done = details.numRuns;
  if (!details.failed) return { count: [what, done], violations: [] };
  const shown = fc.stringify(details.counterexample).slice(0, 600);
  const error = details.errorInstance;
  const why = error instanceof Error ? (error.stack ?? error.message).slice(0, 600) : String(error);
  const where = `seed ${seed}, case ${done}, path ${details.counterexamplePath ?? ""}`;
  return { count: [what, done], violations: [`${what} (${where}): ${why}; with ${shown}`] };
}

/** A promise of the product, demanded. */
export function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`broken: ${what}`);
}

/** What `act` gives, or the error of ours that it ends with; any other error is a violation. */
export async function ours<Result>(act: () => Result | Promise<Result>): Promise<Result | LaunchClaimError> {
  try {
    return await act();
  } catch (error) {
    if (LaunchClaimError.is(error)) return error;
    throw new Error("broken: it ended with something else than a LaunchClaimError", { cause: error });
  }
}
