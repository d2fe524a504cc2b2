/** The plot of a run: how each measure stands to its target, and what the same work costs in stores that hold more and more. */
import type { Spread } from "./measure.js";
import { element, line, mark, polyline, text, type Point } from "./svg.js";

export interface Plot {
  readonly title: string;
  readonly subtitle: string;
  readonly targets: readonly TargetMark[];
  /** What the lines of the panels are, in their order; ours is the first. */
  readonly series: readonly string[];
  readonly panels: readonly Panel[];
}

export interface TargetMark {
  readonly label: string;
  /** Of the limit; 1 just meets it. */
  readonly share: Spread;
  readonly met: boolean;
  /** What was measured, and the target. */
  readonly value: string;
}

export interface Panel {
  readonly title: string;
  /** One a series. */
  readonly lines: readonly (readonly LinePoint[])[];
}

export interface LinePoint {
  /** How many claims are there. */
  readonly x: number;
  /** In milliseconds. */
  readonly y: Spread;
}

const WIDTH = 980;
const EDGE = 24;
const ROW = 24;
const PANEL = { height: 300, gap: 40, left: 56, bottom: 44, top: 30 };
/** The share of a target at which the plot ends. What is beyond it is drawn at its edge. */
const MOST_SHARE = 2;

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #1f2937 }
  .title { font-size: 17px; font-weight: 600 } .heading { font-size: 13px; font-weight: 600 } .faint { fill: #6b7280 }
  .ground { fill: #ffffff } .grid { stroke: #e5e7eb } .target { stroke: #374151; stroke-dasharray: 4 3 }
  .met { fill: #15803d; stroke: #15803d } .missed { fill: #ffffff; stroke: #c2410c; stroke-width: 2 }
  .s0 { stroke: #1d4ed8; fill: #1d4ed8 } .s1 { stroke: #c2410c; fill: #c2410c } .s2 { stroke: #15803d; fill: #15803d }
  .s3 { stroke: #7e22ce; fill: #7e22ce } polyline { stroke-width: 1.5 } polyline.s0 { stroke-width: 2.5 }
  polyline.s0, polyline.s1, polyline.s2, polyline.s3 { fill: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #e5e7eb } .faint { fill: #9ca3af } .ground { fill: #0d1117 } .grid { stroke: #30363d } .target { stroke: #d1d5db }
    .met { fill: #4ade80; stroke: #4ade80 } .missed { fill: #0d1117; stroke: #fb923c }
    .s0 { stroke: #79b0ff; fill: #79b0ff } .s1 { stroke: #fb923c; fill: #fb923c } .s2 { stroke: #4ade80; fill: #4ade80 }
    .s3 { stroke: #d8a4fe; fill: #d8a4fe }
  }
`;

export function plotSvg({ title, subtitle, targets, series, panels }: Plot): string {
  const targetsTop = 76;
  const legendTop = targetsTop + 40 + targets.length * ROW + 20;
  const panelsTop = legendTop + (panels.length > 0 ? 52 : 0);
  const height = panelsTop + (panels.length > 0 ? PANEL.height + EDGE : 0);
  const width = (WIDTH - 2 * EDGE - PANEL.gap) / 2;
  const drawn = [
    element("style", {}, STYLE),
    element("rect", { class: "ground", width: WIDTH, height }),
    text(EDGE, 32, title, { class: "title" }),
    text(EDGE, 52, subtitle, { class: "faint" }),
    targetsAt(targetsTop, targets),
    ...(panels.length > 0 ? [legendAt(legendTop, series)] : []),
    ...panels.map((panel, index) =>
      panelAt({ x: EDGE + index * (width + PANEL.gap), y: panelsTop }, width, panel),
    ),
  ];
  const frame = {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${WIDTH} ${height}`,
    width: WIDTH,
    height,
    role: "img",
  };
  return `${element("svg", frame, element("title", {}, "Benchmark"), ...drawn.map((part) => `\n${part}`), "\n")}\n`;
}

function targetsAt(top: number, targets: readonly TargetMark[]): string {
  const left = 400;
  const right = 720;
  const at = (share: number) => left + ((right - left) * Math.min(share, MOST_SHARE)) / MOST_SHARE;
  const bottom = top + 40 + targets.length * ROW;
  const scale = [0, 0.5, 1, 1.5, MOST_SHARE].map((share) => {
    const grid = line(
      { x: at(share), y: top + 36 },
      { x: at(share), y: bottom },
      { class: share === 1 ? "target" : "grid" },
    );
    const words = share === 1 ? "target" : `${share} ×`;
    return grid + text(at(share), top + 28, words, { "text-anchor": "middle", class: "faint" });
  });
  const rows = targets.map(({ label, share, met, value }, index) => {
    const y = top + 40 + (index + 0.5) * ROW;
    const kind = met ? "met" : "missed";
    // Beyond the edge it points there.
    const dot =
      share.median > MOST_SHARE
        ? text(right + 4, y + 4, "▶", { class: "missed" })
        : mark(met ? 0 : 3, { x: at(share.median), y }, { class: kind });
    return [
      text(EDGE, y + 4, label),
      line({ x: at(share.p25), y }, { x: at(share.p75), y }, { class: kind, "stroke-width": 2 }),
      dot,
      text(right + 24, y + 4, value, met ? {} : { class: "heading" }),
    ].join("");
  });
  return [
    text(EDGE, top + 8, "Each measure as a share of its target", { class: "heading" }),
    ...scale,
    ...rows,
  ].join("\n");
}

function legendAt(top: number, series: readonly string[]): string {
  let x = EDGE;
  const entries = series.map((name, index) => {
    const kind = { class: `s${index % 4}` };
    const entry =
      polyline(
        [
          { x, y: top + 28 },
          { x: x + 28, y: top + 28 },
        ],
        kind,
      ) +
      mark(index, { x: x + 14, y: top + 28 }, kind) +
      text(x + 36, top + 32, name);
    x += 36 + name.length * 6.6 + 28;
    return entry;
  });
  const heading = "The same work, in stores that hold more and more claims (both axes logarithmic)";
  return [text(EDGE, top + 4, heading, { class: "heading" }), ...entries].join("\n");
}

function panelAt({ x, y }: Point, width: number, { title, lines }: Panel): string {
  const points = lines.flat();
  const xs = decades(points.map((point) => point.x));
  const ys = decades(points.flatMap((point) => [point.y.p25, point.y.p75]));
  const left = x + PANEL.left;
  const right = x + width - 8;
  const top = y + PANEL.top;
  const bottom = y + PANEL.height - PANEL.bottom;
  const atX = (value: number) => left + (right - left) * shareOf(value, xs);
  const atY = (value: number) => bottom - (bottom - top) * shareOf(value, ys);
  const grid = [
    ...xs.map(
      (value) =>
        line({ x: atX(value), y: top }, { x: atX(value), y: bottom }, { class: "grid" }) +
        text(atX(value), bottom + 18, value.toLocaleString("en"), {
          "text-anchor": "middle",
          class: "faint",
        }),
    ),
    ...ys.map(
      (value) =>
        line({ x: left, y: atY(value) }, { x: right, y: atY(value) }, { class: "grid" }) +
        text(left - 8, atY(value) + 4, durationOf(value), { "text-anchor": "end", class: "faint" }),
    ),
  ];
  const drawn = lines.map((one, index) => {
    const kind = { class: `s${index % 4}` };
    const marks = one.map(
      (point) =>
        line({ x: atX(point.x), y: atY(point.y.p25) }, { x: atX(point.x), y: atY(point.y.p75) }, kind) +
        mark(index, { x: atX(point.x), y: atY(point.y.median) }, kind),
    );
    const way = one.map((point) => ({ x: atX(point.x), y: atY(point.y.median) }));
    return polyline(way, kind) + marks.join("");
  });
  const axis = text((left + right) / 2, bottom + 36, "claims present", {
    "text-anchor": "middle",
    class: "faint",
  });
  // Ours last, above the others.
  return [text(x, y + 14, title, { class: "heading" }), ...grid, ...drawn.reverse(), axis].join("\n");
}

/** Powers of ten from below the least to above the most; at least one decade. */
function decades(values: readonly number[]): number[] {
  const first = Math.floor(Math.log10(Math.min(...values)) + 1e-9);
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...values)) - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
}

function shareOf(value: number, axis: readonly number[]): number {
  const first = Math.log10(axis[0] ?? 1);
  const last = Math.log10(axis.at(-1) ?? 10);
  return (Math.log10(value) - first) / (last - first);
}

/** Of a power of ten in milliseconds. */
function durationOf(ms: number): string {
  if (ms < 0.999) return `${Math.round(ms * 1e6) / 1000} µs`;
  return ms < 999 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1000)} s`;
}
