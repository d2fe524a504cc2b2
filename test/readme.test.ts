import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryDirectory } from "./fixtures/temporary.js";

const root = fileURLToPath(new URL("..", import.meta.url));

test("the README's example runs as it stands, and says what the README says", () => {
  const readme = fs.readFileSync(join(root, "README.md"), "utf8");
  const code = /<!-- example[^>]*-->\s*```ts\n(.*?)```/su.exec(readme)?.[1];
  if (code === undefined) throw new Error("README.md has no example");
  expect(code.trim().split("\n").length).toBeLessThanOrEqual(12);
  // Inside of the package, where its own name leads to what was built.
  const file = join(root, "dist", `readme-example-${process.pid}.mjs`);
  const workspace = temporaryDirectory();
  fs.writeFileSync(file, code);
  try {
    const env = { ...process.env, LAUNCH_CLAIM_HOME: join(workspace, "home") };
    const said = execFileSync(process.execPath, [file], { cwd: workspace, env, encoding: "utf8" });
    expect(said).toContain("spawning.admitting\nspawning.starting\nconnecting.dialing\n");
    expect(said).toMatch(/taken by Pod intake-T-1-[0-9a-z]{6}\n/u);
  } finally {
    fs.rmSync(file);
  }
});
