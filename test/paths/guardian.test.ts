import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shortestPaths } from "launch-claim/testing";
import { disposableDirectory, type TemporaryDirectory } from "../fixtures/temporary.js";
import { guardianViolations, guardianWorld } from "./guardian.js";
import { injectionsOf, titleOf } from "./path-script.js";
import type { ProcessWorld } from "./process-world.js";

let directory: TemporaryDirectory;
let world: ProcessWorld;

beforeAll(async () => {
  directory = disposableDirectory();
  world = guardianWorld(directory.path);
  await world.open();
});
afterAll(async () => {
  await world.close();
  directory.dispose();
});

// Side by side: each waits for its own processes most of the time, and has a ticket of its own.
describe.concurrent(
  "every shortest path, with a scripted agent under the guardian, leaves what its ending demands",
  // A path starts up to six processes of Node, and several run at a time.
  { timeout: 180_000 },
  () => {
    it.each(shortestPaths().map((path) => [titleOf(path), path] as const))("%s", async (_, path) => {
      const run = await world.run(path);
      expect(guardianViolations(run), JSON.stringify(run.outcome)).toEqual([]);
      expect(run.injected).toEqual(injectionsOf(path));
    });
  },
);
