import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shortestPaths } from "launch-claim/testing";
import { disposableDirectory, type TemporaryDirectory } from "../fixtures/temporary.js";
import { violations } from "./demand.js";
import { injectionsOf, titleOf } from "./path-script.js";
import type { ProcessWorld } from "./process-world.js";
import { realWorld } from "./real.js";

let directory: TemporaryDirectory;
let world: ProcessWorld;

beforeAll(async () => {
  directory = disposableDirectory();
  world = realWorld(directory.path);
  await world.open();
});
afterAll(async () => {
  await world.close();
  directory.dispose();
});

describe("every shortest path, with real processes, leaves what its ending demands", () => {
  it.each(shortestPaths().map((path) => [titleOf(path), path] as const))("%s", async (_, path) => {
    const run = await world.run(path);
    expect(violations(run), JSON.stringify(run.outcome)).toEqual([]);
    expect(run.injected).toEqual(injectionsOf(path));
  });
});
