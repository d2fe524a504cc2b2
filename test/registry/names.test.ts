import fc from "fast-check";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { v7 as newLaunchId } from "uuid";
import type { TicketRef } from "../../machines/launch.types.js";
import { fileName, idOf, podName } from "../../src/registry/names.js";
import { printable } from "../../src/text.js";
import { namesIn } from "../fixtures/files.js";
import { claimed, errorOf, INVISIBLE, RegistryBench, treeOf } from "../fixtures/registry-bench.js";

describe("a ticket id is refused, and the message says what came, with nothing invisible in it:", () => {
  const hintOfAll = "Use the tracker's own id, for example T-12 or owner/repo#12.";
  const refused: Readonly<Record<string, readonly [id: unknown, says: string]>> = {
    empty: ["", "must not be empty"],
    blank: [" \u00a0\u3000 ", "must not be empty"],
    "a null byte": ["T\0", String.raw`"T\u0000"`],
    "an escape sequence": ["\u001b[31mT-1", String.raw`"\u001b[31mT-1"`],
    "a line break": ["T-1\nT-2", String.raw`"T-1\nT-2"`],
    DEL: ["T\u007f", String.raw`"T\u007f"`],
    "a C1 control character": ["T\u009b31m", String.raw`"T\u009b31m"`],
    "a right-to-left override": ["T-\u202e1", String.raw`"T-\u202e1"`],
    "a bidi isolate": ["T-\u20661", String.raw`"T-\u20661"`],
    "a right-to-left mark": ["T-\u200f1", String.raw`"T-\u200f1"`],
    "an Arabic letter mark": ["T-\u061c1", String.raw`"T-\u061c1"`],
    "a line separator": ["T\u2028", String.raw`"T\u2028"`],
    "a replacement character": ["T\ufffd", String.raw`"T\ufffd"`],
    "half of a character": ["T\ud83d", String.raw`"T\ud83d"`],
    "1,025 bytes": ["a".repeat(1025), 'at most 1024 bytes of UTF-8, but "aaaa'],
    "1,026 bytes in 513 characters": ["é".repeat(513), "has 1026"],
    "a number": [12, "must be a string, but is number"],
    null: [null, "must be a string, but is null"],
    nothing: [undefined, "must be a string, but is undefined"],
  };

  test.each(Object.entries(refused))("%s", async (_, [id, says]) => {
    const bench = new RegistryBench();
    const launcher = bench.launcher();
    const before = treeOf(bench.directory);
    const ticket = { id } as TicketRef;
    const verbs = [
      () => launcher.launch({ ticket }),
      () => launcher.adopt(ticket),
      () => launcher.status(ticket),
      () => launcher.stop(ticket),
      () => launcher.release(ticket),
      () => launcher.reclaim(ticket, { expect: "0199" }),
      () => launcher.history(ticket),
      () => launcher.recordSession({ pod: "p", role: "intake", tickets: [ticket] }),
    ];
    for (const verb of verbs) {
      const { code, message, hint } = await errorOf(verb);
      expect({ code, hint }).toEqual({ code: "ticket_id_invalid", hint: hintOfAll });
      expect(message).toContain(says);
      expect(message).not.toMatch(INVISIBLE);
      expect(message.length).toBeLessThan(300);
    }
    expect(treeOf(bench.directory)).toEqual(before);
  });

  test("too long and with an escape sequence at its beginning", async () => {
    const launcher = new RegistryBench().launcher();
    const { message } = await errorOf(() =>
      launcher.launch({ ticket: { id: `\u001b[31m${"a".repeat(2000)}` } }),
    );
    expect(message).not.toMatch(INVISIBLE);
  });

  test("no ticket at all: a launch is refused with a LaunchClaimError, whatever stands in its place", async () => {
    const launcher = new RegistryBench().launcher();
    for (const ticket of [undefined, null, "T-1", 12, []]) {
      const { code } = await errorOf(() => launcher.launch({ ticket: ticket as unknown as TicketRef }));
      expect(["ticket_id_invalid", "request_invalid"]).toContain(code);
    }
  });
});

