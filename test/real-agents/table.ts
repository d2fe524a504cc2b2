/** The tables as they are printed, and as they stand in docs/agents.md. */
import type { Measured } from "./measure-cell.js";
import type { MeasuredRestore } from "./restore-cell.js";
import type { MeasuredRestored } from "./restored-cell.js";

const WIDTHS = [10, 6, 10, 38, 30, 7, 7, 7, 6, 11] as const;

export const TABLE_HEAD = row([
  "agent",
  "model",
  "outcome",
  "code or why",
  "accepted by",
  "ready",
  "decided",
  "total",
  "claims",
  "left at 10 s",
]);

export function cellLine(measured: Measured): string {
  return row(cellsOf(measured));
}

export function cellsOf(measured: Measured): string[] {
  const { agent, mode, status, kind, level, readyMs, decidedMs, totalMs, claims, processesLater } = measured;
  return [
    agent,
    mode,
    status,
    whyOf(measured),
    kind === undefined ? "" : `${level ?? ""}: ${kind}`,
    seconds(readyMs),
    seconds(decidedMs),
    seconds(totalMs),
    String(claims),
    String(processesLater),
  ];
}

export function restoreLine(measured: MeasuredRestore): string {
  const { agent, killed } = measured;
  const told = restoreRows(measured).map(
    ([, , method, answer, replayed]) => `${method} ${answer} (${replayed} updates)`,
  );
  return `${agent.padEnd(10)} killed ${killed}: ${told.join("; ")}`;
}

export function restoredLine(measured: MeasuredRestored): string {
  const [agent = "", killed, status, why, states, asked, claims, left] = restoredCells(measured);
  const told = why === "" ? "" : ` (${why})`;
  return `${agent.padEnd(10)} killed ${killed}, restore: ${status}${told}; claim ${states}; asked ${asked}, claims ${claims}, left ${left}`;
}

export function restoredCells(measured: MeasuredRestored): string[] {
  const { agent, killed, status, why, states, asked, claims, left } = measured;
  return [agent, killed, status, why, states.join(", then "), ...[asked, claims, left].map(String)];
}

export function restoreRows({
  agent,
  killed,
  ways,
}: MeasuredRestore): [string, string, string, string, string][] {
  if (ways.length === 0) return [[agent, killed, "nothing is offered", "", ""]];
  return ways.map(({ method, answer, replayed }) => [agent, killed, method, answer, String(replayed)]);
}

function whyOf({ status, phase, code, afterStop }: Measured): string {
  if (status === "claimed") return `${afterStop ?? "not"} when stopped`;
  return `${code ?? "no answer"} (${phase ?? ""})`;
}

export function seconds(ms: number | undefined): string {
  return ms === undefined ? "" : `${(ms / 1000).toFixed(1)} s`;
}

function row(cells: readonly string[]): string {
  return cells
    .map((cell, index) => cell.padEnd(WIDTHS[index] ?? 0))
    .join(" ")
    .trimEnd();
}
