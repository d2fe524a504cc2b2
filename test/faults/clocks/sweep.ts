import { CliWorld } from "../../fixtures/cli-world.js";
import { inLanes } from "../lanes.js";
import type { Sweep, SweepOptions, SweepReport } from "../sweep.js";
import { ELSEWHERE } from "./elsewhere.js";
import { REUSED } from "./reused.js";
import { STANDING_STILL } from "./standing-still.js";
import { Trial, type Case } from "./trial.js";
import { WALL_CLOCK } from "./wall-clock.js";

const CASES: readonly Case[] = [...STANDING_STILL, ...WALL_CLOCK, ...REUSED, ...ELSEWHERE];
const LANES = 3;

export const clocks: Sweep = {
  name: "clocks",
  title: "Other clocks, boots, users, namespaces and paths",
  about:
    "Through the built program: the wall clock of a launch, of its guardian, or of everybody after it is a day ahead or behind, or jumps in mid-launch; a guardian " +
    "stands still for longer than every timeout of its launch; records name pids that were given to other processes, or that of another boot; the registry is " +
    "met by another user, from another PID namespace, through links and over a second mount. What lives blocks and what is in flight excludes, from everywhere; " +
    "what is gone is gone, whoever has its pid, and that process is not signalled; what cannot be judged is `unknown`, blocks, and is not ended; what may not be " +
    "used is refused in a sentence, and nothing is changed.",
  notCovered: [
    "A clock that is set while the kernel runs: programs are told another time by their own `Date`; the monotonic clock and the kernel's start times are true.",
    "A real reboot: records are rewritten as one would have left them.",
    "A guardian that is stopped for minutes: it stands for 20 seconds, which is longer than every timeout of its launch.",
    "A Pod that another user started, other than by root's own hand; user namespaces; containers with their own file systems.",
  ],
  run,
};

async function run({ quick, tell }: SweepOptions): Promise<SweepReport> {
  const skipped: string[] = [];
  const cases = CASES.filter((one) => one.quick || !quick).filter((one) => {
    const reason = one.whyNot?.();
    if (reason !== undefined) skipped.push(`${one.name}: ${reason}`);
    return reason === undefined;
  });
  const counted = { cases: cases.length, commands: 0, demands: 0 };
  const violations: string[] = [];
  await inLanes(LANES, cases, async (one) => {
    const { broken, commands, demands } = await tryOne(one, quick);
    tell(`${one.name}: ${broken.length === 0 ? `${demands} demands met` : `${broken.length} BROKEN`}`);
    violations.push(...broken);
    counted.commands += commands;
    counted.demands += demands;
  });
  return {
    counts: [
      ["cases", counted.cases],
      ["commands given", counted.commands],
      ["demands met", counted.demands - violations.length],
    ],
    violations,
    skipped,
  };
}

async function tryOne({ name, run: act }: Case, quick: boolean): Promise<Trial> {
  await using world = new CliWorld();
  const trial = new Trial(world, quick);
  try {
    await act(trial);
  } catch (error) {
    trial.broken.push(error instanceof Error ? error.message : String(error));
  } finally {
    await trial.dispose();
  }
  trial.broken.splice(0, Infinity, ...trial.broken.map((broken) => `${name}: ${broken}`));
  return trial;
}
