import { expect, test } from "vitest";
import { DEFAULT_SEED, type Sweep } from "./sweep.js";

/** The quick part of a sweep as a test. What this machine cannot do is skipped by name; in CI it is a failure. */
export function quickly(sweep: Sweep, timeoutMs = 120_000): void {
  test(`${sweep.name}: ${sweep.title}`, { timeout: timeoutMs }, async (context) => {
    const report = await sweep.run({ quick: true, seed: DEFAULT_SEED, tell: () => undefined });
    expect(report.violations).toEqual([]);
    const done = report.counts.reduce((sum, [, count]) => sum + count, 0);
    const skipped = report.skipped ?? [];
    if (process.env["CI"]) expect(skipped).toEqual([]);
    else if (done === 0 && skipped.length > 0) context.skip(skipped.join("; "));
    expect(done, "a sweep that did nothing shows nothing").toBeGreaterThan(0);
  });
}
