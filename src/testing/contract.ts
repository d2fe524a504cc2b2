import { isDeepStrictEqual } from "node:util";
import { LaunchClaimError, messageOf, type LaunchClaimCode } from "../errors.js";

/**
 * One sentence of a port's contract, and the run that shows whether an implementation keeps it. Belongs to no test runner:
 * `for (const { title, run } of cases) test(title, run)` is all that any of them needs.
 */
export interface ContractCase {
  readonly title: string;
  /** Rejects with what was expected and what came. Opens what it needs, and closes it however it ends. */
  run(): Promise<void>;
}

/** @param message what was expected, and what came */
export function expectThat(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Compares by value, as the records of a registry are compared. */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  expectThat(
    isDeepStrictEqual(actual, expected),
    `${what} should be ${shown(expected)}, but is ${shown(actual)}`,
  );
}

/** @returns the error, once it is known to be the library's own, with the expected code */
export async function expectRejection(
  promise: Promise<unknown>,
  code: LaunchClaimCode,
  what: string,
): Promise<LaunchClaimError> {
  const end = await endingOf(promise);
  expectThat(
    end.kind === "rejected" && LaunchClaimError.is(end.error) && end.error.code === code,
    `${what} should reject with a LaunchClaimError of code "${code}", but ${shownEnd(end)}`,
  );
  return end.error;
}

/** Does the work and closes, however the work ends; what the work has found is said before what the closing has. */
export async function closingAfter(work: Promise<void>, close: () => Promise<void>): Promise<void> {
  const ends = [await endingOf(work), await endingOf(close())];
  for (const end of ends) if (end.kind === "rejected") throw end.error;
}

/** How a promise settled. */
export type Ending<Value> =
  | { readonly kind: "resolved"; readonly value: Value }
  | { readonly kind: "rejected"; readonly error: unknown };

export function endingOf<Value>(promise: Promise<Value>): Promise<Ending<Value>> {
  return promise.then(
    (value) => ({ kind: "resolved", value }),
    (error: unknown) => ({ kind: "rejected", error }),
  );
}

/** A promise that must settle in time; the suites wait for nothing without a bound. */
export async function within<Value>(limitMs: number, what: string, promise: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} should settle within ${limitMs} ms, but did not`)),
      limitMs,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until a condition holds. `check` answers undefined once it does, else what still stands in the way. */
export async function eventually(
  limitMs: number,
  what: string,
  check: () => Promise<string | undefined>,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const obstacle = await check();
    if (obstacle === undefined) return;
    expectThat(performance.now() < deadline, `${what} within ${limitMs} ms, but ${obstacle}`);
    await nextTurn();
  }
}

/** One turn of the event loop: what was already possible, happens. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What is dated after this is dated later than what was dated before. */
export async function nextMillisecond(): Promise<void> {
  const now = Date.now();
  while (Date.now() === now) await nextTurn();
}

/** A value in a message: one line, bounded. */
export function shown(value: unknown): string {
  if (value === undefined) return "undefined";
  const text = value instanceof Error ? messageOf(value) : JSON.stringify(value);
  return text.length > 600 ? `${text.slice(0, 600)}…` : text;
}

export function shownEnd(end: Ending<unknown>): string {
  if (end.kind === "resolved") return `it resolved with ${shown(end.value)}`;
  const code = LaunchClaimError.is(end.error) ? ` (code "${end.error.code}")` : "";
  return `it rejected with ${shown(messageOf(end.error))}${code}`;
}
