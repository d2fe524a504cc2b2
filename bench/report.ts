/** What a run leaves: docs/bench.md and docs/bench.svg. Nothing in them is written by hand but the sentences here and of the stores. */
import { plotSvg, type TargetMark } from "./plot.js";
import { isMet, shownMeasure, shownMs, shownRatio, shownTarget, type Row } from "./rows.js";
import type { SameWork, Side, Work } from "./same-work/compare-stores.js";
import { cellsOf, markdown, verdict, type Cells } from "./table.js";

export interface Run {
  readonly rows: readonly Row[];
  /** Absent if it was not asked for. */
  readonly sameWork?: SameWork;
  /** Machine, versions, date and load, as one line. */
  readonly machine: string;
  readonly seconds: number;
  readonly quick: boolean;
}

export function documentOf(run: Run): string {
  const { rows, sameWork, machine, seconds, quick } = run;
  const { sentence, missed } = verdict(rows);
  return `# Benchmark

<!-- Written by \`npm run bench\`. Do not edit. -->

What launch-claim costs, as ratios to the same work without it, and beside what people would pick instead. Both sides of a ratio are timed in
turn, and the ratio is taken within each round: what slows the machine down slows both. Medians, in parentheses the quartiles.

${machine}; ${seconds} s${quick ? "; a smoke run, which proves little" : ""}.

![Each measure beside its target, and the same work in other stores](bench.svg)

${markdown(cellsOf(rows))}

${[sentence, ...missed.map((one) => `- ${one}`)].join("\n")}
${sameWork ? `\n${sameWorkSection(sameWork)}` : ""}
Rerun: \`npm run bench\`; a smoke run of one section: \`npm run bench -- --quick commit\`.
`;
}

function sameWorkSection({ kinds, works, skipped }: SameWork): string {
  const lines = (items: readonly string[]) => items.map((item) => `- ${item}\n`).join("");
  const undone = kinds.filter(({ notDone }) => notDone.length > 0);
  return `## The same work, done by what people would pick instead

_claim_: take the ticket for oneself alone, write its claim durably, let go of the ticket. _release_: the same for its end. _states_: ask for all
claims and how they stand. In parentheses what ours costs, divided by that.

${markdown(sameWorkCells({ works }))}

How each was used:

${lines(kinds.map(({ name, how }) => `**${name}**: ${how}`))}
None of the others does what launch-claim is for. What they leave undone:

${lines(undone.flatMap(({ name, notDone }) => notDone.map((sentence) => `**${name}**: ${sentence}`)))}${
    skipped.length > 0 ? `\nSkipped on this machine:\n\n${lines(skipped)}` : ""
  }`;
}

export function sameWorkCells({ works }: Pick<SameWork, "works">): Cells {
  const [first] = works;
  if (!first) return [];
  const order = (["claim", "release", "states"] as const).flatMap((work) =>
    works.filter((one) => one.work === work),
  );
  return [
    ["work", "claims present", ...first.sides.map(({ name }) => name)],
    ...order.map(({ work, present, sides }) => [work, present.toLocaleString("en"), ...sides.map(sideCell)]),
  ];
}

function sideCell({ cost, ratio }: Side): string {
  if (!ratio) return shownMs(cost);
  const { p25, median, p75 } = ratio;
  const [absolute = ""] = shownMs(cost).split(" (");
  return `${absolute} (${shownRatio(median)}; ${shownRatio(p25)}–${shownRatio(p75)})`;
}

export function svgOf({ rows, sameWork, machine }: Run): string {
  const panelOf = (title: string, which: Work["work"]) => ({
    title,
    lines: (sameWork?.kinds ?? []).map((_, side) =>
      (sameWork?.works ?? [])
        .filter(({ work }) => work === which)
        .flatMap(({ present, sides }) =>
          sides.slice(side, side + 1).map(({ cost }) => ({ x: present, y: cost })),
        ),
    ),
  });
  return plotSvg({
    title: "What launch-claim costs",
    subtitle: machine,
    targets: rows.flatMap(targetMarkOf),
    series: sameWork?.kinds.map(({ name }) => name) ?? [],
    panels: sameWork
      ? [panelOf("To claim a ticket", "claim"), panelOf("To ask for the states of all claims", "states")]
      : [],
  });
}

function targetMarkOf(row: Row): TargetMark[] {
  const { what, measured, target } = row;
  if (!target) return [];
  const { limit, is } = target;
  const shareOf = (value: number) => (is === "most" ? value / limit : limit / value);
  const shares = [shareOf(measured.p25), shareOf(measured.p75)] as const;
  return [
    {
      label: what,
      share: { p25: Math.min(...shares), median: shareOf(measured.median), p75: Math.max(...shares) },
      met: isMet(row, target),
      value: `${shownMeasure({ ...row, measured: only(measured.median) })}, target ${shownTarget(row, target)}`,
    },
  ];
}

/** A measure without its quartiles: the plot draws them. */
function only(median: number) {
  return { p25: median, median, p75: median };
}
