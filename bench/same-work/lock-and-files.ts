import fs from "node:fs";
import { join } from "node:path";
import { lock } from "proper-lockfile";
import writeFileAtomic from "write-file-atomic";
import type { Claim, TicketRef } from "../../machines/launch.types.js";
import { writeClaims } from "../full-registry.js";
import type { Store, StoreKind } from "./store.js";

export const lockAndFiles: StoreKind = {
  name: "proper-lockfile + write-file-atomic",
  how: "a lock directory beside the ticket's claim, and the claim a file of its own",
  notDone: [
    "The lock of a process that was killed stands in the way for ten seconds, and a process that is merely stopped loses its lock to another.",
    "The file is made durable and its directory is not: after a power cut a claim that was acknowledged may be gone, and one that was released back.",
    "A claim says nothing about whether its Pod lives, and no history is kept.",
  ],
  open(directory, claims) {
    const store = new LockAndFiles(join(directory, "claims"));
    writeClaims(store.directory, claims, (claim) => JSON.stringify(claim));
    return store;
  },
};

class LockAndFiles implements Store {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
    fs.mkdirSync(directory);
  }

  async claim(claim: Claim): Promise<void> {
    await this.#locked(claim.ticket, async (file) => {
      if (fs.existsSync(file)) throw new Error(`${claim.ticket.id} is claimed already`);
      await writeFileAtomic(file, JSON.stringify(claim), { mode: 0o600 });
    });
  }

  async release({ ticket, launchId }: Claim): Promise<void> {
    await this.#locked(ticket, async (file) => {
      if (read(file).launchId !== launchId)
        throw new Error(`the claim of ${ticket.id} is not that of launch ${launchId}`);
      fs.unlinkSync(file);
    });
  }

  async states(): Promise<number> {
    return fs
      .readdirSync(this.directory)
      .filter((name) => name.endsWith(".json"))
      .map((name) => read(join(this.directory, name))).length;
  }

  async #locked(ticket: TicketRef, act: (file: string) => Promise<void>): Promise<void> {
    const file = join(this.directory, `${ticket.id}.json`);
    // The file itself need not be there.
    const unlock = await lock(file, { realpath: false });
    try {
      await act(file);
    } finally {
      await unlock();
    }
  }
}

function read(file: string): Claim {
  return JSON.parse(fs.readFileSync(file, "utf8")) as Claim;
}
