// Bundles the two programs, the command line and the guardian. Most of the start of a command is the loading of modules (zod alone
// brings some sixty files): from a bundle `status` starts in about two thirds of the time. The library itself is not bundled.
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "rolldown";

const root = new URL("..", import.meta.url);
const inRoot = (/** @type {string} */ path) => new URL(path, root).pathname;

const { output } = await build({
  input: { "launch-claim": inRoot("dist/src/cli/main.js"), guardian: inRoot("dist/src/guardian.js") },
  platform: "node",
  // A native module finds its binary from where it lies.
  external: ["fs-native-extensions"],
  logLevel: "warn",
  // As CommonJS modules: of these, Node loads the same code in less time.
  output: {
    dir: inRoot("dist/bin"),
    format: "cjs",
    chunkFileNames: "[name]-[hash].js",
    // Every file costs as much as some hundred lines: what each command needs, and what all need that look, is one file each.
    codeSplitting: {
      groups: [
        { name: "base", test: /\/dist\/src\/cli\/run\.js$/u, priority: 2 },
        { name: "reading", test: /\/dist\/src\/reading\.js$/u, priority: 1 },
      ],
    },
  },
});
writeFileSync(inRoot("dist/bin/package.json"), `${JSON.stringify({ private: true, type: "commonjs" })}\n`);

// A link to it, as `npm link` makes one, is run as it is.
chmodSync(inRoot("dist/bin/launch-claim.js"), 0o755);

// Their licences ask that the notice goes with every copy.
const packages = new Set(
  output.flatMap((chunk) => ("moduleIds" in chunk ? chunk.moduleIds : [])).flatMap(packageOf),
);
const notices = [...packages].sort().map((name) => {
  const { version, license } = JSON.parse(readFileSync(inRoot(`node_modules/${name}/package.json`), "utf8"));
  return `${name} ${version} (${license})\n\n${licenceOf(name).trim()}\n`;
});
writeFileSync(
  inRoot("dist/bin/THIRD-PARTY-LICENSES.txt"),
  `The programs in this folder contain these packages.\n\n${notices.join("\n---\n\n")}`,
);

/** @param {string} id @returns {string[]} */
function packageOf(id) {
  const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//u.exec(id) ?? [];
  return name === undefined ? [] : [name];
}

/** @param {string} name */
function licenceOf(name) {
  for (const file of ["LICENSE", "license", "LICENSE.md", "LICENCE", "LICENSE.txt"]) {
    try {
      return readFileSync(inRoot(`node_modules/${name}/${file}`), "utf8");
    } catch {
      // The next spelling.
    }
  }
  throw new Error(`${name} has no licence file that could be copied into the bundle`);
}
