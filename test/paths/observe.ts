/**
 * What a launch has left behind, measured from outside: directory listings, the process table, the kernel's list of locks. Shares
 * no code with `src`, and knows of the registry only what its documentation says of the files.
 */
import fs from "node:fs";
import { join } from "node:path";
import { locksHeld } from "../fixtures/processes.js";

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
  const claimBytes = textOf(file);
  const claims = recordsIn(join(world.registry, "claims"))
    .filter((record) => (record["ticket"] as { id?: string } | undefined)?.id === ticketId)
    .map(launchIdOf);
  const sessions = recordsIn(join(world.registry, "sessions"))
    .filter((record) => (record["tickets"] as { id: string }[]).some(({ id }) => id === ticketId))
    .map(launchIdOf);
  const podsOfTicket = join(world.registry, "pods", ticketId);
  const pods = listed(podsOfTicket).flatMap((pod) => recordsIn(join(podsOfTicket, pod)).map(launchIdOf));
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

function recordsIn(directory: string): Record<string, unknown>[] {
  return listed(directory)
    .filter((name) => name.endsWith(".json"))
    .flatMap((name) => textOf(join(directory, name)) ?? [])
    .map((text) => JSON.parse(text) as Record<string, unknown>);
}

/** Undefined if there is no such file, or not any more: what is observed goes on meanwhile. */
function textOf(file: string): string | undefined {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function launchIdOf(record: Record<string, unknown>): string {
  return String(record["launchId"]);
}

function listed(directory: string): string[] {
  try {
    return fs.readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
