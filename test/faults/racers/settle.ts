/** After a race: what still runs is accounted for; then everything is stopped and released, and nothing is left. */
import { createLauncher, type Launcher } from "launch-claim";
import { DEADLINE_MS, type CliWorld } from "../../fixtures/cli-world.js";
import { locksHeld, waitUntil } from "../../fixtures/processes.js";
import { join } from "node:path";
import { guardianProgram, scriptedRecipe } from "../../fixtures/guardian-runtime.js";
import type { Observer } from "./observer.js";

/** @returns a sentence for each promise that was broken */
export async function settle(
  world: CliWorld,
  observer: Observer,
  tickets: readonly string[],
): Promise<string[]> {
  const { workspace, home } = world;
  const launcher = createLauncher({ workspace, home, ...guardianProgram });
  const place = { world, observer, launcher };
  const forEach = async (act: (ticket: string) => Promise<string[]>) =>
    (await Promise.all(tickets.map(act))).flat();
  const broken = [
    ...(await forEach((ticket) => untilAccounted(ticket, place))),
    ...(await forEach((ticket) => endAll(ticket, place))),
  ];
  observer.look();
  const { findings } = await launcher.doctor({ fix: true });
  const left = findings.filter(({ severity, mended }) => severity !== "info" && !mended);
  broken.push(
    ...left.map(({ code, message }) => `after the end of everything doctor finds ${code}: ${message}`),
  );
  broken.push(...(await forEach((ticket) => launchAgain(ticket, launcher))));
  observer.look();
  return broken;
}

interface Place {
  readonly world: CliWorld;
  readonly observer: Observer;
  readonly launcher: Launcher;
}

/**
 * What runs has a claim, can be adopted, or is named by who looks or by the launch that could not end it; anything else is on its way
 * out, and ends by itself.
 */
async function untilAccounted(ticket: string, { world, observer, launcher }: Place): Promise<string[]> {
  let last = "";
  const isAccounted = async () => {
    const { claims } = world.observe(ticket);
    const records = world.podRecords(ticket) as { launchId: string; state?: string }[];
    const unresolved = records.filter(({ state }) => state === "unresolved").map(({ launchId }) => launchId);
    const loose = livingOf(observer, ticket).filter((id) => !claims.includes(id) && !unresolved.includes(id));
    const { findings } = await launcher.doctor();
    const codes = findings.filter((finding) => finding.ticket?.id === ticket).map(({ code }) => code);
    last = `${loose.join(", ")} of ${ticket}, without a claim; doctor finds ${codes.join(", ") || "nothing"}`;
    return loose.length === 0 || codes.includes("pod_adoptable") || codes.includes("pod_lingering");
  };
  try {
    await waitUntil(isAccounted, { deadlineMs: DEADLINE_MS, what: () => last });
    return [];
  } catch {
    return [`not accounted for: ${last}`];
  }
}

/** Stops and releases; until that is proven, again. */
async function endAll(ticket: string, { world, observer, launcher }: Place): Promise<string[]> {
  let last: unknown;
  const isEnded = async () => {
    const stop = await launcher.stop({ id: ticket });
    const release = await launcher.release({ id: ticket }, { stop: true });
    const isFree = ["launch", "pod", "agent"].every(
      (lock) => !locksHeld(join(world.registry, "locks", `${ticket}.${lock}`)),
    );
    const { claims } = world.observe(ticket);
    const living = livingOf(observer, ticket);
    last = { stop, release, claims, living, isFree };
    return isFree && claims.length === 0 && living.length === 0;
  };
  try {
    await waitUntil(isEnded, { deadlineMs: DEADLINE_MS, what: "the end" });
    return [];
  } catch (error) {
    return [
      `${ticket} cannot be ended: ${error instanceof Error ? error.message : ""} ${JSON.stringify(last)}`,
    ];
  }
}

/** A ticket is as good as new. */
async function launchAgain(id: string, launcher: Launcher): Promise<string[]> {
  const outcome = await launcher.launch({ ticket: { id }, prompt: "again", recipe: scriptedRecipe({}) })
    .outcome;
  const released = await launcher.release({ id }, { stop: true });
  if (outcome.status === "claimed" && !outcome.adopted && released.status === "ended") return [];
  return [`${id}, launched again after the end of everything: ${JSON.stringify({ outcome, released })}`];
}

function livingOf(observer: Observer, ticket: string): readonly string[] {
  observer.look();
  return observer.samples.at(-1)?.tickets.find((seen) => seen.ticket === ticket)?.living ?? [];
}
