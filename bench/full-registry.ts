/** Registries that are full already. Very many claims take a while to write: those of a run are written once, and shared. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import type { Claim } from "../machines/launch.types.js";
import { FileRegistry } from "../src/registry/file-registry.js";
import { tryLockFile } from "../src/registry/locks.js";
import { serializeRecord } from "../src/registry/records.js";
import { newTicket, recordsOf, workspaceIn } from "./records.js";
import { scratchDirectory } from "./scratch.js";

/** Pods that hold their locks. Not more: every one takes a descriptor. */
export const MOST_HELD = 500;

export interface FullRegistry {
  /** The workspace, and the data directory. */
  readonly root: string;
  readonly home: string;
  readonly registry: FileRegistry;
  /** Its directory, where claims, sessions and the like are. */
  readonly directory: string;
  readonly claims: readonly Claim[];
}

const shared = new Map<number, FullRegistry>();

/** So many claims, as launches leave them, of which up to 500 are live. Whoever adds to it takes that away again. */
export function fullRegistry(count: number): FullRegistry {
  const there = shared.get(count);
  if (there) return there;
  const workspace = workspaceIn(scratchDirectory(), `full-${count}`);
  const { root, home, directory } = workspace;
  const registry = new FileRegistry({ workspace });
  const claims = newClaims(count);
  writeClaims(join(directory, "claims"), claims, (claim) => serializeRecord("claim", claim));
  const step = Math.ceil(count / MOST_HELD);
  claims.forEach(({ ticket: { id } }, index) => {
    fs.writeFileSync(join(directory, "locks", `${id}.launch`), "", { mode: 0o600 });
    const pod = join(directory, "locks", `${id}.pod`);
    if (index % step !== 0) fs.writeFileSync(pod, "", { mode: 0o600 });
    // Held until this process ends, as a Pod holds it.
    else if (tryLockFile(pod) === undefined) throw new Error(`the Pod lock of ${id} was to be free`);
  });
  settleDisk();
  const made = { root, home, registry, directory, claims };
  shared.set(count, made);
  return made;
}

export function newClaims(count: number): readonly Claim[] {
  return Array.from({ length: count }, () => recordsOf(newTicket()).claim);
}

/** Claims that are merely there, one file each, durable or not. */
export function writeClaims(
  directory: string,
  claims: readonly Claim[],
  serialize: (claim: Claim) => string,
): void {
  for (const claim of claims) {
    fs.writeFileSync(join(directory, `${claim.ticket.id}.json`), serialize(claim), { mode: 0o600 });
  }
}

/** What was written just now must not become durable at a sample's expense. */
export function settleDisk(): void {
  execFileSync("sync");
}
