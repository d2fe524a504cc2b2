/** The checker itself: a possible history breaks nothing, and each impossible one is named. */
import { describe, expect, it } from "vitest";
import { check } from "./check.js";
import type { Answer, Call, History, Operation, Prompt, Sample, TheClaim, TicketSample } from "./history.js";

const claim = (launchId: string, ...restoredFrom: string[]): TheClaim => ({ launchId, restoredFrom });

function call(
  operation: Operation,
  [at, until]: readonly [number, number?],
  answer: Answer,
  given: Partial<Call> = {},
): Call {
  const id = `${operation}@${at}`;
  const ended = until === undefined ? {} : { until, answer };
  return { type: "called", id, at, operation, ticket: "T", ...ended, ...given };
}

const launched = (launchId: string, at: number, until: number, more: Partial<Answer> = {}): Call =>
  call(
    "launch",
    [at, until],
    { status: "claimed", adopted: false, claim: claim(launchId), ...more },
    { launchId },
  );

const released = (launchId: string, at: number, until: number): Call =>
  call("release", [at, until], { status: "ended", ended: claim(launchId) });

function seen(at: number, ticket: Partial<TicketSample> = {}): Sample {
  return { from: at, until: at + 1, tickets: [{ ticket: "T", history: [], living: [], ...ticket }] };
}

function told(...launchIds: string[]): Prompt[] {
  return launchIds.map((launchId) => ({ launchId, text: launchId }));
}

/** What is not given is as it would be if all were well. */
function history(given: Partial<History>): History {
  const calls = given.calls ?? [];
  const claims = calls.flatMap(({ answer }) => (answer?.status === "claimed" ? (answer.claim ?? []) : []));
  return {
    calls,
    samples: [],
    prompts: told(...new Set(claims.map(({ launchId }) => launchId))),
    ended: claims.map((one) => ({ ...one, ticket: "T" })),
    launchIdOfPod: new Map([["pod-a", "a"]]),
    ...given,
  };
}

describe("a possible history", () => {
  it("breaks nothing: claimed, ended, claimed again, with a restore and calls that never answered", () => {
    const possible = history({
      calls: [
        launched("a", 0, 10),
        call("launch", [2, 5], { status: "blocked", by: "inFlight" }, { launchId: "x" }),
        call("status", [12, 14], { status: "told", claim: claim("a") }),
        call("restore", [20, 30], { status: "restored", claim: claim("b", "a") }, { launchId: "b" }),
        released("b", 40, 50),
        call("launch", [41], { status: "" }, { launchId: "died" }),
        launched("c", 45, 60),
        call("stop", [61, 70], { status: "stopped", pods: ["pod-a"] }),
      ],
      samples: [
        seen(15, { claim: claim("a"), living: ["a"] }),
        seen(35, { claim: claim("b", "a"), living: ["b"] }),
        seen(48, { claim: claim("b", "a"), history: ["b"] }),
        seen(65, { claim: claim("c"), history: ["b"], living: ["c"] }),
      ],
      prompts: told("a", "c", "died"),
      ended: [
        { ...claim("b", "a"), ticket: "T" },
        { ...claim("c"), ticket: "T" },
      ],
    });
    expect(check(possible)).toEqual([]);
  });

  it("is one, too, if a claim that was told late may have ended before the next began", () => {
    const late = history({ calls: [launched("a", 0, 100), released("a", 20, 40), launched("b", 30, 60)] });
    expect(check(late)).toEqual([]);
  });
});

