/**
 * better-sqlite3 is no dependency of this repository: where no binary can be fetched for it, it has to be compiled, which no
 * `npm ci` of ours shall need. It is installed once, pinned, into the cache of the benchmark.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Claim } from "../../machines/launch.types.js";
import { install, installed, type Pinned } from "../../test/real-agents/install.js";
import type { Store, StoreKind } from "./store.js";

/** The last that runs on Node 20. The binary is made for one binary interface of Node. */
const PACKAGE: Pinned = {
  name: `better-sqlite3-abi${process.versions.modules}`,
  package: "better-sqlite3",
  version: "12.11.1",
};

/** What is used of it. */
interface Database {
  pragma(words: string): unknown;
  exec(words: string): unknown;
  prepare(words: string): Statement;
  transaction<Words extends readonly unknown[]>(
    act: (...words: Words) => void,
  ): { immediate(...words: Words): void };
  close(): void;
}

interface Statement {
  run(...values: readonly unknown[]): { readonly changes: number };
  all(): readonly unknown[];
}

/** @throws Error if it is neither there nor can be installed; `install: false` does not try */
export async function sqlite(options: { readonly install: boolean }): Promise<StoreKind> {
  const place = installed(PACKAGE) ?? (options.install ? await install(PACKAGE) : undefined);
  if (!place) throw new Error(`${PACKAGE.package}@${PACKAGE.version} is not installed (--no-install)`);
  const require = createRequire(join(place.programs, "any.js"));
  const Opened = require(PACKAGE.package) as new (file: string) => Database;
  return {
    name: "better-sqlite3",
    how: "a row a claim, changed in an immediate transaction; write-ahead log, synchronous FULL",
    notDone: [
      "A transaction excludes nobody for as long as a Pod takes to start: a ticket that is being launched needs a row that a crash leaves behind.",
      "A claim says nothing about whether its Pod lives, and no history is kept.",
    ],
    open: (directory, claims) => new Sqlite(new Opened(join(directory, "claims.db")), claims),
  };
}

class Sqlite implements Store {
  readonly #database: Database;
  readonly #claim;
  readonly #release;
  readonly #list: Statement;

  constructor(database: Database, claims: readonly Claim[]) {
    this.#database = database;
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.exec(
      "CREATE TABLE claims (ticket TEXT PRIMARY KEY, launch TEXT NOT NULL, record TEXT NOT NULL)",
    );
    const insert = database.prepare("INSERT INTO claims VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
    const remove = database.prepare("DELETE FROM claims WHERE ticket = ? AND launch = ?");
    const add = (claim: Claim) => {
      const { ticket, launchId } = claim;
      if (insert.run(ticket.id, launchId, JSON.stringify(claim)).changes !== 1)
        throw new Error(`${ticket.id} is claimed already`);
    };
    this.#claim = database.transaction(add);
    this.#release = database.transaction(({ ticket, launchId }: Claim) => {
      if (remove.run(ticket.id, launchId).changes !== 1)
        throw new Error(`the claim of ${ticket.id} is not that of launch ${launchId}`);
    });
    this.#list = database.prepare("SELECT record FROM claims");
    database.transaction(() => claims.forEach(add)).immediate();
  }

  async claim(claim: Claim): Promise<void> {
    this.#claim.immediate(claim);
  }

  async release(claim: Claim): Promise<void> {
    this.#release.immediate(claim);
  }

  async states(): Promise<number> {
    return this.#list.all().map((row) => JSON.parse((row as { record: string }).record) as unknown).length;
  }

  close(): void {
    this.#database.close();
  }
}
