/** The stores that are compared must do the same: what one of them left out would look like speed. */
import { afterAll, describe, expect, test } from "vitest";
import { newClaims } from "../../bench/full-registry.js";
import { jsonFile } from "../../bench/same-work/json-file.js";
import { lockAndFiles } from "../../bench/same-work/lock-and-files.js";
import { ours } from "../../bench/same-work/ours.js";
import { sqlite } from "../../bench/same-work/sqlite.js";
import type { StoreKind } from "../../bench/same-work/store.js";
import { disposeAll } from "../../bench/scratch.js";
import { temporaryDirectory } from "../fixtures/temporary.js";

// The benchmark installs it on demand; where it never ran, it is not there.
const sqliteHere = await sqlite({ install: false }).catch(() => undefined);

afterAll(disposeAll);

describe.each<{ kind: StoreKind }>(
  [ours, lockAndFiles, jsonFile, ...(sqliteHere ? [sqliteHere] : [])].map((kind) => ({ kind })),
)("$kind.name", ({ kind }) => {
  test("takes a ticket once, and gives it up to its own launch alone", async () => {
    const [claim] = newClaims(1);
    const standing = newClaims(5);
    const store = kind.open(temporaryDirectory(), standing);
    try {
      expect(await store.states()).toBe(5);
      await store.claim(claim!);
      expect(await store.states()).toBe(6);
      await expect(store.claim({ ...claim!, launchId: "0199aaaa-0000" })).rejects.toThrow("claimed already");
      await expect(store.release({ ...claim!, launchId: "0199aaaa-0000" })).rejects.toThrow(
        "is not that of launch",
      );
      expect(await store.states()).toBe(6);
      await store.release(claim!);
      expect(await store.states()).toBe(5);
      store.tidy?.(claim!);
      await store.claim(claim!);
      expect(await store.states()).toBe(6);
    } finally {
      store.close?.();
    }
  });
});
