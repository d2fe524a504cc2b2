import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { simplePaths } from "launch-claim/testing";
import { disposableDirectory, type TemporaryDirectory } from "../fixtures/temporary.js";
import { violations } from "./demand.js";
import { SimulatedWorld } from "./simulated.js";

let directory: TemporaryDirectory;
let world: SimulatedWorld;

beforeAll(() => {
  directory = disposableDirectory();
  world = new SimulatedWorld(directory.path);
});
afterAll(() => directory.dispose());

describe("every simple path, simulated, leaves what its ending demands", () => {
  it.each(simplePaths().map((path) => [path.title, path] as const))("%s", async (_, path) => {
    const run = await world.run(path);
    expect(violations(run), JSON.stringify(run.outcome)).toEqual([]);
  });
});
