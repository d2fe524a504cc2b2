import { execFile } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import { promisify } from "node:util";
import { format, resolveConfig } from "prettier";
import type { Sweep, SweepReport } from "./sweep.js";

/** One sweep as it went. */
export interface Ran {
  readonly sweep: Sweep;
  readonly report: SweepReport;
  readonly seconds: number;
}

/** Writes docs/reliability.md: nothing in it is written by hand but the sentences of the sweeps themselves. */
export async function writeReport(file: string, ran: readonly Ran[], seed: number): Promise<void> {
  const lines = [
    "# Reliability",
    "",
    "<!-- Written by `npm run test:faults`. Do not edit. -->",
    "",
    "What was done to launch-claim to make it break one of its promises, how often, and what came of it. A sweep is green if no promise was",
    "broken in it. Rerun all of it with `npm run test:faults`, one sweep with `npm run test:faults -- --only NAME`; what is random is drawn from",
    `the seed (\`--seed N\`; here ${seed}). \`npm test\` runs a quick part of each.`,
    "",
    await machine(),
    "",
    "| sweep | counted | broken promises | seconds |",
    "| --- | --- | --- | --- |",
    ...ran.map(summaryRow),
    "",
    ...ran.flatMap(section),
  ];
  const options = await resolveConfig(file);
  fs.writeFileSync(file, await format(lines.join("\n"), { ...options, filepath: file }));
}

function summaryRow({ sweep, report, seconds }: Ran): string {
  const counted = report.counts.map(([what, count]) => `${count} ${what}`).join(", ");
  return `| \`${sweep.name}\` | ${counted || "nothing"} | ${report.violations.length} | ${seconds} |`;
}

function section({ sweep, report }: Ran): string[] {
  const list = (heading: string, items: readonly string[]) =>
    items.length === 0 ? [] : [heading, "", ...items.map((item) => `- ${item}`), ""];
  return [
    `## ${sweep.title}`,
    "",
    sweep.about,
    "",
    ...list("Broken promises:", report.violations),
    ...list("Skipped on this machine:", report.skipped ?? []),
    ...(report.details === undefined ? [] : [report.details.trim(), ""]),
    ...list("Not covered:", sweep.notCovered),
    `Rerun: \`npm run test:faults -- --only ${sweep.name}\``,
    "",
  ];
}

async function machine(): Promise<string> {
  const firstLine = async (program: string, ...args: string[]) => {
    try {
      const { stdout } = await promisify(execFile)(program, args);
      return stdout.split("\n")[0] ?? "";
    } catch {
      return `${program}: not there`;
    }
  };
  const [strace, commit] = await Promise.all([
    firstLine("strace", "--version"),
    firstLine("git", "rev-parse", "--short", "HEAD"),
  ]);
  const cpu = os.cpus()[0]?.model ?? "unknown processor";
  const versions = [`Node ${process.versions.node}`, `${os.type()} ${os.release()}`, strace].join(", ");
  const on = new Date().toISOString().slice(0, 10);
  return `Run on ${on} at commit ${commit}; ${versions}; ${os.cpus().length} × ${cpu}.`;
}
