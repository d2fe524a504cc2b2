import { describe, expect, test } from "vitest";
import type { Claim } from "../../../machines/launch.types.js";
import { compare, type Found } from "./compare.js";
import { toldBy, type Acknowledged, type Line } from "./log.js";
import { newClaim, sessionOf } from "./records.js";

const one = newClaim("T-1");
const next = newClaim("T-1", one);

const must = (fields: Partial<Acknowledged> = {}): Acknowledged => ({
  claim: undefined,
  ended: new Map(),
  underWay: undefined,
  ...fields,
});
const end = { what: "end", ticket: "T-1", claim: one } as const;
const commit = { what: "commit", ticket: "T-1", claim: one } as const;
const replace = { what: "replace", ticket: "T-1", claim: next } as const;

const nothing: Found = { standing: undefined, history: [], sessions: [], file: undefined };
const standing = (claim: Claim): Found => ({
  standing: { kind: "claim", claim },
  history: [],
  sessions: [sessionOf(claim)],
  file: JSON.stringify(claim),
});
const entryOf = (claim: Claim) =>
  ({ claim, endedAt: claim.claimedAt, how: "released", reason: "done", by: "writer" }) as const;

describe("what may be on the disk after a power cut", () => {
  const possible: [string, Acknowledged, Found][] = [
    ["what was acknowledged", must({ claim: one }), standing(one)],
    ["a commit under way that did not happen", must({ underWay: commit }), nothing],
    ["a commit under way that happened", must({ underWay: commit }), standing(one)],
    ["the claim before a replacement under way", must({ claim: one, underWay: replace }), standing(one)],
    ["the claim after it", must({ claim: one, underWay: replace }), standing(next)],
    ["an end under way that did not happen", must({ claim: one, underWay: end }), standing(one)],
    [
      "an end under way whose entry is there, and whose file still is",
      must({ claim: one, underWay: end }),
      { ...nothing, history: [entryOf(one)], file: JSON.stringify(one) },
    ],
  ];
  test.each(possible)("%s", (_, acknowledged, found) => {
    expect(compare(acknowledged, found)).toEqual([]);
  });
});

describe("what may not", () => {
  const ended = new Map([[one.launchId, one]]);
  const torn = { kind: "unreadable", file: "T-1.json", reason: "it is empty", expect: "sha256:0" } as const;
  const impossible: [string, Acknowledged, Found, RegExp][] = [
    ["a lost claim", must({ claim: one }), nothing, /must be .*is none/u],
    ["a torn claim", must({ claim: one }), { ...standing(one), standing: torn }, /torn/u],
    ["an altered claim", must({ claim: one }), standing({ ...one, role: "coder" }), /must be/u],
    ["the claim before an acknowledged replacement", must({ claim: next }), standing(one), /must be/u],
    ["a released claim that is back", must({ ended }), standing(one), /must be none/u],
    [
      "the file of a released claim",
      must({ ended }),
      { ...nothing, history: [entryOf(one)], file: JSON.stringify(one) },
      /file must hold none/u,
    ],
    ["a lost history entry", must({ ended }), nothing, /history entry of .* is lost/u],
    [
      "an altered history entry",
      must({ ended }),
      { ...nothing, history: [entryOf({ ...one, role: "coder" })] },
      /is changed/u,
    ],
    ["an end that nobody asked for", must(), { ...nothing, history: [entryOf(one)] }, /nobody ended it/u],
    ["half an end without its entry", must({ claim: one, underWay: end }), nothing, /no history entry/u],
    ["a claim without its session", must({ claim: one }), { ...standing(one), sessions: [] }, /session/u],
  ];
  test.each(impossible)("%s", (_, acknowledged, found, said) => {
    expect(compare(acknowledged, found).join("; ")).toMatch(said);
  });
});

test("a log tells what was acknowledged and what was under way", () => {
  const lines: Line[] = [
    { say: "begin", operation: commit },
    { say: "done", ticket: "T-1" },
    { say: "begin", operation: end },
  ];
  const told = (count: number) =>
    toldBy(
      lines
        .slice(0, count)
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(""),
    ).tickets.get("T-1");
  expect(told(1)).toEqual(must({ underWay: commit }));
  expect(told(2)).toEqual(must({ claim: one }));
  expect(told(3)).toEqual(must({ claim: one, underWay: end }));
});
