// Checks the layers (.dependency-cruiser.js), and that it really looked: a checker that sees no modules finds no violations.
import fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cruise } from "dependency-cruiser";
import extractDepcruiseOptions from "dependency-cruiser/config-utl/extract-depcruise-options";
import extractTSConfig from "dependency-cruiser/config-utl/extract-ts-config";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const FOLDERS = ["machines", "src", "examples", "test", "bench", "scripts"];
const KEY_FILES = [
  "machines/launch.machine.ts",
  "src/index.ts",
  "src/ports.ts",
  "src/registry/file-registry.ts",
];
const FEWEST_MODULES = 20;

const folders = FOLDERS.filter((folder) => fs.existsSync(folder));
const { output } = await cruise(
  folders,
  await extractDepcruiseOptions("./.dependency-cruiser.js"),
  {},
  { tsConfig: extractTSConfig("tsconfig.json") },
);

const { modules, summary } = output;
const troubles = [...blindSpots(), ...summary.violations.map(sentenceOf)];
if (troubles.length > 0) {
  console.error(troubles.join("\n"));
  process.exitCode = 1;
} else {
  console.log(
    `layers: ${summary.totalCruised} modules, ${summary.totalDependenciesCruised} imports, no violation`,
  );
}

/** What should have been seen and was not. */
function blindSpots() {
  const seen = new Set(modules.map(({ source }) => source));
  const there = folders.flatMap((folder) =>
    fs
      .readdirSync(folder, { recursive: true })
      .map((name) => join(folder, name))
      .filter((path) => path.endsWith(".ts")),
  );
  const unseen = [...new Set([...there, ...KEY_FILES])].filter((path) => !seen.has(path));
  return [
    ...(there.length < FEWEST_MODULES
      ? [`only ${there.length} modules: fewer than ${FEWEST_MODULES} is no project`]
      : []),
    ...unseen.map((path) => `${path} was not seen`),
    // A type import is the first thing to be lost when TypeScript cannot be parsed.
    ...(sees("machines/launch.machine.ts", "machines/launch.types.ts") ? [] : ["type imports are not seen"]),
  ];
}

function sees(from, to) {
  const found = modules.find(({ source }) => source === from);
  return found?.dependencies.some(({ resolved }) => resolved === to) ?? false;
}

function sentenceOf({ rule, from, to, cycle }) {
  const comment = output.summary.ruleSetUsed.forbidden.find(({ name }) => name === rule.name)?.comment;
  const path = cycle ? cycle.map(({ name }) => name).join(" → ") : to;
  return `${rule.name}: ${from} → ${path}\n  ${comment}`;
}
