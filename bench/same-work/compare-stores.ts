/** The same work done by us and by what people would pick instead, in the same rounds, in stores that hold more and more claims. */
import fs from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../src/errors.js";
import { fullRegistry, newClaims, settleDisk } from "../full-registry.js";
import { comparisonOf, interleaved, timed, type BenchOptions, type Sample, type Spread } from "../measure.js";
import { removeScratch, scratchDirectory } from "../scratch.js";
import { jsonFile } from "./json-file.js";
import { lockAndFiles } from "./lock-and-files.js";
import { ours } from "./ours.js";
import { sqlite } from "./sqlite.js";
import type { Store, StoreKind } from "./store.js";

/** From so many claims on, a round takes seconds: there are fewer, and of less. */
const MANY = 100_000;

export interface StoreOptions extends BenchOptions {
  /** Whether what is missing may be installed. */
  readonly install: boolean;
}

/** One kind of work in a store that holds so many claims, by each kind of store in the order of `kinds`. */
export interface Work {
  readonly work: "claim" | "release" | "states";
  readonly present: number;
  readonly sides: readonly Side[];
}

export interface Side {
  readonly name: string;
  /** In milliseconds. */
  readonly cost: Spread;
  /** What ours costs, divided by this. Absent for ours. */
  readonly ratio?: Spread;
}

export interface SameWork {
  /** Ours is the first. */
  readonly kinds: readonly StoreKind[];
  readonly works: readonly Work[];
  /** What was to be compared and could not be, and why. */
  readonly skipped: readonly string[];
}

export async function compareStores(options: StoreOptions): Promise<SameWork> {
  const { kinds, skipped } = await kindsHere(options);
  const works: Work[] = [];
  for (const present of options.quick ? [10, 100, 1_000] : [10, 1_000, 10_000, MANY]) {
    works.push(...(await compareAt(present, kinds)));
  }
  return { kinds, works, skipped };
}

async function kindsHere(options: StoreOptions): Promise<Pick<SameWork, "kinds" | "skipped">> {
  try {
    return { kinds: [ours, lockAndFiles, await sqlite(options), jsonFile], skipped: [] };
  } catch (error) {
    const skipped = [`better-sqlite3: ${messageOf(error)}`];
    return { kinds: [ours, lockAndFiles, jsonFile], skipped };
  }
}

async function compareAt(present: number, kinds: readonly StoreKind[]): Promise<Work[]> {
  const directory = scratchDirectory();
  const { claims } = fullRegistry(present);
  const stores = kinds.map((kind, index) => {
    const own = join(directory, String(index));
    fs.mkdirSync(own);
    return kind.open(own, claims);
  });
  try {
    settleDisk();
    const few = present < MANY;
    const changes = await interleaved(
      few ? 20 : 5,
      stores.map((store) => changeOf(store, few ? 3 : 1)),
    );
    const states = await interleaved(
      few ? 5 : 4,
      stores.map((store) => statesOf(store, present)),
    );
    const sidesOf = (costs: readonly (readonly number[])[]) =>
      costs.map((cost, index) => sideOf(kinds[index]?.name ?? "", cost, index === 0 ? undefined : costs[0]));
    return [
      { work: "claim", present, sides: sidesOf(changes.map((side) => side.map(({ claim }) => claim))) },
      { work: "release", present, sides: sidesOf(changes.map((side) => side.map(({ release }) => release))) },
      { work: "states", present, sides: sidesOf(states) },
    ];
  } finally {
    for (const store of stores) store.close?.();
    removeScratch(directory);
  }
}

function sideOf(name: string, costs: readonly number[], ofOurs: readonly number[] | undefined): Side {
  const { b, ratio } = comparisonOf(ofOurs ?? costs, costs);
  return { name, cost: b, ...(ofOurs && { ratio }) };
}

/** @param batch claims in a row, for one sample */
function changeOf(store: Store, batch: number): Sample<{ readonly claim: number; readonly release: number }> {
  return async () => {
    const claims = newClaims(batch);
    const each = (act: (claim: (typeof claims)[number]) => Promise<void>) =>
      timed(batch, (index) => act(claims[index] as (typeof claims)[number]));
    const claim = await each((one) => store.claim(one));
    const release = await each((one) => store.release(one));
    for (const one of claims) store.tidy?.(one);
    return { claim, release };
  };
}

function statesOf(store: Store, present: number): Sample {
  return () =>
    timed(1, async () => {
      const found = await store.states();
      if (found !== present) throw new Error(`${present} claims were to be found, but ${found} were`);
    });
}
