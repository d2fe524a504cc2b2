import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import type { Sweep, SweepOptions, SweepReport } from "../sweep.js";
import { root } from "../../fixtures/guardian-runtime.js";
import { disposableDirectory } from "../../fixtures/temporary.js";
import { MUTANTS, type Mutant } from "./mutants.js";

/** What the tests need of the tree; the rest is only linked to. */
const COPIED = ["machines", "src", "test", "examples", "scripts", "bench"];
const LINKED = ["node_modules", "dist"];
/** A defect may well make a test wait for ever. */
const LONGEST_MS = 180_000;
/** Of each of these one defect in `npm test`: caught by tests that take a second, one in each of three layers. */
const QUICK = ["src/registry/claim-store.ts", "src/pod/agents/evidence.ts", "machines/pod.machine.ts"];

export const mutants: Sweep = {
  name: "mutants",
  title: "Our own tests, tested",
  about:
    "One rule at a time is taken out of the product, in a copy, and the tests that are meant to notice are run on it: at least one must fail, and all of them pass on the copy as it is.",
  notCovered: ["Defects that nobody thought of: these are chosen by hand, not generated."],
  run,
};

/** What became of one defect. */
interface Verdict {
  readonly mutant: Mutant;
  /** The full names of the tests that failed; empty: it was not caught. */
  readonly caughtBy: readonly string[];
  readonly trouble?: string;
}

async function run({ quick, tell }: SweepOptions): Promise<SweepReport> {
  const stale = MUTANTS.flatMap((mutant) => misfit(mutant) ?? []);
  if (stale.length > 0) return { counts: [["deliberate defects that apply", 0]], violations: stale };
  using directory = disposableDirectory();
  const tree = copyTree(directory.path);
  const chosen = quick ? quickest() : MUTANTS;

  const unmutated = await failures(tree, [...new Set(chosen.flatMap(({ tests }) => tests))]);
  const violations =
    unmutated.failed.length > 0 || unmutated.trouble !== undefined
      ? [`without any defect: ${unmutated.trouble ?? unmutated.failed.join("; ")}`]
      : [];
  const verdicts: Verdict[] = [];
  for (const mutant of chosen) {
    const verdict = await judge(tree, mutant);
    verdicts.push(verdict);
    tell(`${verdict.caughtBy.length > 0 ? "caught" : "NOT CAUGHT"}: ${mutant.name}`);
  }
  const missed = verdicts.filter(({ caughtBy }) => caughtBy.length === 0);
  return {
    counts: [
      ["deliberate defects that apply", MUTANTS.length],
      ["of them run", verdicts.length],
      ["of them caught", verdicts.length - missed.length],
    ],
    violations: [
      ...violations,
      ...missed.map(({ mutant, trouble }) => `not caught: ${mutant.name} (${trouble ?? "all tests passed"})`),
    ],
    details: tableOf(verdicts),
  };
}

function quickest(): readonly Mutant[] {
  return QUICK.flatMap((file) => MUTANTS.find((mutant) => mutant.file === file) ?? []);
}

/** Why a defect cannot be applied; undefined if it can. */
function misfit({ name, file, find, tests }: Mutant): string | undefined {
  const found = fs.readFileSync(join(root, file), "utf8").split(find).length - 1;
  if (found !== 1) return `${name}: what it replaces stands ${found} times in ${file}`;
  const absent = tests.find((test) => !fs.existsSync(join(root, test)));
  return absent && `${name}: there is no ${absent}`;
}

async function judge(tree: string, mutant: Mutant): Promise<Verdict> {
  const file = join(tree, mutant.file);
  const text = fs.readFileSync(file, "utf8");
  fs.writeFileSync(
    file,
    text.replace(mutant.find, () => mutant.replace),
  );
  try {
    const { failed, trouble } = await failures(tree, mutant.tests);
    return { mutant, caughtBy: failed, ...(trouble !== undefined && { trouble }) };
  } finally {
    fs.writeFileSync(file, text);
  }
}

/** The tests that fail in this tree. `trouble`: they could not be run to their end. */
async function failures(
  tree: string,
  tests: readonly string[],
): Promise<{ readonly failed: readonly string[]; readonly trouble?: string }> {
  const report = join(tree, "report.json");
  fs.rmSync(report, { force: true });
  const vitest = join(tree, "node_modules/vitest/vitest.mjs");
  const args = [
    vitest,
    "run",
    "--reporter=json",
    `--outputFile=${report}`,
    "--bail=1",
    "--testTimeout=20000",
    ...tests,
  ];
  const said = await runToItsEnd(args, tree);
  if (!fs.existsSync(report))
    return { failed: [], trouble: said.trim().slice(-500) || "the tests did not run" };
  const { testResults } = JSON.parse(fs.readFileSync(report, "utf8")) as VitestReport;
  const failed = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === "failed").map(({ fullName }) => fullName),
  );
  const unloaded = testResults.find(
    ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
  );
  return { failed, ...(unloaded && { trouble: `${unloaded.name} could not be loaded` }) };
}

/** @returns what it said on standard error, or that it did not end */
async function runToItsEnd(args: readonly string[], tree: string): Promise<string> {
  const child = spawn(process.execPath, args, {
    cwd: tree,
    env: { ...process.env, CI: "" },
    // A group of its own: its workers must not outlive it.
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  const { pid } = child;
  const tooLong = setTimeout(() => {
    said = `not finished after ${LONGEST_MS} ms`;
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  }, LONGEST_MS);
  try {
    await once(child, "close");
  } finally {
    clearTimeout(tooLong);
  }
  return said;
}

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

function copyTree(into: string): string {
  for (const name of COPIED) fs.cpSync(join(root, name), join(into, name), { recursive: true });
  for (const name of LINKED) fs.symlinkSync(join(root, name), join(into, name));
  for (const entry of fs.readdirSync(root, { withFileTypes: true })) {
    if (entry.isFile()) fs.copyFileSync(join(root, entry.name), join(into, entry.name));
  }
  return into;
}

function tableOf(verdicts: readonly Verdict[]): string {
  return [
    "| defect | breaks | caught by |",
    "| --- | --- | --- |",
    ...verdicts.map(({ mutant, caughtBy }) => {
      const first = caughtBy[0]?.replaceAll("|", "\\|") ?? "**nothing**";
      return `| ${mutant.name} | ${mutant.breaks} | ${first} |`;
    }),
  ].join("\n");
}