const own = { launchId: "x" };
const impossible: readonly (readonly [rule: string, given: Partial<History>, named: RegExp])[] = [
  [
    "a call throws",
    { calls: [call("stop", [0, 1], { status: "threw", message: "boom" })] },
    /stop T answered threw boom/u,
  ],
  ["an answer is none", { calls: [call("stop", [0, 1], { status: "claimed" })] }, /answered claimed/u],
  [
    "a launch fails by a defect",
    { calls: [call("launch", [0, 1], { status: "failed", code: "lock_lost" }, own)] },
    /failed lock_lost/u,
  ],
  [
    "two claims stand at once",
    { calls: [launched("a", 0, 10), launched("b", 20, 30), released("a", 40, 50)] },
    /at the same time/u,
  ],
  [
    "a claim is seen while another is",
    {
      calls: [launched("a", 0, 10)],
      samples: [seen(20, { claim: claim("b") }), seen(30, { claim: claim("a") })],
      prompts: told("a", "b"),
      ended: [
        { ...claim("a"), ticket: "T" },
        { ...claim("b"), ticket: "T" },
      ],
    },
    /a and b stood at the same time/u,
  ],
  [
    "two Pods run at once",
    { samples: [seen(0, { living: ["a", "b"] })] },
    /Pods of a and b ran at the same time/u,
  ],
  [
    "two are told claimed",
    {
      calls: [
        launched("a", 0, 10),
        call("adopt", [0, 10], { status: "claimed", adopted: true, claim: claim("a") }),
      ],
    },
    /launch@0 and adopt@0 were both told/u,
  ],
  [
    "two are told that they have ended it",
    { calls: [launched("a", 0, 10), released("a", 5, 20), released("a", 6, 20)] },
    /both told that it was ended/u,
  ],
  [
    "a reclaim ends another claim than it expects",
    {
      calls: [
        launched("a", 0, 10),
        call("reclaim", [11, 12], { status: "ended", ended: claim("a") }, { expect: "older" }),
      ],
    },
    /expected older, and ended a/u,
  ],
  [
    "a launch calls another's claim its own",
    { calls: [call("launch", [0, 1], { status: "claimed", adopted: false, claim: claim("a") }, own)] },
    /launch x was told/u,
  ],
  [
    "an ended claim is told",
    {
      calls: [
        launched("a", 0, 10),
        released("a", 11, 20),
        call("status", [21, 22], { status: "told", claim: claim("a") }),
      ],
    },
    /is back at 21/u,
  ],
  [
    "an ended claim is seen",
    { calls: [launched("a", 0, 10), released("a", 11, 20)], samples: [seen(30, { claim: claim("a") })] },
    /is back at 30/u,
  ],
  [
    "a restored claim's former one is seen",
    {
      calls: [
        launched("a", 0, 10),
        call("restore", [11, 12], { status: "restored", claim: claim("b", "a") }, { launchId: "b" }),
      ],
      samples: [seen(30, { claim: claim("a") })],
      ended: [{ ...claim("b", "a"), ticket: "T" }],
    },
    /a, over since 12.*is back at 30/u,
  ],
  [
    "a claim's file comes back although the history has ended it",
    {
      calls: [launched("a", 0, 10)],
      samples: [
        seen(15, { claim: claim("a") }),
        seen(20, { history: ["a"] }),
        seen(25, { claim: claim("a"), history: ["a"] }),
      ],
    },
    /the file of the claim a went, and is back at 25/u,
  ],
  [
    "a launch that failed has a claim",
    {
      calls: [call("launch", [0, 10], { status: "failed" }, own)],
      samples: [seen(5, { claim: claim("x") })],
      prompts: told("x"),
      ended: [{ ...claim("x"), ticket: "T" }],
    },
    /failed, but the observer knows a claim x/u,
  ],
  [
    "a launch that was blocked is in the history",
    {
      calls: [call("launch", [0, 10], { status: "blocked", by: "live" }, own)],
      ended: [{ ...claim("x"), ticket: "T" }],
    },
    /blocked, but the history has a claim x/u,
  ],
  ...(["failed", "timedOut", "cancelled", "blocked"] as const).map(
    (status) =>
      [
        `a launch that was ${status} has left a process`,
        {
          calls: [call("launch", [0, 10], { status }, own)],
          samples: [seen(11, { living: ["x"] })],
        },
        /a process of x ran at 11/u,
      ] as const,
  ),
  [
    "a stopped Pod runs",
    {
      calls: [call("stop", [0, 10], { status: "stopped", pods: ["pod-a"] })],
      samples: [seen(11, { living: ["a"] })],
    },
    /stopped at 10, but a process of a ran at 11/u,
  ],
  [
    "the Pod of a released claim runs",
    { calls: [launched("a", 0, 5), released("a", 6, 10)], samples: [seen(11, { living: ["a"] })] },
    /ended at 10, but a process of a ran at 11/u,
  ],
  ...(["status", "release", "stop"] as const).map(
    (operation) =>
      [
        `a claim that stands is hidden from a ${operation}`,
        {
          calls: [
            launched("a", 0, 10),
            call(operation, [20, 30], { status: operation === "status" ? "told" : "absent" }),
            released("a", 40, 50),
          ],
        },
        /knows no claim, but a stood all the while/u,
      ] as const,
  ),
  ["a claim is lost", { calls: [launched("a", 0, 10)], ended: [] }, /a stood, and is in no history/u],
  [
    "a prompt is delivered twice",
    { calls: [launched("a", 0, 10)], prompts: told("a", "a") },
    /a: its agent was given 2 prompts/u,
  ],
  [
    "a claim's run was never delivered",
    { calls: [launched("a", 0, 10)], prompts: [] },
    /a: its agent was given 0 prompts/u,
  ],
  [
    "an adopter's prompt is delivered",
    { calls: [launched("a", 0, 10)], prompts: [{ launchId: "a", text: "x" }] },
    /a: its agent was told the prompt of x/u,
  ],
  [
    "a restored agent is given a prompt",
    {
      calls: [call("restore", [0, 10], { status: "restored", claim: claim("b", "a") }, { launchId: "b" })],
      prompts: told("b"),
      ended: [{ ...claim("b", "a"), ticket: "T" }],
    },
    /b: its agent was given 1 prompts/u,
  ],
];

describe("an impossible history is named:", () => {
  it.each(impossible)("%s", (_, given, named) => {
    const broken = check(history(given));
    expect(broken.filter((sentence) => named.test(sentence))).toHaveLength(1);
  });
});
