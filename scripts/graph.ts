// Writes the generated parts of machines/README.md. With --check: only says whether they are up to date.
import fs from "node:fs";
import { withMachines } from "./machine-diagrams.js";

// Runs from dist/scripts.
const path = new URL("../../machines/README.md", import.meta.url);
const is = fs.readFileSync(path, "utf8");
const ought = withMachines(is);

if (is === ought) {
  console.log("machines/README.md is up to date");
} else if (process.argv.includes("--check")) {
  console.error("machines/README.md does not show the machines as they are: run npm run graph");
  process.exitCode = 1;
} else {
  fs.writeFileSync(path, ought);
  console.log("machines/README.md was written");
}
