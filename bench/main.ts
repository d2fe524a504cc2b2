// npm run bench [-- --quick]. Measures, and says plainly what misses its target; it is no test, and so no failure.
import fs from "node:fs";
import os from "node:os";
import { parseArgs } from "node:util";
import { benchCommit } from "./commit.js";
import { benchGuardian } from "./guardian.js";
import { benchInFlight } from "./inflight.js";
import { benchLaunch } from "./launch.js";
import { benchLocks } from "./locks.js";
import type { BenchOptions, Row } from "./measure.js";
import { disposeAll, removeScratch, scratchDirectory } from "./scratch.js";
import { benchStates } from "./states.js";

const sections: Readonly<Record<string, (options: BenchOptions) => Promise<Row[]>>> = {
  commit: benchCommit,
  guardian: benchGuardian,
  inflight: benchInFlight,
  launch: benchLaunch,
  locks: benchLocks,
  states: benchStates,
};

const { values, positionals } = parseArgs({
  options: { quick: { type: "boolean", default: false } },
  allowPositionals: true,
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    disposeAll();
    process.exit(signal === "SIGINT" ? 130 : 143);
  });
}

try {
  const start = performance.now();
  const rows: Row[] = [];
  for (const [name, bench] of Object.entries(sections)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    console.error(`measuring ${name} …`);
    rows.push(...(await bench(values)));
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  console.log(machine());
  console.log(`medians, in parentheses the quartiles; ${seconds} s${values.quick ? "; a smoke run" : ""}\n`);
  console.log(table(rows));
  console.log(`\n${verdict(rows)}`);
} finally {
  disposeAll();
}

function machine(): string {
  const cpus = os.cpus();
  const directory = scratchDirectory();
  const type = fileSystemOf(directory);
  removeScratch(directory);
  return `${cpus[0]?.model ?? "unknown CPU"}, ${cpus.length} cores, ${os.type()} ${os.release()}, Node ${process.version}, ${type}`;
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

function table(rows: readonly Row[]): string {
  const cells = [
    ["what", "measured", "target", "met?", "compared"],
    ...rows.map(({ what, measured, target, detail }) => [
      what,
      measured,
      target?.text ?? "–",
      target === undefined ? "–" : target.met ? "yes" : "NO",
      detail,
    ]),
  ];
  const widths =
    cells[0]?.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0))) ?? [];
  return cells
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function verdict(rows: readonly Row[]): string {
  const targets = rows.filter(({ target }) => target !== undefined);
  const missed = targets.filter(({ target }) => target?.met === false);
  if (missed.length === 0) return `All ${targets.length} targets are met.`;
  return [
    `${missed.length} of ${targets.length} targets are MISSED:`,
    ...missed.map(({ what, measured, target }) => `  ${what}: ${measured}, should be ${target?.text ?? ""}`),
  ].join("\n");
}
