import fs from "node:fs";
import { expect, test } from "vitest";
import { MACHINES } from "../../src/graph/machines.js";
import { mermaidOf } from "../../src/graph/mermaid.js";
import { withMachines } from "../../scripts/machine-diagrams.js";
import { withGenerated } from "../../scripts/mermaid.js";

const readme = fs.readFileSync(new URL("../../machines/README.md", import.meta.url), "utf8");

test("the diagrams and the tables in machines/README.md show the machines as they are", () => {
  expect(withMachines(readme), "run npm run graph").toBe(readme);
});

test.each(Object.entries(MACHINES))("the %s machine is drawn there", (_, { machine, kinds }) => {
  expect(readme).toContain(mermaidOf(machine, kinds));
});

test("a document without the markers is refused, not overwritten", () => {
  expect(() => withGenerated("# Nothing here\n", "diagram", "…")).toThrow('no place for "diagram"');
});
