import fc from "fast-check";
import { expect, test } from "vitest";
import { findJsonError } from "../../src/config/json-error.js";

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A JSON text of which a piece was cut out, or into which something was put. */
const damaged = fc
  .tuple(
    fc.json({ maxDepth: 4 }),
    fc.nat(),
    fc.nat(3),
    fc.constantFrom("", ",", "}", "]", '"', "'", ":", "01", "-", "\\", "\n", "tru", "\u0001", "1.", "\ud800"),
  )
  .map(([text, from, count, put]) => {
    const at = from % (text.length + 1);
    return text.slice(0, at) + put + text.slice(at + count);
  });

test("an error is found in exactly the texts that the parser refuses", () => {
  fc.assert(
    fc.property(fc.oneof(damaged, fc.string()), (text) => {
      expect(findJsonError(text) === undefined).toBe(isJson(text));
    }),
    { numRuns: 5_000 },
  );
});

test.each([
  ['{"a":01}', 6, 'expected a value, but came "01"'],
  ['{"a":"\n"}', 7, 'expected the text to end with ", but came the end of the line'],
  ['{"a":"\\x"}', 7, "expected an escape"],
  ["[1}", 3, 'expected "," or the end of what was begun, but came "}"'],
  ["{} {}", 4, 'expected nothing more, but came "{"'],
])("%j stops being JSON at column %i", (text, column, says) => {
  const found = findJsonError(text);
  expect(found?.column).toBe(column);
  expect(`expected ${found?.expected ?? ""}, but came ${found?.came ?? ""}`).toContain(says);
});
