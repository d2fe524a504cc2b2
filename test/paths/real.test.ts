import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shortestPaths } from "launch-claim/testing";
import { disposableDirectory, type TemporaryDirectory } from "../fixtures/temporary.js";
import { violations } from "./demand.js";
import { injectionsOf, RealWorld } from "./real.js";

let directory: TemporaryDirectory;
let world: RealWorld;

beforeAll(async () => {
  directory = disposableDirectory();
  world = new RealWorld(directory.path);
  await world.peer();
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

function titleOf(path: Parameters<typeof injectionsOf>[0]): string {
  const injected = injectionsOf(path);
  return injected.length === 0 ? path.title : `${path.title} [injected: ${injected.join("; ")}]`;
}
