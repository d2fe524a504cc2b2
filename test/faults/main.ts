/**
 * `npm run test:faults`: every fault sweep, whole. Prints what each counted and each promise that it saw broken, and is 1 if there is
 * one, or if something had to be skipped in CI. A run of all of them writes docs/reliability.md.
 */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { askedFor } from "../fixtures/asked-for.js";
import { writeReport, type Ran } from "./report.js";
import { DEFAULT_SEED, type Sweep, type SweepReport } from "./sweep.js";
import { SWEEPS } from "./sweeps.js";

const USAGE = `npm run test:faults -- [--only NAME]… [--seed N] [--quick] [--no-document]
  --only NAME     ${SWEEPS.map(({ name }) => name).join(" ")}; default: all
  --seed N        what random choices are drawn from; default: ${DEFAULT_SEED}
  --quick         the part of each that "npm test" runs; writes no document
  --no-document   does not write docs/reliability.md`;

interface Options {
  readonly sweeps: readonly Sweep[];
  readonly seed: number;
  readonly quick: boolean;
  readonly documents: boolean;
}

function optionsOf(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: "string", multiple: true },
      seed: { type: "string", default: String(DEFAULT_SEED) },
      quick: { type: "boolean", default: false },
      "no-document": { type: "boolean", default: false },
    },
  });
  const seed = Number(values.seed);
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new Error(`--seed is a whole number from 0 on, not ${values.seed}`);
  const sweeps = values.only?.map((name) => {
    const sweep = SWEEPS.find((candidate) => candidate.name === name);
    if (!sweep) throw new Error(`there is no sweep ${name}`);
    return sweep;
  });
  const documents = sweeps === undefined && !values.quick && !values["no-document"];
  return { sweeps: sweeps ?? SWEEPS, seed, quick: values.quick, documents };
}

/** A sweep that throws has shown nothing: that is told as a violation, and the others still run. */
async function runSweep(sweep: Sweep, { seed, quick }: Options): Promise<Ran> {
  console.log(`== ${sweep.name}: ${sweep.title}`);
  const began = performance.now();
  const tell = (line: string) => console.log(`   ${line}`);
  const report = await sweep.run({ quick, seed, tell }).catch((error: unknown): SweepReport => ({
    counts: [],
    violations: [
      `it ended early: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    ],
  }));
  const seconds = Math.round((performance.now() - began) / 1000);
  for (const [what, count] of report.counts) tell(`${count} ${what}`);
  for (const skipped of report.skipped ?? []) tell(`SKIPPED: ${skipped}`);
  for (const violation of report.violations) tell(`BROKEN: ${violation}`);
  return { sweep, report, seconds };
}

async function run(options: Options): Promise<number> {
  const ran: Ran[] = [];
  for (const sweep of options.sweeps) ran.push(await runSweep(sweep, options));
  const broken = ran.reduce((sum, { report }) => sum + report.violations.length, 0);
  const skipped = ran.reduce((sum, { report }) => sum + (report.skipped?.length ?? 0), 0);
  if (options.documents) {
    const file = fileURLToPath(new URL("../../../docs/reliability.md", import.meta.url));
    await writeReport(file, ran, options.seed);
    console.log(`written: ${file}`);
  }
  console.log(`${ran.length} sweeps, ${broken} broken promises, ${skipped} skipped; seed ${options.seed}`);
  return broken > 0 || (skipped > 0 && process.env["CI"]) ? 1 : 0;
}

const options = askedFor(optionsOf, USAGE);
process.exitCode = await run(options);
