/** Tables as text: aligned for a terminal, and in Markdown. */
import { isMet, shownMeasure, shownTarget, type Row } from "./rows.js";

/** Lines of cells, the head first. */
export type Cells = readonly (readonly string[])[];

export function cellsOf(rows: readonly Row[]): Cells {
  return [
    ["what", "compared with", "measured", "target", "met", "in absolute terms"],
    ...rows.map((row) => [
      row.what,
      row.against ?? "–",
      shownMeasure(row),
      row.target ? shownTarget(row, row.target) : "–",
      row.target ? (isMet(row, row.target) ? "yes" : "NO") : "–",
      row.detail,
    ]),
  ];
}

export function aligned(cells: Cells): string {
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((line) => line[column]?.length ?? 0)),
  );
  return cells
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export function markdown([head = [], ...lines]: Cells): string {
  const written = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [written(head), written(head.map(() => "---")), ...lines.map(written)].join("\n");
}

/** How many targets there are, and each that was missed. */
export function verdict(rows: readonly Row[]): {
  readonly sentence: string;
  readonly missed: readonly string[];
} {
  const withTarget = rows.flatMap((row) => (row.target ? [{ row, target: row.target }] : []));
  const missed = withTarget
    .filter(({ row, target }) => !isMet(row, target))
    .map(({ row, target }) => {
      const against = row.against ? ` / ${row.against}` : "";
      return `${row.what}${against}: ${shownMeasure(row)}, should be ${shownTarget(row, target)}`;
    });
  const sentence =
    missed.length === 0
      ? `All ${withTarget.length} targets are met.`
      : `${missed.length} of ${withTarget.length} targets are MISSED.`;
  return { sentence, missed };
}