test("a slug that is not printable is refused with the id it came with", async () => {
  const launcher = new RegistryBench().launcher();
  const { code, message } = await errorOf(() => launcher.launch({ ticket: { id: "T-1", slug: "a\u001bb" } }));
  expect(code).toBe("ticket_id_invalid");
  expect(message).toContain('"T-1" has a slug that is not printable');
  expect(message).not.toMatch(INVISIBLE);
});

test("odd but printable ids each have their own claim, read back by another process's registry, and nothing leaves the registry", async () => {
  const ids = [
    "owner/repo#12",
    "owner/repo#1",
    "../../etc/passwd",
    "..",
    ".",
    "/",
    ".hidden",
    "%41",
    "A",
    "%2E",
    "~",
    "T 1",
    "T-1.json",
    "T-1",
    'quotes " and \\ and $(touch x)',
    "Fußgängerübergang",
    "チケット",
    "👩‍👩‍👧",
    "constructor",
    "__proto__",
    "a".repeat(200),
    "a".repeat(201),
    "a".repeat(300),
    "a".repeat(301),
    "a".repeat(1024),
    "é".repeat(512),
    `${"é".repeat(511)}ab`,
  ];
  const bench = new RegistryBench();
  const before = treeOf(bench.directory);
  const claims = new Map<string, unknown>();
  for (const id of ids) claims.set(id, await claimed(bench.open(), id));

  const other = bench.open();
  for (const id of ids) expect(await other.read({ id })).toEqual({ kind: "claim", claim: claims.get(id) });
  const listed = await other.list();
  expect(listed.map((stored) => stored.kind === "claim" && stored.claim.ticket.id)).toEqual([...ids].sort());
  expect(namesIn(bench.layout.claims)).toHaveLength(ids.length);

  const outside = Object.entries(treeOf(bench.directory)).filter(([path]) => !path.startsWith("./home"));
  expect(Object.fromEntries(outside)).toEqual(before);
  expect(namesIn(bench.home)).toEqual(["workspaces"]);
});

test("odd ids go through a whole launch and its release, each with its own locks, Pod, session and history", async () => {
  const bench = new RegistryBench();
  const launcher = bench.launcher();
  const ids = ["../../etc/passwd", ".hidden", "%41", "A", "é".repeat(512)];
  for (const id of ids) {
    expect(await bench.launch(id, launcher)).toMatchObject({ status: "claimed", claim: { ticket: { id } } });
  }
  for (const id of ids) {
    await launcher.stop({ id });
    expect(await launcher.release({ id })).toMatchObject({ status: "ended" });
    expect(await launcher.history({ id })).toMatchObject([{ claim: { ticket: { id } } }]);
  }
  expect(await launcher.status()).toEqual({ claims: [] });
  expect(await launcher.doctor()).toEqual({ healthy: true, findings: [] });
});

/** Ids that come close to each other: few characters, among them all that an encoding could trip over, and long ones. */
const anyId = fc
  .oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 80 }),
    fc.string({ unit: fc.constantFrom("a", "A", "%", "~", "2", "F", "/", ".", "-", "_", " ", "é", "👩") }),
    fc
      .tuple(fc.constantFrom("a", "é", "/"), fc.integer({ min: 60, max: 512 }), fc.string({ maxLength: 3 }))
      .map(([char, times, end]) => char.repeat(times) + end),
  )
  .filter((id) => id !== "" && !/\p{Cs}/u.test(id) && Buffer.byteLength(id) <= 1024);

