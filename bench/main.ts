// npm run bench. Measures, and says plainly what misses its target; it is no test, and so no failure. A whole run writes docs/bench.md.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { format, resolveConfig } from "prettier";
import { askedFor } from "../test/fixtures/asked-for.js";
import { benchCommit } from "./commit.js";
import { benchGuardian } from "./guardian.js";
import { benchInFlight } from "./inflight.js";
import { benchLaunch } from "./launch.js";
import { benchLocks } from "./locks.js";
import type { BenchOptions } from "./measure.js";
import { documentOf, sameWorkCells, svgOf, type Run } from "./report.js";
import type { Row } from "./rows.js";
import { compareStores, type SameWork } from "./same-work/compare-stores.js";
import { disposeAll, removeScratch, scratchDirectory } from "./scratch.js";
import { benchStates } from "./states.js";
import { aligned, cellsOf, verdict } from "./table.js";

/** In this order: what a process holds is measured before others have filled it. */
const sections: Readonly<Record<string, (options: BenchOptions) => Promise<Row[]>>> = {
  inflight: benchInFlight,
  guardian: benchGuardian,
  launch: benchLaunch,
  locks: benchLocks,
  commit: benchCommit,
  states: benchStates,
};
const SAME_WORK = "same-work";

const USAGE = `npm run bench -- [--quick] [--no-install] [--document DIR] [SECTION]…
  SECTION          ${Object.keys(sections).join(" ")} ${SAME_WORK}; default: all
  --quick          a smoke run: fewer rounds, smaller numbers; what it measures proves little
  --no-install     does not install better-sqlite3 into the cache where it is missing; it is skipped then
  --document DIR   where bench.md and bench.svg go; default: docs, and only after a whole run`;

type Options = ReturnType<typeof optionsOf>;

function optionsOf(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    options: {
      quick: { type: "boolean", default: false },
      "no-install": { type: "boolean", default: false },
      document: { type: "string" },
    },
    allowPositionals: true,
  });
  const unknown = positionals.find((name) => name !== SAME_WORK && !Object.hasOwn(sections, name));
  if (unknown !== undefined) throw new Error(`there is no section ${unknown}`);
  const whole = positionals.length === 0 && !values.quick;
  return {
    quick: values.quick,
    install: !values["no-install"],
    isAsked: (name: string) => positionals.length === 0 || positionals.includes(name),
    documents: values.document ?? (whole ? fileURLToPath(new URL("../../docs", import.meta.url)) : undefined),
  };
}

async function measured({ isAsked, ...options }: Options): Promise<Run> {
  // Said before the run adds its own.
  const machine = machineLine();
  const start = performance.now();
  const rows: Row[] = [];
  for (const [name, bench] of Object.entries(sections)) {
    if (!isAsked(name)) continue;
    console.error(`measuring ${name} …`);
    rows.push(...(await bench(options)));
  }
  let sameWork: SameWork | undefined;
  if (isAsked(SAME_WORK)) {
    console.error(`measuring ${SAME_WORK} …`);
    sameWork = await compareStores(options);
  }
  const seconds = Math.round((performance.now() - start) / 1000);
  return { rows, ...(sameWork && { sameWork }), machine, seconds, quick: options.quick };
}

function tell({ rows, sameWork, machine, seconds, quick }: Run): void {
  console.log(machine);
  console.log(`medians, in parentheses the quartiles; ${seconds} s${quick ? "; a smoke run" : ""}`);
  if (rows.length > 0) {
    const { sentence, missed } = verdict(rows);
    console.log(`\n${aligned(cellsOf(rows))}\n\n${[sentence, ...missed].join("\n  ")}`);
  }
  if (sameWork) {
    console.log("\nthe same work; in parentheses what ours costs, divided by that");
    console.log(`\n${aligned(sameWorkCells(sameWork))}`);
    for (const skipped of sameWork.skipped) console.log(`\nSKIPPED: ${skipped}`);
  }
}

async function writeDocuments(directory: string, run: Run): Promise<void> {
  fs.mkdirSync(directory, { recursive: true });
  const file = join(directory, "bench.md");
  const style = (await resolveConfig(fileURLToPath(import.meta.url))) ?? {};
  fs.writeFileSync(file, await format(documentOf(run), { ...style, parser: "markdown" }));
  fs.writeFileSync(join(directory, "bench.svg"), svgOf(run));
  console.log(`written: ${file}`);
}

function machineLine(): string {
  const directory = scratchDirectory();
  const type = fileSystemOf(directory);
  removeScratch(directory);
  const cpus = os.cpus();
  return [
    `${new Date().toISOString().slice(0, 10)}, commit ${commit()}`,
    `Node ${process.versions.node}, ${os.type()} ${os.release()}, ${type}`,
    `${cpus.length} × ${cpus[0]?.model ?? "unknown processor"}`,
    `load ${os.loadavg()[0]?.toFixed(1) ?? "unknown"} at the start`,
  ].join("; ");
}

function commit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}

function fileSystemOf(directory: string): string {
  const names: Readonly<Record<number, string>> = {
    0xef53: "ext4",
    0x58465342: "xfs",
    0x9123683e: "btrfs",
    0x794c7630: "overlayfs",
    0x2fc12fc1: "zfs",
  };
  const { type } = fs.statfsSync(directory);
  return names[type] ?? `file system 0x${type.toString(16)}`;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    disposeAll();
    process.exit(signal === "SIGINT" ? 130 : 143);
  });
}

const options = askedFor(optionsOf, USAGE);
try {
  const run = await measured(options);
  tell(run);
  if (options.documents !== undefined) await writeDocuments(options.documents, run);
} finally {
  disposeAll();
}
