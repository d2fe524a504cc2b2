/** A claim whose Pod is gone, and what the tests of restores see of it. */
import fs from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "vitest";
import type { Claim, RestoreOutcome } from "launch-claim";
import type { AgentScript } from "../../src/testing/scripted-agent/script.js";
import { claimOf, DEADLINE_MS, kill, type CliWorld } from "../fixtures/cli-world.js";
import { waitUntil } from "../fixtures/processes.js";

export const LONG = { timeout: 240_000 };
/** An agent whose session can be loaded again. */
export const LOADS: AgentScript = { loadSession: true };
/** One that nothing ends but SIGKILL, and that has put a process out of its sight. */
export const STUBBORN: AgentScript = {
  ...LOADS,
  ignoreStdinEnd: true,
  ignoreSigterm: true,
  grandchild: "newSession",
};

/** Claimed by a launch, and then its guardian was SIGKILLed; an agent that does not mind survives it. */
export async function lost(world: CliWorld, id: string, script: AgentScript = LOADS): Promise<Claim> {
  const claim = claimOf(await world.launch(id, script));
  await loseGuardian(world, id, claim.launchId);
  const survives = script.ignoreStdinEnd === true;
  if (!survives) await world.untilQuiet(id);
  return claim;
}

export async function loseGuardian(world: CliWorld, id: string, launchId: string): Promise<void> {
  const guardian = world.guardianOf(launchId);
  if (guardian === undefined) throw new Error(`launch ${launchId} has no guardian`);
  kill(guardian, "SIGKILL");
  await waitUntil(() => world.observe(id).podLock === "free" && world.guardianOf(launchId) === undefined, {
    deadlineMs: DEADLINE_MS,
    what: "the guardian's end",
  });
}

export function restoredClaim(outcome: RestoreOutcome): Claim {
  if (outcome.status === "restored") return outcome.claim;
  throw new Error(`restored was expected, not ${JSON.stringify(outcome)}`);
}

/** The claim is restored, by exactly one Pod, and no agent has ever heard more than the first prompt. */
export function expectRestored(world: CliWorld, id: string, { launchId }: Claim): void {
  expect(world.observe(id)).toMatchObject({ claims: [launchId], launchLock: "free", podLock: "held" });
  expect(world.livingPods(id)).toEqual([launchId]);
  expect(world.prompts()).toBe(1);
}

/** A file of this world that goes with it. */
export function fileIn(world: CliWorld, name: string): string {
  return join(dirname(world.workspace), name);
}

export function readLines(file: string): string[] {
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
}
