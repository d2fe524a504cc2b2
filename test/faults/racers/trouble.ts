/** What is done to the processes of a race: kills, and stops that are followed by a continue. */
import { setTimeout as delay } from "node:timers/promises";
import { kill } from "../../fixtures/cli-world.js";
import { processAt } from "../../fixtures/processes.js";
import { randomOf } from "../random.js";
import { pick } from "./choices.js";
import type { Observer } from "./observer.js";

/** How long a stopped process stands at most, in milliseconds: less than the timeouts of most launches, more than those of some. */
const STANDS_MS = 900;

interface Troubled {
  /** The pids of the racers and commands, as they are now. */
  hosts(): readonly number[];
  isOver(): boolean;
}

/** Looks, and makes trouble, until the race is over; what stands still by itself at a chosen moment is continued here, too. */
export async function trouble(observer: Observer, { hosts, isOver }: Troubled, seed: number) {
  const random = randomOf(seed);
  const suffered = { kills: 0, stops: 0 };
  const standing = new Map<number, number>();
  const stand = (pid: number) => standing.set(pid, performance.now() + random.below(STANDS_MS));
  while (!isOver()) {
    const living = observer.look();
    for (const pid of hosts()) if (processAt(pid)?.state === "T" && !standing.has(pid)) stand(pid);
    for (const [pid, until] of standing) {
      if (performance.now() < until) continue;
      kill(pid, "SIGCONT");
      standing.delete(pid);
    }
    const pods = [...living.values()].flat().map(({ pid }) => pid);
    const victims = (random.below(3) === 0 ? hosts() : pods).filter((pid) => !standing.has(pid));
    if (victims.length > 0 && random.below(4) === 0) {
      const pid = pick(victims, random);
      const isKill = random.below(2) === 0;
      kill(pid, isKill ? "SIGKILL" : "SIGSTOP");
      if (!isKill) stand(pid);
      suffered[isKill ? "kills" : "stops"] += 1;
    }
    await delay(40 + random.below(60));
  }
  for (const pid of new Set([...standing.keys(), ...hosts()])) kill(pid, "SIGCONT");
  return suffered;
}
