/** However many restore and launch one ticket: one Pod, one claim. */
import { expect, it } from "vitest";
import { CliWorld, outcomeOf } from "../fixtures/cli-world.js";
import { expectRestored, LOADS, LONG, lost, restoredClaim } from "./bench.js";

const RACERS = 8;

it("of 8 restores that race on one ticket, one restores it and seven are blocked", LONG, async () => {
  await using world = new CliWorld();
  const old = await lost(world, "T");
  const ended = await Promise.all(Array.from({ length: RACERS }, () => world.restore("T", LOADS)));
  const restored = ended.filter(({ code }) => code === 0);
  expect(ended.map(({ code }) => code).sort(), JSON.stringify(ended.map(({ outcome }) => outcome))).toEqual([
    0, 3, 3, 3, 3, 3, 3, 3,
  ]);
  for (const { outcome } of ended) {
    if (outcome.status === "blocked") expect(["live", "inFlight"]).toContain(outcome.by);
  }
  const claim = restoredClaim(restored[0]?.outcome as never);
  expect(claim.restoredFrom).toEqual([old.launchId]);
  expectRestored(world, "T", claim);
});

it("a launch that races with a restore is blocked, and never gets the ticket", LONG, async () => {
  await using world = new CliWorld();
  await lost(world, "T");
  const racing = [1, 2, 3].flatMap(() => [world.startRestore("T", LOADS), world.startLaunch("T", LOADS)]);
  const outcomes = await Promise.all(racing.map(async ({ ended }) => outcomeOf(await ended)));
  const statuses = outcomes.map(({ status }): string => status);
  expect(statuses.filter((status) => status === "blocked").length, JSON.stringify(statuses)).toBeGreaterThan(
    4,
  );
  expect(statuses).not.toContain("claimed");
  // The launches may have held the lock just when each restore came.
  if (!statuses.includes("restored")) restoredClaim((await world.restore("T", LOADS)).outcome);
  const [launchId = ""] = world.observe("T").claims;
  expectRestored(world, "T", { launchId } as never);
});
