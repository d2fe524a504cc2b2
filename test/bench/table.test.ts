import { expect, test } from "vitest";
import { shownMeasure, shownMs, type Row } from "../../bench/rows.js";
import { aligned, cellsOf, markdown, verdict } from "../../bench/table.js";

const spread = (median: number) => ({ p25: median * 0.9, median, p75: median * 1.1 });

const rows: readonly Row[] = [
  {
    what: "commit",
    against: "bare calls",
    measured: spread(1.2),
    unit: "ratio",
    target: { limit: 1.25, is: "most" },
    detail: "a | b",
  },
  {
    what: "memory",
    measured: spread(30),
    unit: "MB",
    target: { limit: 25, is: "most" },
    detail: "idle",
  },
  { what: "advantage", measured: spread(9), unit: "ratio", target: { limit: 10, is: "least" }, detail: "" },
  { what: "orientation", measured: spread(1), unit: "count", detail: "" },
];

test("each row says what it is compared with, and whether it met its target", () => {
  const [, ...lines] = cellsOf(rows);
  expect(lines.map((cells) => cells.slice(1, 5))).toEqual([
    ["bare calls", "1.20 (1.08–1.32)", "≤ 1.25", "yes"],
    ["–", "30.0 MB (27.0–33.0)", "≤ 25 MB", "NO"],
    ["–", "9.00 (8.10–9.90)", "≥ 10", "NO"],
    ["–", "1.0 (0.9–1.1)", "–", "–"],
  ]);
});

test("the verdict counts rows with a target alone, and names each that was missed", () => {
  expect(verdict(rows)).toEqual({
    sentence: "2 of 3 targets are MISSED.",
    missed: ["memory: 30.0 MB (27.0–33.0), should be ≤ 25 MB", "advantage: 9.00 (8.10–9.90), should be ≥ 10"],
  });
  expect(verdict(rows.slice(0, 1)).sentence).toBe("All 1 targets are met.");
});

test("a median that is just its target meets it", () => {
  const row: Row = { what: "x", measured: spread(1.25), unit: "ratio", detail: "" };
  expect(verdict([{ ...row, target: { limit: 1.25, is: "most" } }]).missed).toEqual([]);
  expect(verdict([{ ...row, target: { limit: 1.25, is: "least" } }]).missed).toEqual([]);
});

test("a bar in a cell ends no cell of a Markdown table", () => {
  expect(markdown([["what"], ["a | b"]])).toBe("| what |\n| --- |\n| a \\| b |");
});

test("the columns of a table in a terminal begin below each other", () => {
  const lines = aligned([
    ["what", "measured"],
    ["a long name", "1"],
  ]).split("\n");
  expect(lines).toEqual(["what         measured", "a long name  1"]);
});

test("durations are shown in the unit that suits their median, quartiles too, and never with an exponent", () => {
  expect(shownMs(spread(0.0123))).toBe("12.3 µs (11.1–13.5)");
  expect(shownMs(spread(1))).toBe("1.00 ms (0.900–1.10)");
  expect(shownMs(spread(1234))).toBe("1234 ms (1111–1357)");
  expect(shownMs(spread(20_000))).toBe("20.0 s (18.0–22.0)");
});

test("what was measured once has no quartiles", () => {
  expect(shownMeasure({ measured: { p25: 2, median: 2, p75: 2 }, unit: "ratio" })).toBe("2.00");
});
