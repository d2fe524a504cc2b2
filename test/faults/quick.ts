import { expect, test } from "vitest";
import { DEFAULT_SEED, type Sweep } from "./sweep.js";

/** Only against waiting for ever: some sweeps wait for many processes, and the machine may be busy. */
const LONGEST_MS = 600_000;

export interface QuickOptions {
  /** Whether CI, too, may be unable to do it (as with mounts). Default: in CI what was skipped is a failure. */
  readonly skipsInCi?: boolean;
}

/** The quick part of a sweep as a test. What this machine cannot do is skipped by name. */
export function quickly(sweep: Sweep, { skipsInCi = false }: QuickOptions = {}): void {
  test(`${sweep.name}: ${sweep.title}`, { timeout: LONGEST_MS }, async (context) => {
    const report = await sweep.run({ quick: true, seed: DEFAULT_SEED, tell: () => undefined });
    expect(report.violations).toEqual([]);
    const skipped = report.skipped ?? [];
    if (process.env["CI"] && !skipsInCi) expect(skipped).toEqual([]);
    const done = report.counts.reduce((sum, [, count]) => sum + count, 0);
    if (done === 0 && skipped.length > 0) context.skip(skipped.join("; "));
    expect(done, "a sweep that did nothing shows nothing").toBeGreaterThan(0);
  });
}
