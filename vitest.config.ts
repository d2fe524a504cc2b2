import os from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^launch-claim$/, replacement: here("src/index.ts") },
      { find: /^launch-claim\/machines$/, replacement: here("machines/index.ts") },
      { find: /^launch-claim\/testing$/, replacement: here("src/testing/index.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/fixtures/leaks.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Most tests wait for processes: on two cores, two files at a time take two thirds of the time that one after the other takes.
    maxWorkers: Math.max(2, os.availableParallelism() - 1),
    reporters: ["default"],
  },
});
