import fs from "node:fs";
import { join } from "node:path";
import type { Claim, TicketRef } from "../../machines/launch.types.js";
import { createLauncher } from "../../src/launcher.js";
import type { LaunchLock, RoleSession } from "../../src/ports.js";
import { fullRegistry, type FullRegistry } from "../full-registry.js";
import { ObjectPods } from "../object-pods.js";
import { recordsOf } from "../records.js";
import type { Store, StoreKind } from "./store.js";

const { signal } = new AbortController();

/** The registry alone, without the machine: what the others do is no more. */
export const ours: StoreKind = {
  name: "launch-claim",
  how: "the registry under its launch lock: role session and claim written, history kept, states with proof of life",
  notDone: [],
  open: (_directory, { length }) => new Ours(fullRegistry(length)),
};

class Ours implements Store {
  readonly #full: FullRegistry;
  readonly #launcher;

  constructor(full: FullRegistry) {
    this.#full = full;
    const { root, home } = full;
    this.#launcher = createLauncher({ workspace: root, home, runtime: new ObjectPods() });
  }

  async claim(claim: Claim): Promise<void> {
    const { registry } = this.#full;
    await this.#locked(claim.ticket, async (lock) => {
      if (await registry.read(claim.ticket)) throw new Error(`${claim.ticket.id} is claimed already`);
      const { kind } = await registry.commit(lock, { claim, session: sessionOf(claim) }, { signal });
      if (kind !== "committed") throw new Error(`${claim.ticket.id} is claimed already`);
    });
  }

  async release({ ticket, launchId }: Claim): Promise<void> {
    await this.#locked(ticket, async (lock) => {
      const ending = { expect: launchId, how: "released", reason: "done", by: "benchmark" } as const;
      const { kind } = await this.#full.registry.end(lock, ending);
      if (kind !== "ended") throw new Error(`the claim of ${ticket.id} is not that of launch ${launchId}`);
    });
  }

  async states(): Promise<number> {
    return (await this.#launcher.status()).claims.length;
  }

  tidy({ ticket, pod }: Claim): void {
    const { directory } = this.#full;
    for (const path of [
      join(directory, "sessions", `${pod}.json`),
      join(directory, "history", ticket.id),
      join(directory, "locks", `${ticket.id}.launch`),
    ])
      fs.rmSync(path, { recursive: true });
  }

  async #locked(ticket: TicketRef, act: (lock: LaunchLock) => Promise<void>): Promise<void> {
    const lock = await this.#full.registry.lockLaunch(ticket, { signal });
    if (lock === undefined) throw new Error(`${ticket.id} is being changed by somebody`);
    try {
      await act(lock);
    } finally {
      lock.close();
    }
  }
}

function sessionOf({ ticket }: Claim): RoleSession {
  return recordsOf(ticket).session;
}
