import { expect, test } from "vitest";
import { CliWorld } from "../fixtures/cli-world.js";

test("a Pod that is stopped keeps the reason of its run's end: whoever waits for it is still told", async () => {
  await using world = new CliWorld();
  const launched = await world.launch("T-1", {}, { flags: ["--wait"] });
  expect(launched.code, launched.stderr).toBe(0);
  expect((await world.run("stop", "T-1")).code).toBe(0);
  expect(world.podRecords("T-1")).toMatchObject([{ state: "ended", stopReason: "end_turn" }]);
});
