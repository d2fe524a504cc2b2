import { expect, test } from "vitest";
import { comparisonOf, interleaved, spreadOf } from "../../bench/measure.js";

test("another side goes first in each round, and the first fifth is not counted", async () => {
  const order: string[] = [];
  const sideOf = (name: string) => async () => order.push(name);
  const costs = await interleaved(5, [sideOf("a"), sideOf("b")]);
  expect(order.join("")).toBe("abbaabbaabba");
  expect(costs).toEqual([
    [4, 5, 8, 9, 12],
    [3, 6, 7, 10, 11],
  ]);
});

test("of three sides, each is the first, the second and the third equally often", async () => {
  const order: string[] = [];
  const sideOf = (name: string) => async () => order.push(name);
  await interleaved(2, [sideOf("a"), sideOf("b"), sideOf("c")]);
  expect(order.join("")).toBe("abcbcacab");
});

test("a ratio is taken within each round, so that what slows both sides down changes nothing", () => {
  const { a, b, ratio, difference } = comparisonOf([2, 20, 200], [1, 10, 100]);
  expect(ratio).toEqual({ p25: 2, median: 2, p75: 2 });
  expect([a.median, b.median, difference.median]).toEqual([20, 10, 10]);
});

test("the middle sample and the quarters beside it, whatever the order, whatever the outliers", () => {
  expect(spreadOf([5, 1, 1000, 2, 3])).toEqual({ p25: 2, median: 3, p75: 5 });
  expect(spreadOf([7])).toEqual({ p25: 7, median: 7, p75: 7 });
});
