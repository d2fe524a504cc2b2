/** What no process can show: failures and delays of the launcher's own deeds, and a stop that cannot be proven. */
import fs from "node:fs";
import { foreignClaim } from "./foreign-claim.js";
import { claimFile, observe, type PodWorld } from "./observe.js";
import { ANOTHER_CLAIM, CLAIM_REMOVED, heldOnCancel, type PathScript } from "./path-script.js";

type Effect<Input, Output> = (input: Input, signal: AbortSignal) => Promise<Output>;

/** Puts what the path says of an actor in the place of what the actor does, or beside it. */
export function injector(
  script: PathScript,
  { world, ticketId }: { readonly world: PodWorld; readonly ticketId: string },
): <Input, Output>(actor: string, effect: Effect<Input, Output>) => Effect<Input, Output> {
  const hold = () => new Promise<never>(() => undefined);
  const file = claimFile(world.registry, ticketId);
  return (actor, effect) => async (input, signal) => {
    const admits = actor === "admit" || actor === "judgeClaim";
    const commits = actor === "commitClaim" || actor === "replaceClaim";
    if (!admits && script.fails(actor)) {
      script.injected.push(`${actor} fails`);
      if (commits && script.passes("readBackClaim", "ours")) await effect(input, signal);
      throw new Error(`injected: ${actor} fails`);
    }
    if (script.outlasts(actor) || heldOnCancel[script.cancelled ?? ""] === actor) {
      script.injected.push(`${actor} does not answer`);
      if (admits || script.passes("readBackClaim", "ours")) await effect(input, signal);
      script.deedIsDone();
      return await hold();
    }
    const readsBackRestored = actor === "readBackClaim" && script.passes("judgeClaim", "restorable");
    if (script.passes(actor, "taken") && !readsBackRestored) {
      script.injected.push(ANOTHER_CLAIM);
      fs.writeFileSync(file, foreignClaim({ id: ticketId }));
    }
    if (script.passes(actor, "absent") && readsBackRestored) {
      script.injected.push(CLAIM_REMOVED);
      fs.rmSync(file);
    }
    if (script.passes(actor, "unproven")) {
      script.injected.push(`${actor} cannot prove it`);
      const pids = [...observe(world, ticketId).launches.values()].flatMap(({ processes }) => processes);
      const unproven = { kind: "unproven", pids, reason: `processes ${pids.join(", ")} still run` };
      return unproven as Awaited<ReturnType<typeof effect>>;
    }
    return await effect(input, signal);
  };
}
