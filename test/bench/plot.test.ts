import { expect, test } from "vitest";
import { plotSvg, type Plot } from "../../bench/plot.js";

const exactly = (median: number) => ({ p25: median, median, p75: median });

const plot: Plot = {
  title: "Costs",
  subtitle: "a machine",
  targets: [
    { label: "met", share: exactly(0.5), met: true, value: "0.5" },
    { label: "missed", share: exactly(1.5), met: false, value: "1.5" },
    { label: "far away", share: exactly(9), met: false, value: "9" },
  ],
  series: ["ours", "theirs"],
  panels: [
    {
      title: "claim",
      lines: [
        [
          { x: 10, y: exactly(1) },
          { x: 1000, y: exactly(1) },
        ],
        [
          { x: 10, y: exactly(1) },
          { x: 1000, y: exactly(100) },
        ],
      ],
    },
  ],
};

test("a plot is well-formed, whatever its words are", () => {
  const svg = plotSvg({ ...plot, title: '<script> & "quotes"', series: ["a < b", "b > a"] });
  expect(unclosed(svg)).toEqual([]);
  expect(svg).toContain("&lt;script&gt; &amp; &quot;quotes&quot;");
  expect(svg).not.toContain("<script");
});

test("every number in a plot is one, and lies inside of it", () => {
  const svg = plotSvg(plot);
  expect(svg).not.toMatch(/NaN|Infinity|undefined/u);
  const height = Number(/viewBox="0 0 980 (\d+)"/u.exec(svg)?.[1]);
  for (const [, y] of svg.matchAll(/ (?:y|y1|y2|cy)="([^"]+)"/gu))
    expect(Number(y)).toBeLessThanOrEqual(height);
  for (const [, x] of svg.matchAll(/ (?:x|x1|x2|cx)="([^"]+)"/gu)) expect(Number(x)).toBeLessThanOrEqual(980);
});

test("half of a target is halfway to the line, one that is missed is beyond it and of another shape, and no mark is outside", () => {
  const svg = plotSvg(plot);
  const line = Number(/<line x1="([\d.]+)"[^>]*class="target"/u.exec(svg)?.[1]);
  const start = Number(/<line x1="([\d.]+)"[^>]*class="grid"/u.exec(svg)?.[1]);
  const met = Number(/<circle cx="([\d.]+)"[^>]*class="met"/u.exec(svg)?.[1]);
  const missed = Number(/<polygon points="([\d.]+),[^>]*class="missed"/u.exec(svg)?.[1]);
  expect(met - start).toBeCloseTo((line - start) / 2, 0);
  expect(missed - start).toBeCloseTo((line - start) * 1.5, 0);
  expect(svg.match(/▶/gu)).toHaveLength(1);
});

test("a line of what costs the same at any size is level, and one of what grows rises", () => {
  const [theirs, ours] = [...plotSvg(plot).matchAll(/<polyline points="([^"]+)" class="s[01]"/gu)]
    .slice(-2)
    .map(([, points = ""]) => points.split(" ").map((point) => Number(point.split(",")[1])));
  expect(ours?.[0]).toBe(ours?.[1]);
  expect(theirs?.[1]).toBeLessThan(theirs?.[0] ?? 0);
});

test("a run that compared no stores has a plot of the targets alone", () => {
  const svg = plotSvg({ ...plot, panels: [], series: [] });
  expect(unclosed(svg)).toEqual([]);
  expect(svg).toContain("far away");
  expect(svg).not.toContain("polyline points");
});

test("a plot is drawn in colours for light and for dark", () => {
  expect(plotSvg(plot)).toContain("@media (prefers-color-scheme: dark)");
});

/** Elements that were opened and never closed, or closed and never opened. */
function unclosed(svg: string): string[] {
  const open: string[] = [];
  for (const [, end, name = "", own] of svg.matchAll(/<(\/?)([a-z]+)(?:\s[a-zA-Z0-9-]+="[^"<]*")*(\/?)>/gu)) {
    if (own === "/") continue;
    if (end === "") open.push(name);
    else if (open.at(-1) === name) open.pop();
    else open.push(`/${name}`);
  }
  return open;
}
