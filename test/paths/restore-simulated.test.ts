import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { simpleRestorePaths } from "launch-claim/testing";
import { disposableDirectory, type TemporaryDirectory } from "../fixtures/temporary.js";
import { restoreViolations } from "./restore-demand.js";
import { SimulatedWorld } from "./simulated.js";

let directory: TemporaryDirectory;
let world: SimulatedWorld;

beforeAll(() => {
  directory = disposableDirectory();
  world = new SimulatedWorld(directory.path);
});
afterAll(() => directory.dispose());

describe("every simple path of a restore, simulated, leaves what its ending demands", () => {
  it.each(simpleRestorePaths().map((path) => [path.title, path] as const))("%s", async (_, path) => {
    const run = await world.restore(path);
    expect(restoreViolations(run), JSON.stringify(run.outcome)).toEqual([]);
  });
});