describe("a file name,", () => {
  test("for any id, is short, plain, and gives the id back unless it is a hash", () => {
    fc.assert(
      fc.property(anyId, (id) => {
        const name = fileName(id);
        expect(name).toMatch(/^[A-Za-z0-9_%~-]{1,200}$/u);
        expect([id, undefined]).toContain(idOf(name));
        if (!name.includes("~")) expect(idOf(name)).toBe(id);
        // Nothing is hidden, and nothing leads out of the directory.
        expect(join("/claims", `${name}.json`)).toBe(`/claims/${name}.json`);
      }),
      { numRuns: 3_000 },
    );
  });

  test("is never that of another id, and only ids that differ in nothing but case have names that do so", () => {
    fc.assert(
      fc.property(anyId, anyId, (one, other) => {
        if (one === other) return;
        expect(fileName(one)).not.toBe(fileName(other));
        if (fileName(one).toLowerCase() === fileName(other).toLowerCase()) {
          expect(one.toLowerCase()).toBe(other.toLowerCase());
        }
      }),
      { numRuns: 5_000 },
    );
  });

  test("is never that of an id that differs in one place only, near the end or anywhere", () => {
    const change = fc.record({
      id: anyId,
      at: fc.nat(),
      to: fc.constantFrom("", "a", "A", "%", "%41", "~", "/", "é"),
    });
    fc.assert(
      fc.property(change, ({ id, at, to }) => {
        const characters = Array.from(id);
        characters[at % characters.length] = to;
        const other = characters.join("");
        if (other !== id && other !== "") expect(fileName(other)).not.toBe(fileName(id));
      }),
      { numRuns: 3_000 },
    );
  });
});

test("an id that reads like the hashed name of a long one has another name than that", () => {
  const long = "a".repeat(300);
  expect(fileName(long)).toMatch(/^a+~[0-9a-f]{32}$/u);
  expect(fileName(fileName(long))).not.toBe(fileName(long));
});

describe("a Pod's name", () => {
  const suffix = /-[0-9a-hjkmnp-tv-z]{6}$/u;

  test("says role and slug, else the id, and ends in six characters of the launch id", () => {
    const launchId = "0199c0de-0000-7000-8000-00000000000a";
    expect(podName("coder", { id: "20260607-demo", slug: "demo" }, launchId)).toBe("coder-demo-a00000");
    expect(podName("coder", { id: "owner/repo#12" }, launchId)).toBe("coder-owner-repo-12-a00000");
    expect(podName("intake", { id: "チケット" }, launchId)).toBe("intake-a00000");
  });

  test("is short and plain for any role and id, and another one for the next launch", () => {
    fc.assert(
      fc.property(anyId, anyId, (id, role) => {
        const [first, second] = [newLaunchId(), newLaunchId()];
        const name = podName(role, { id }, first);
        expect(name).toMatch(/^[A-Za-z0-9_-]{6,88}$/u);
        expect(name.slice(-7)).toMatch(name.length === 6 ? /^[^-]{6}$/u : suffix);
        expect(fileName(name)).toBe(name);
        expect(podName(role, { id }, first)).toBe(name);
        expect(podName(role, { id }, second)).not.toBe(name);
      }),
    );
  });

  // `newLaunchId` may be the host's: "unique, 8 to 64 of 0-9A-Za-z-".
  test("is unique for every kind of launch id that a host may give, not for hexadecimal ones only", () => {
    for (const [one, other] of [
      ["launch-worker-x", "launch-worker-y"],
      ["20260607T101500", "20260607T101501"],
      ["01JD5W4Z9V0000000000000001", "01JD5W4Z9V0000000000000002"],
    ] as const) {
      const names = [one, other].map((launchId) => podName("intake", { id: "T-1" }, launchId));
      for (const name of names) expect(name).toMatch(suffix);
      expect(new Set(names).size, names.join(" and ")).toBe(2);
    }
  });
});

describe("a launch id that a host gives", () => {
  test.each(["short", "a/b/c/d/e", "../../../x", "has space", "x".repeat(65), "", "umläute1"])(
    "is refused before anything is on disk if it is not 8 to 64 of 0-9A-Za-z-: %j",
    async (id) => {
      const bench = new RegistryBench();
      const launcher = bench.launcher({ newLaunchId: () => id });
      const before = treeOf(bench.directory);
      const { code, message } = await errorOf(() => bench.launch("T-1", launcher));
      expect(code).toBe("request_invalid");
      expect(message).toContain("launch id");
      expect(treeOf(bench.directory)).toEqual(before);
    },
  );
});

test("text from elsewhere is shown quoted and bounded, with everything invisible made visible", () => {
  expect(printable("\u001b[2J\u0085\u202e\u007f\n\ud800")).toBe(
    String.raw`"\u001b[2J\u0085\u202e\u007f\n\ud800"`,
  );
  expect(printable("x".repeat(1000))).toHaveLength(83);
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(printable(text, 50)).not.toMatch(INVISIBLE);
    }),
  );
});
