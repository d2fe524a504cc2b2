/**
 * `npm run proof`: one row a path, from a run of it. Every cell was measured from outside (directory listings, the process table,
 * the kernel's list of locks); a row that is not as its ending demands is named below the table, and the exit code is 1.
 *
 * Options: `--simulated`, `--real`, `--guardian`, `--restore-simulated` and `--restore-guardian` for these of the five tables alone,
 * `--json` for one line a row.
 */
import {
  shortestPaths,
  shortestRestorePaths,
  simplePaths,
  simpleRestorePaths,
  type LaunchPath,
  type MachinePath,
} from "launch-claim/testing";
import { disposableDirectory } from "../fixtures/temporary.js";
import { told, violations, adoptedIn, type PathRun } from "./demand.js";
import { guardianViolations, guardianWorld } from "./guardian.js";
import type { ProcessWorld } from "./process-world.js";
import { realWorld } from "./real.js";
import type { Observed } from "./observe.js";
import { restoreViolations, toldOf, type RestoreRun } from "./restore-demand.js";
import { guardianRestoreViolations, RestoreWorld } from "./restore-guardian.js";
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
  retry: "a second one",
  prompts: "prompts",
};

const asked = new Set(process.argv.slice(2));
const tables = ["--simulated", "--real", "--guardian", "--restore-simulated", "--restore-guardian"];
const options = [...tables, "--json"];
const unknown = [...asked].filter((option) => !options.includes(option));
if (unknown.length > 0) {
  console.error(`unknown option ${unknown.join(", ")}; there are ${options.join(", ")}`);
  process.exit(2);
}
const all = !tables.some((option) => asked.has(option));
const broken: string[] = [];

if (all || asked.has("--simulated")) {
  using directory = disposableDirectory();
  const world = new SimulatedWorld(directory.path);
  await table({
    title: "Every simple path, simulated clock, real registry and locks",
    paths: simplePaths(),
    run: (path) => world.run(path),
    wrongIn: violations,
    rowOf,
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
if (all || asked.has("--restore-simulated")) {
  using directory = disposableDirectory();
  const world = new SimulatedWorld(directory.path);
  await table({
    title: "Every simple path of a restore, simulated clock, real registry and locks",
    paths: simpleRestorePaths(),
    run: (path) => world.restore(path),
    wrongIn: restoreViolations,
    rowOf: restoreRowOf,
    sideBySide: 1,
  });
}
if (all || asked.has("--restore-guardian")) {
  using directory = disposableDirectory();
  const world = new RestoreWorld(directory.path);
  await table({
    title: "Every shortest path of a restore, a scripted agent under the guardian",
    paths: shortestRestorePaths(),
    run: (path) => world.run(path),
    wrongIn: guardianRestoreViolations,
    rowOf: restoreRowOf,
    sideBySide: 3,
  });
  world.close();
}
for (const line of broken) console.log(`BROKEN  ${line}`);
process.exitCode = broken.length > 0 ? 1 : 0;

interface Table<Path extends MachinePath, Run> {
  readonly title: string;
  readonly paths: readonly Path[];
  readonly run: (path: Path) => Promise<Run>;
  readonly wrongIn: (run: Run) => string[];
  readonly rowOf: (run: Run) => Row;
  /** How many paths run at a time. */
  readonly sideBySide: number;
}

async function tableOf(
  open: (directory: string) => ProcessWorld,
  about: Pick<Table<LaunchPath, PathRun>, "title" | "wrongIn" | "sideBySide">,
): Promise<void> {
  using directory = disposableDirectory();
  const world = open(directory.path);
  try {
    await world.open();
    await table({ ...about, rowOf, paths: shortestPaths(), run: (path) => world.run(path) });
  } finally {
    await world.close();
  }
}

async function table<Path extends MachinePath, Run>(about: Table<Path, Run>): Promise<void> {
  const { title, paths, run, wrongIn, sideBySide } = about;
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
    const row = about.rowOf(result.value);
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
async function* inOrder<Path extends MachinePath, Run>(
  paths: readonly Path[],
  run: (path: Path) => Promise<Run>,
  sideBySide: number,
): AsyncGenerator<readonly [Path, PromiseSettledResult<Run>]> {
  const waiting = [...paths];
  const underWay: { path: Path; result: Promise<PromiseSettledResult<Run>> }[] = [];
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
  const prompts = String(after.launches.get(mine)?.prompts ?? 0);
  const ends = { outcome: outcome.status, retry: told(run.retry), prompts };
  return { ...measured(after, mine, whose), ...ends, path: named(path, injected) };
}

function restoreRowOf(run: RestoreRun): Row {
  const { path, outcome, after, launchId, restores, injected } = run;
  const whose = (id: string) => (id === launchId ? "ours" : id === restores ? "stood" : "other's");
  const promptsOf = (id: string) => after.launches.get(id)?.prompts ?? 0;
  const prompts = `${promptsOf(restores)}, ${promptsOf(launchId)}`;
  const ends = { outcome: outcome.status, retry: toldOf(run.retry), prompts };
  return { ...measured(after, launchId, whose), ...ends, path: named(path, injected) };
}

function measured(
  after: Observed,
  launchId: string,
  whose: (id: string) => string,
): Pick<Row, "claims" | "sessions" | "processes" | "locks"> {
  const list = (ids: readonly string[]) => (ids.length === 0 ? "none" : ids.map(whose).join(", "));
  const processes = after.launches.get(launchId)?.processes ?? [];
  return {
    claims: list(after.claims),
    sessions: list(after.sessions),
    processes:
      processes.length === 0 ? "none" : processes.map((pid) => (pid === 0 ? "Pod" : String(pid))).join(", "),
    locks: `${after.launchLock}, ${after.podLock}`,
  };
}

function named({ title }: MachinePath, injected: readonly string[]): string {
  return injected.length === 0 ? title : `${title} [injected: ${injected.join("; ")}]`;
}

/** A row without a measurement fails. */
function unmeasured(row: Row): string[] {
  return columns
    .filter((column) => row[column] === "")
    .map((column) => `${headings[column]} was not measured`);
}
