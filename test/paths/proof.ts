/**
 * `npm run proof`: one row a path, from a run of it. Every cell was measured from outside (directory listings, the process table,
 * the kernel's list of locks); a row that is not as its ending demands is named below the table, and the exit code is 1.
 *
 * Options: `--real` or `--simulated` for one of the two tables, `--json` for one line a row.
 */
import { shortestPaths, simplePaths, type LaunchPath } from "launch-claim/testing";
import { disposableDirectory } from "../fixtures/temporary.js";
import { told, violations, adoptedIn, type PathRun } from "./demand.js";
import { RealWorld } from "./real.js";
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
const unknown = [...asked].filter((option) => !["--real", "--simulated", "--json"].includes(option));
if (unknown.length > 0) {
  console.error(`unknown option ${unknown.join(", ")}; there are --real, --simulated and --json`);
  process.exit(2);
}
const both = !asked.has("--real") && !asked.has("--simulated");
const broken: string[] = [];

if (both || asked.has("--simulated")) {
  using directory = disposableDirectory();
  const world = new SimulatedWorld(directory.path);
  await table("Every simple path, simulated clock, real registry and locks", simplePaths(), (path) =>
    world.run(path),
  );
}
if (both || asked.has("--real")) {
  using directory = disposableDirectory();
  const world = new RealWorld(directory.path);
  await world.peer();
  try {
    await table("Every shortest path, real processes and time", shortestPaths(), (path) => world.run(path));
  } finally {
    await world.close();
  }
}
for (const line of broken) console.log(`BROKEN  ${line}`);
process.exitCode = broken.length > 0 ? 1 : 0;

async function table(
  title: string,
  paths: readonly LaunchPath[],
  run: (path: LaunchPath) => Promise<PathRun>,
): Promise<void> {
  const widths = { outcome: 10, claims: 8, sessions: 13, processes: 17, locks: 21, retry: 28, prompts: 7 };
  if (!asked.has("--json")) {
    console.log(`\n${title}: ${paths.length} paths\n`);
    console.log([...columns.map((column) => headings[column].padEnd(widths[column])), "path"].join("  "));
    console.log("─".repeat(150));
  }
  let held = 0;
  for (const path of paths) {
    try {
      const measured = await run(path);
      const row = rowOf(measured);
      const wrong = [...violations(measured), ...unmeasured(row)];
      if (wrong.length === 0) held += 1;
      else broken.push(`${path.title}: ${wrong.join("; ")}`);
      if (asked.has("--json")) console.log(JSON.stringify({ ...row, violations: wrong }));
      else {
        const cells = columns.map((column) => row[column].padEnd(widths[column]));
        console.log([...cells, row.path].join("  ").trimEnd());
      }
    } catch (error) {
      broken.push(`${path.title}: no measurement: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (!asked.has("--json")) console.log(`\n${held} of ${paths.length} rows are as their ending demands`);
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
