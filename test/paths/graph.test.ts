import fs from "node:fs";
import { expect, test } from "vitest";
import { withLaunchMachine } from "../../scripts/launch-diagram.js";
import { withGenerated } from "../../scripts/mermaid.js";

test("the diagram and the table in machines/README.md show the launch machine as it is", () => {
  const readme = fs.readFileSync(new URL("../../machines/README.md", import.meta.url), "utf8");
  expect(withLaunchMachine(readme), "run npm run graph").toBe(readme);
});

test("a document without the markers is refused, not overwritten", () => {
  expect(() => withGenerated("# Nothing here\n", "diagram", "…")).toThrow('no place for "diagram"');
});
