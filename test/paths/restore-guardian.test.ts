import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shortestRestorePaths } from "launch-claim/testing";
import { disposableDirectory, type TemporaryDirectory } from "../fixtures/temporary.js";
import { injectionsOf, titleOf } from "./path-script.js";
import { guardianRestoreViolations, RestoreWorld } from "./restore-guardian.js";

let directory: TemporaryDirectory;
let world: RestoreWorld;

beforeAll(() => {
  directory = disposableDirectory();
  world = new RestoreWorld(directory.path);
});
afterAll(() => {
  world.close();
  directory.dispose();
});

// Side by side: each waits for its own processes most of the time, and has a ticket of its own.
describe.concurrent(
  "every shortest path of a restore, with a scripted agent under the guardian, leaves what its ending demands",
  // A path starts up to nine processes of Node, and several run at a time.
  { timeout: 240_000 },
  () => {
    it.each(shortestRestorePaths().map((path) => [titleOf(path), path] as const))("%s", async (_, path) => {
      const run = await world.run(path);
      expect(guardianRestoreViolations(run), JSON.stringify(run.outcome)).toEqual([]);
      expect(run.injected).toEqual(injectionsOf(path));
    });
  },
);
