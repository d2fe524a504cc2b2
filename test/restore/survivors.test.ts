/** One session never gets two writers: what survives of the old Pod is ended before the new agent runs. */
import { expect, it } from "vitest";
import { CliWorld, restoreOutcomeOf } from "../fixtures/cli-world.js";
import { expectRestored, fileIn, LOADS, LONG, lost, readLines, restoredClaim, STUBBORN } from "./bench.js";

/** Writes down who of the first words still runs, a zombie not counted, and becomes the rest of them. */
const SEES = `for pid in $1; do grep -q '^State:.[^ZX]' /proc/$pid/status 2>/dev/null && echo "$pid" >> "$2"; done
echo began >> "$2"; shift 2; exec "$@"`;

it.each(["kernel", "scan"] as const)(
  "an agent and a process of it that hear nothing but SIGKILL are gone before the new agent begins (by %s)",
  LONG,
  async (proof) => {
    await using world = new CliWorld({ proof });
    const old = await lost(world, "T", STUBBORN);
    const survivors = world.processesOf(old.launchId);
    expect(survivors.length).toBeGreaterThanOrEqual(2);
    expect((await world.status("T"))?.state).toBe("lingering");

    const seen = fileIn(world, "seen");
    const ended = await world.run(
      ...["restore", "T", "--json", "--timeout", "stop=5s", "--"],
      ...["sh", "-c", SEES, "sh", survivors.join(" "), seen, ...world.agent(LOADS)],
    );
    const claim = restoredClaim(restoreOutcomeOf(ended));
    expect(readLines(seen)).toEqual(["began"]);
    expect(world.processesOf(old.launchId)).toEqual([]);
    expectRestored(world, "T", claim);
  },
);
