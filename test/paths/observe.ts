/**
 * What a launch has left behind, measured from outside: directory listings, the process table, the kernel's list of locks. Shares
 * no code with `src`, and knows of the registry only what its documentation says of the files.
 */
import { join } from "node:path";
import { namesIn, textIfThere } from "../fixtures/files.js";
import { locksHeld, waitUntil } from "../fixtures/processes.js";

/** Stands for a living Pod that has no process of its own, in a list of processes. */
export const WITHOUT_PROCESS = 0;

/** What only the kind of Pod can tell. */
export interface PodWorld {
  /** The registry's directory. */
  readonly registry: string;
  /** The running processes (or, for Pods without any, the living Pods) of a launch. */
  processesOf(launchId: string): readonly number[];
  /** How many prompts the launch's agent was given. */
  promptsOf(launchId: string): number;
}

export interface Observed {
  /** The launch ids of the ticket's claims. */
  readonly claims: readonly string[];
  /** The bytes of the ticket's claim. */
  readonly claimBytes: string | undefined;
  /** The launch ids of role sessions that name the ticket. */
  readonly sessions: readonly string[];
  readonly launchLock: "held" | "free";
  readonly podLock: "held" | "free";
  /** Every launch id that the ticket's Pod records, claims and sessions name, with what runs of it and what it was told. */
  readonly launches: ReadonlyMap<string, { readonly processes: readonly number[]; readonly prompts: number }>;
}

/** @param ticketId of letters, digits and dashes alone, so that it is its own file name */
export function observe(world: PodWorld, ticketId: string): Observed {
  const file = claimFile(world.registry, ticketId);
  const claimBytes = textIfThere(file);
  const claims = recordsIn(join(world.registry, "claims"))
    .filter((record) => (record["ticket"] as { id?: string } | undefined)?.id === ticketId)
    .map(launchIdOf);
  const sessions = recordsIn(join(world.registry, "sessions"))
    .filter((record) => (record["tickets"] as { id: string }[]).some(({ id }) => id === ticketId))
    .map(launchIdOf);
  const podsOfTicket = join(world.registry, "pods", ticketId);
  const pods = namesIn(podsOfTicket).flatMap((pod) => recordsIn(join(podsOfTicket, pod)).map(launchIdOf));
  const locked = (suffix: string) =>
    locksHeld(join(world.registry, "locks", `${ticketId}.${suffix}`)) ? "held" : "free";
  const launches = new Map(
    [...new Set([...claims, ...sessions, ...pods])].map((launchId) => [
      launchId,
      { processes: world.processesOf(launchId), prompts: world.promptsOf(launchId) },
    ]),
  );
  return { claims, claimBytes, sessions, launchLock: locked("launch"), podLock: locked("pod"), launches };
}

export function claimFile(registry: string, ticketId: string): string {
  return join(registry, "claims", `${ticketId}.json`);
}

/** The launch ids of the ticket's history. */
export function historyOf(registry: string, ticketId: string): string[] {
  return namesIn(join(registry, "history", ticketId))
    .filter((name) => name.endsWith(".json") && !name.startsWith("."))
    .map((name) => name.slice(0, -".json".length));
}

function recordsIn(directory: string): Record<string, unknown>[] {
  return namesIn(directory)
    .filter((name) => name.endsWith(".json"))
    .flatMap((name) => textIfThere(join(directory, name)) ?? [])
    .map((text) => JSON.parse(text) as Record<string, unknown>);
}

function launchIdOf(record: Record<string, unknown>): string {
  return String(record["launchId"]);
}

/** Waits until the ticket's Pod lock is free: a process that ends gives up its memory, by which it is found, before its descriptors. */
export async function untilPodLockFree(world: PodWorld, ticketId: string, deadlineMs: number): Promise<void> {
  await waitUntil(() => observe(world, ticketId).podLock === "free", {
    deadlineMs,
    what: "the Pod lock to be free",
  });
}
