import { expect, test } from "vitest";
import { DEFAULT_SEED } from "../sweep.js";
import { powerCut } from "./sweep.js";

// Not `quickly`: whether disk images can be mounted depends on the machine, in CI too. There it is skipped by name, as other tests
// that mount are.
test(`${powerCut.name}: ${powerCut.title}`, { timeout: 300_000 }, async (context) => {
  const report = await powerCut.run({ quick: true, seed: DEFAULT_SEED, tell: () => undefined });
  expect(report.violations).toEqual([]);
  const skipped = report.skipped ?? [];
  if (skipped.length > 0) context.skip(skipped.join("; "));
  for (const [what, count] of report.counts) expect(count, what).toBeGreaterThan(0);
});
