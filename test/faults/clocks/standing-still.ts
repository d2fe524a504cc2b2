/** A guardian that is stopped for longer than every timeout of its launch, and continued. */
import { createLauncher } from "launch-claim";
import { kill, stopProcess } from "../../fixtures/cli-world.js";
import { waitUntil } from "../../fixtures/processes.js";
import { HERE, type Case } from "./trial.js";

const ID = "STILL";
const PHASES = ["admit", "ready", "connect", "peer", "runAck", "commit", "verify", "stop"];
const LIMIT_S = 2;
const STANDS_MS = { quick: 3_000, whole: 20_000 };

export const STANDING_STILL: readonly Case[] = [
  {
    quick: true,
    name: `a guardian that stands still for longer than all ${PHASES.length} timeouts of its launch`,
    async run(trial) {
      const { world, quick } = trial;
      const limits = PHASES.filter((phase) => phase !== "ready").flatMap((phase) => [
        "--timeout",
        `${phase}=${LIMIT_S}s`,
      ]);
      const { launchId } = await trial.claims(HERE, ID, {}, ...limits);
      const guardian = world.guardianOf(launchId) ?? 0;
      await stopProcess(guardian);
      const since = performance.now();
      await trial.isState(HERE, ID, "live");
      await trial.isBlocked(HERE, ID, "live");
      await trial.answers(HERE, ["reclaim", ID, "--expect", launchId], 3, "refused");
      const standsMs = quick ? STANDS_MS.quick : STANDS_MS.whole;
      await waitUntil(() => performance.now() - since > standsMs, {
        deadlineMs: 2 * standsMs,
        what: "its time",
      });
      await trial.isState(HERE, ID, "live");
      kill(guardian, "SIGCONT");
      const { workspace, home } = world;
      const reason = await createLauncher({ workspace, home }).runEnded({ id: ID });
      trial.demand("continued, the guardian answers", reason === "end_turn", reason);
      trial.demand(
        "and it is the same, with its agent",
        world.guardianOf(launchId) === guardian && world.agentOf(launchId) !== undefined,
      );
      await trial.isState(HERE, ID, "live");
      await trial.endsWell(HERE, ID);
    },
  },
];
