import fs from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Claim } from "../../machines/launch.types.js";
import type { Store, StoreKind } from "./store.js";

const fsync = promisify(fs.fsync);

type Claims = Record<string, Claim>;

export const jsonFile: StoreKind = {
  name: "one JSON file",
  how: "rewritten for each claim under a lock file: temporary file, fsync, rename, fsync of the directory",
  notDone: [
    "The lock file of a process that was killed stands in the way of all tickets until somebody removes it.",
    "Whoever claims waits for whoever claims any other ticket, and what a claim costs grows with the claims that stand.",
    "A claim says nothing about whether its Pod lives, and no history is kept.",
  ],
  open(directory, claims) {
    const all: Claims = Object.fromEntries(claims.map((claim) => [claim.ticket.id, claim]));
    fs.writeFileSync(join(directory, "claims.json"), JSON.stringify(all), { mode: 0o600 });
    return new JsonFile(directory);
  },
};

class JsonFile implements Store {
  readonly #directory: string;
  readonly #file: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.#file = join(directory, "claims.json");
  }

  async claim(claim: Claim): Promise<void> {
    await this.#changed((claims) => {
      if (Object.hasOwn(claims, claim.ticket.id)) throw new Error(`${claim.ticket.id} is claimed already`);
      claims[claim.ticket.id] = claim;
      return claims;
    });
  }

  async release({ ticket, launchId }: Claim): Promise<void> {
    await this.#changed(({ [ticket.id]: standing, ...others }) => {
      if (standing?.launchId !== launchId)
        throw new Error(`the claim of ${ticket.id} is not that of launch ${launchId}`);
      return others;
    });
  }

  async states(): Promise<number> {
    return Object.values(this.#read()).length;
  }

  async #changed(change: (claims: Claims) => Claims): Promise<void> {
    const lock = join(this.#directory, "claims.lock");
    fs.closeSync(fs.openSync(lock, "wx"));
    try {
      const temp = `${this.#file}.tmp`;
      await written(temp, JSON.stringify(change(this.#read())));
      fs.renameSync(temp, this.#file);
      await synced(this.#directory);
    } finally {
      fs.unlinkSync(lock);
    }
  }

  #read(): Claims {
    return JSON.parse(fs.readFileSync(this.#file, "utf8")) as Claims;
  }
}

async function written(file: string, text: string): Promise<void> {
  const fd = fs.openSync(file, "w", 0o600);
  try {
    fs.writeFileSync(fd, text);
    await fsync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

async function synced(directory: string): Promise<void> {
  const fd = fs.openSync(directory, "r");
  try {
    await fsync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
