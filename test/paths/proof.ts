/**
 * `npm run proof`: one row a path, from a run of it. Every cell was measured from outside (directory listings, the process table,
 * the kernel's list of locks); a row that is not as its ending demands is named below the table, and the exit code is 1.
 *
 * Options: `--simulated`, `--real` and `--guardian` for these of the three tables alone, `--json` for one line a row.
 */
import { shortestPaths, simplePaths, type LaunchPath } from "launch-claim/testing";
import { disposableDirectory } from "../fixtures/temporary.js";
import { told, violations, adoptedIn, type PathRun } from "./demand.js";
import { guardianViolations, guardianWorld } from "./guardian.js";
import type { ProcessWorld } from "./process-world.js";
import { realWorld } from "./real.js";
import { SimulatedWorld } from "./simulated.js";

interface Row {
  readonly path: string;
  readonly outcome: string;
  readonly claims: string;
  readonly sessions: string;
  readonly processes: string;
  readonly locks: string;
  readonly retry: string;
  readonly prompts: string;
}

const columns = ["outcome", "claims", "sessions", "processes", "locks", "retry", "prompts"] as const;
const headings: Readonly<Record<keyof Row, string>> = {
  path: "path",
  outcome: "outcome",
  claims: "claims",
  sessions: "role sessions",
  processes: "processes",
  locks: "launch lock, Pod lock",
  retry: "a second launch",
  prompts: "prompts",
};

const asked = new Set(process.argv.slice(2));
const options = ["--simulated", "--real", "--guardian", "--json"];
const unknown = [...asked].filter((option) => !options.includes(option));
if (unknown.length > 0) {
  console.error(`unknown option ${unknown.join(", ")}; there are ${options.join(", ")}`);
  process.exit(2);
}
const all = !asked.has("--simulated") && !asked.has("--real") && !asked.has("--guardian");
const broken: string[] = [];

if (all || asked.has("--simulated")) {
  using directory = disposableDirectory();
  const world = new SimulatedWorld(directory.path);
  await table({
    title: "Every simple path, simulated clock, real registry and locks",
    paths: simplePaths(),
    run: (path) => world.run(path),
    wrongIn: violations,
    sideBySide: 1,
  });
}
if (all || asked.has("--real")) {
  await tableOf(realWorld, {
    title: "Every shortest path, real processes and time",
    wrongIn: violations,
    sideBySide: 1,
  });
}
if (all || asked.has("--guardian")) {
  await tableOf(guardianWorld, {
    title: "Every shortest path, a scripted agent under the guardian",
    wrongIn: guardianViolations,
    sideBySide: 3,
  });
}
for (const line of broken) console.log(`BROKEN  ${line}`);
process.exitCode = broken.length > 0 ? 1 : 0;

interface Table {
  readonly title: string;
  readonly paths: readonly LaunchPath[];
  readonly run: (path: LaunchPath) => Promise<PathRun>;
  readonly wrongIn: (run: PathRun) => string[];
  /** How many paths run at a time. */
  readonly sideBySide: number;
}

async function tableOf(
  open: (directory: string) => ProcessWorld,
  about: Pick<Table, "title" | "wrongIn" | "sideBySide">,
): Promise<void> {
  using directory = disposableDirectory();
  const world = open(directory.path);
  try {
    await world.open();
    await table({ ...about, paths: shortestPaths(), run: (path) => world.run(path) });
  } finally {
    await world.close();
  }
}

async function table({ title, paths, run, wrongIn, sideBySide }: Table): Promise<void> {
  const widths = { outcome: 10, claims: 8, sessions: 13, processes: 22, locks: 21, retry: 40, prompts: 7 };
  if (!asked.has("--json")) {
    console.log(`\n${title}: ${paths.length} paths\n`);
    console.log([...columns.map((column) => headings[column].padEnd(widths[column])), "path"].join("  "));
    console.log("─".repeat(150));
  }
  let held = 0;
  for await (const [path, result] of inOrder(paths, run, sideBySide)) {
    if (result.status === "rejected") {
      const error: unknown = result.reason;
      broken.push(`${path.title}: no measurement: ${error instanceof Error ? error.message : String(error)}`);
      continue;
    }
    const row = rowOf(result.value);
    const wrong = [...wrongIn(result.value), ...unmeasured(row)];
    if (wrong.length === 0) held += 1;
    else broken.push(`${path.title}: ${wrong.join("; ")}`);
    if (asked.has("--json")) console.log(JSON.stringify({ ...row, violations: wrong }));
    else {
      const cells = columns.map((column) => row[column].padEnd(widths[column]));
      console.log([...cells, row.path].join("  ").trimEnd());
    }
  }
  if (!asked.has("--json")) console.log(`\n${held} of ${paths.length} rows are as their ending demands`);
}

/** Some at a time; told in the order of the paths. */
async function* inOrder(
  paths: readonly LaunchPath[],
  run: Table["run"],
  sideBySide: number,
): AsyncGenerator<readonly [LaunchPath, PromiseSettledResult<PathRun>]> {
  const waiting = [...paths];
  const underWay: { path: LaunchPath; result: Promise<PromiseSettledResult<PathRun>> }[] = [];
  const startOne = (): void => {
    const path = waiting.shift();
    if (path) underWay.push({ path, result: Promise.allSettled([run(path)]).then(([result]) => result) });
  };
  while (underWay.length < sideBySide && waiting.length > 0) startOne();
  for (let next = underWay.shift(); next; next = underWay.shift()) {
    const result = await next.result;
    startOne();
    yield [next.path, result];
  }
}

function rowOf(run: PathRun): Row {
  const { path, outcome, after, launchId, injected, before } = run;
  const adopted = adoptedIn(run);
  const mine = adopted ?? launchId;
  const whose = (id: string) =>
    id === mine ? (adopted ? "adopted" : "ours") : before.claims.includes(id) ? "stood" : "other's";
  const list = (ids: readonly string[]) => (ids.length === 0 ? "none" : ids.map(whose).join(", "));
  const { processes, prompts } = after.launches.get(mine) ?? { processes: [], prompts: 0 };
  return {
    path: injected.length === 0 ? path.title : `${path.title} [injected: ${injected.join("; ")}]`,
    outcome: outcome.status,
    claims: list(after.claims),
    sessions: list(after.sessions),
    processes:
      processes.length === 0 ? "none" : processes.map((pid) => (pid === 0 ? "Pod" : String(pid))).join(", "),
    locks: `${after.launchLock}, ${after.podLock}`,
    retry: told(run.retry),
    prompts: String(prompts),
  };
}

/** A row without a measurement fails. */
function unmeasured(row: Row): string[] {
  return columns
    .filter((column) => row[column] === "")
    .map((column) => `${headings[column]} was not measured`);
}
