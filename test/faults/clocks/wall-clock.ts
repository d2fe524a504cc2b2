/** The wall clock is a day off, for some and not for others, or jumps while a launch is under way. */
import fs from "node:fs";
import { dirname, join } from "node:path";
import { createLauncher } from "launch-claim";
import { outcomeOf } from "../../fixtures/cli-world.js";
import { built, guardianProgram, scriptedRecipe } from "../../fixtures/guardian-runtime.js";
import { HERE, type Case, type Trial, type Where } from "./trial.js";

const DAY_MS = 24 * 60 * 60_000;
const PRELOAD = `--import=file://${built("test/faults/clocks/shifted-clock.js")}`;

function shifted(name: string, shiftMs: number, afterMs = 0): Where {
  return {
    name,
    environment: {
      NODE_OPTIONS: PRELOAD,
      LAUNCH_CLAIM_TEST_SHIFT_MS: String(shiftMs),
      LAUNCH_CLAIM_TEST_SHIFT_AFTER_MS: String(afterMs),
    },
  };
}

const AHEAD = shifted("a day ahead", DAY_MS);
const BEHIND = shifted("a day behind", -DAY_MS);
/** Well into the launch: a command needs about that long to load. */
const JUMPS_AHEAD = shifted("whose clock jumps a day ahead", DAY_MS, 400);
const JUMPS_BEHIND = shifted("whose clock jumps a day behind", -DAY_MS, 400);

const ID = "CLOCK";

function launchedThen(first: Where, later: Where): Case {
  return {
    name: `a launch ${first.name}, everything else ${later.name}`,
    async run(trial) {
      const { launchId } = await trial.claims(first, ID, { loadSession: true });
      await trial.isState(later, ID, "live");
      await trial.isBlocked(later, ID, "live");
      await trial.answers(later, ["reclaim", ID, "--expect", launchId], 3, "refused");
      await trial.killPod(ID, launchId);
      await trial.isState(later, ID, "restorable");
      await isRestored(trial, later, launchId);
      await trial.endsWell(later, ID);
    },
  };
}

async function isRestored(trial: Trial, where: Where, launchId: string): Promise<void> {
  const { code, results } = await trial.run(where, "restore", ID, "--json");
  const told = results.at(-1) as { status?: string; claim?: { restoredFrom?: string[] } };
  const isDue = code === 0 && told.claim?.restoredFrom?.[0] === launchId;
  trial.demand(`a restore ${where.name} continues the claim`, isDue, told);
}

function inFlight(first: Where, later: Where): Case {
  return {
    name: `a launch under way ${first.name} is in flight for whoever is ${later.name}, however old it looks`,
    async run(trial) {
      const slow = trial.startLaunch(first, ID, { prompt: [{ stall: true }] }, "--timeout", "runAck=60s");
      await slow.enters("awaitingRunAck");
      await trial.isBlocked(later, ID, "inFlight");
      await trial.answers(later, ["release", ID, "--stop"], 3, "refused");
      slow.child.kill("SIGINT");
      const { code } = await slow.ended;
      trial.demand(`cancelled, it leaves nothing`, code === 130 && trial.world.isQuiet(ID), code);
      await trial.claims(later, ID);
    },
  };
}

function jumps(where: Where): Case {
  return {
    name: `a launch ${where.name} neither ends early nor late`,
    async run(trial) {
      const chunk = {
        update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "Now." } },
      };
      await trial.claims(where, ID, { prompt: [{ wait: 1_000 }, chunk, { end: "end_turn" }] });
      await trial.isState(HERE, ID, "live");
      const mute = await trial.launch(where, "MUTE", { prompt: [{ stall: true }] }, "--timeout", "runAck=1s");
      trial.demand(
        `mute, it times out ${where.name}`,
        outcomeOf(mute).status === "timedOut",
        mute.results.at(-1),
      );
      trial.demand(`mute, it leaves nothing`, trial.world.isQuiet("MUTE"), trial.world.livingPods("MUTE"));
    },
  };
}

/** The guardian itself, which is started without the launcher's options: by a program that adds them again. */
function guardianShifted(name: string, shiftMs: number): Case {
  return {
    name: `a guardian ${name}`,
    async run(trial) {
      const { workspace, home } = trial.world;
      const nodePath = join(dirname(workspace), "shifted-node");
      const script = `#!/bin/sh\nLAUNCH_CLAIM_TEST_SHIFT_MS=${shiftMs} exec ${process.execPath} ${PRELOAD} "$@"\n`;
      fs.writeFileSync(nodePath, script, { mode: 0o700 });
      const launcher = createLauncher({ workspace, home, ...guardianProgram, nodePath });
      const request = {
        ticket: { id: ID },
        prompt: "work",
        recipe: scriptedRecipe({}),
        whenDone: "keep" as const,
      };
      const outcome = await launcher.launch(request).outcome;
      const at = outcome.status === "claimed" ? Date.parse(outcome.claim.acceptance.at) : Number.NaN;
      const isShifted = Math.abs(at - Date.now() - shiftMs) < DAY_MS / 2;
      trial.demand(`it is claimed, and the guardian's clock is ${name}`, isShifted, outcome);
      await trial.isState(HERE, ID, "live");
      await trial.isBlocked(HERE, ID, "live");
      await trial.endsWell(HERE, ID);
    },
  };
}

export const WALL_CLOCK: readonly Case[] = [
  { ...launchedThen(AHEAD, BEHIND), quick: true },
  launchedThen(BEHIND, AHEAD),
  launchedThen(HERE, BEHIND),
  inFlight(AHEAD, BEHIND),
  inFlight(BEHIND, AHEAD),
  { ...jumps(JUMPS_AHEAD), quick: true },
  jumps(JUMPS_BEHIND),
  guardianShifted("a day ahead", DAY_MS),
  guardianShifted("a day behind", -DAY_MS),
];
