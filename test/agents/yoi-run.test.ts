import { describe, expect, it } from "vitest";
import type { SettleClock } from "../../src/pod/agents/evidence.js";
import { YoiRun } from "../../src/pod/agents/yoi-run.js";

/** A clock that stands until it is told. */
class StoppedClock implements SettleClock<number> {
  ms = 0;
  #next = 1;
  readonly #due = new Map<number, { at: number; callback: () => void }>();

  setTimeout(callback: () => void, ms: number): number {
    this.#due.set(this.#next, { at: this.ms + ms, callback });
    return this.#next++;
  }

  clearTimeout(timer: number): void {
    this.#due.delete(timer);
  }

  get running(): number {
    return this.#due.size;
  }

  /** In the order in which they are due: what a timer starts may be due as well. */
  advanceTo(ms: number): void {
    for (;;) {
      const [next] = [...this.#due].sort(([, a], [, b]) => a.at - b.at);
      if (!next || next[1].at > ms) break;
      this.ms = next[1].at;
      this.#due.delete(next[0]);
      next[1].callback();
    }
    this.ms = ms;
  }
}

const OURS = [{ kind: "text", content: "Clarify T-1.\n\n[launch 0199, run 1]" }] as const;
const message = (segments: unknown): Line => ["user_message", { segments }];
const ours = message([...OURS]);
const another = message([{ kind: "text", content: "Clarify T-1." }]);
const status = (name: string): Line => ["status", { status: name }];
const error = (code: string, words = "no"): Line => ["error", { code, message: words }];
const start: Line = ["invoke_start", { kind: "user_send" }];
const turn: Line = ["turn_start", { turn: 0 }];
const result = (name: string): Line => ["run_end", { result: name }];

type Line = readonly [string, unknown?];
/** What happened, at which millisecond after the run was written; `looks` is what a look finds from then on. */
type Script = readonly (readonly [number, Line | "doubt" | "cancelled" | { readonly looks: Look }])[];
type Look = { readonly status: string; readonly stored: boolean } | "nothing";

function replay(script: Script, { statusAtSend = "idle", untilMs = 10_000 } = {}) {
  const clock = new StoppedClock();
  const story: string[] = [];
  let words = "";
  let found: Look = { status: "idle", stored: false };
  const run: YoiRun = new YoiRun({
    segments: OURS,
    statusAtSend,
    clock,
    now: () => `at ${clock.ms}`,
    look: () => {
      story.push(`look at ${clock.ms}`);
      const entries = [
        { kind: "segment_start", history: [] },
        ...(found !== "nothing" && found.stored ? [{ kind: "user_input", ts: 1, segments: OURS }] : []),
      ];
      run.looked(found === "nothing" ? undefined : { pod: "p", status: found.status, entries });
    },
    listener: {
      accepted: ({ level, kind, at }) => story.push(`${level} by ${kind} ${at}`),
      done: (stopReason) => story.push(`done: ${stopReason}`),
      failed: (code, told) => {
        words = told;
        story.push(`failed: ${code}`);
      },
    },
  });
  for (const [at, what] of script) {
    clock.advanceTo(at);
    if (what === "doubt") run.doubt();
    else if (what === "cancelled") run.cancelled();
    else if ("looks" in what) found = what.looks;
    else run.event(what[0], what[1]);
  }
  clock.advanceTo(untilMs);
  return { story, words, timersLeft: clock.running };
}

describe("what accepts a run", () => {
  it("our own message, at once", () => {
    expect(
      replay([
        [1, status("running")],
        [2, start],
        [3, ours],
      ]),
    ).toMatchObject({
      story: ["ack by user_message at 2"],
      timersLeft: 0,
    });
  });

  it("the start of a user's run on a Pod that was idle, once it has stood", () => {
    const script: Script = [
      [1, status("running")],
      [2, start],
      [3, turn],
    ];
    expect(replay(script, { untilMs: 401 }).story).toEqual([]);
    expect(replay(script).story).toEqual(["ack by invoke_start at 2"]);
  });

  it("our input among what the Pod has stored, when an error made us look", () => {
    const script: Script = [
      [1, status("running")],
      [2, error("invalid_request")],
      [3, { looks: { status: "running", stored: true } }],
    ];
    expect(replay(script).story).toEqual(["look at 402", "ack by user_message at 402"]);
  });
});

describe("what does not accept a run", () => {
  it.each<[string, Script]>([
    ["that the Pod runs", [[1, status("running")]]],
    [
      "a turn that starts",
      [
        [1, status("running")],
        [2, turn],
      ],
    ],
    [
      "text",
      [
        [1, status("running")],
        [2, turn],
        [3, ["text_delta", { text: "On it." }]],
      ],
    ],
    [
      "a run that a notice has started",
      [
        [1, ["invoke_start", { kind: "notify" }]],
        [2, turn],
      ],
    ],
    [
      "another's message",
      [
        [1, status("running")],
        [2, another],
      ],
    ],
    [
      "another's message after the start that it belongs to",
      [
        [1, start],
        [2, another],
        [3, turn],
      ],
    ],
    ["a message that only begins as ours does", [[1, message([...OURS, { kind: "text", content: "x" }])]]],
    ["a message without segments", [[1, ["user_message", { text: OURS[0].content }]]]],
  ])("%s", (_what, script) => {
    expect(replay(script)).toEqual({ story: [], words: "", timersLeft: 0 });
  });

  it("a start on a Pod that was busy with another's run", () => {
    expect(replay([[1, start]], { statusAtSend: "running" }).story).toEqual([]);
  });

  it("a start that an error follows, before our input is found", () => {
    const script: Script = [
      [1, status("running")],
      [2, start],
      [3, error("invalid_request")],
      [4, status("idle")],
    ];
    expect(replay(script).story).toEqual(["look at 403", "failed: invalid_request"]);
  });

  it("a start that stands when the Pod has hung up", () => {
    expect(
      replay([
        [1, start],
        [2, "doubt"],
      ]),
    ).toEqual({ story: [], words: "", timersLeft: 0 });
  });
});

describe("an error before the acceptance", () => {
  it("rejects a run that came to nothing, with upstream's code and words", () => {
    const script: Script = [
      [1, status("running")],
      [2, error("invalid_request", "there is no workflow of that name")],
      [3, status("idle")],
    ];
    expect(replay(script, { untilMs: 401 }).story).toEqual([]);
    expect(replay(script)).toEqual({
      story: ["look at 402", "failed: invalid_request"],
      words: "the Pod did not take the run: invalid_request: there is no workflow of that name",
      timersLeft: 0,
    });
  });

  it.each<[string, Script]>([
    [
      "of another, before the Pod runs",
      [
        [1, error("already_running")],
        [2, status("running")],
        [3, ours],
      ],
    ],
    [
      "of another, while it looks at our input",
      [
        [1, status("running")],
        [2, error("internal")],
        [3, ours],
      ],
    ],
    [
      "that our acceptance follows late",
      [
        [1, error("provider_error")],
        [398, status("running")],
        [399, ours],
      ],
    ],
    [
      "that answers no run",
      [
        [1, error("not_running")],
        [2_999, status("running")],
        [3_000, ours],
      ],
    ],
  ])("%s rejects nothing", (_what, script) => {
    const { story } = replay([...script, [4_000, status("running")]], { untilMs: 4_000 });
    expect(story.filter((line) => !line.startsWith("look"))).toEqual([
      expect.stringMatching(/^ack by user_message/u),
    ]);
  });

  it("rejects nothing while the Pod has begun nothing since: it answers somebody else", () => {
    const script: Script = [
      [1, error("already_running")],
      [5_000, status("running")],
      [5_001, ours],
    ];
    expect(replay(script).story).toEqual(["look at 401", "ack by user_message at 5001"]);
  });

  it("that says that our method cannot be read rejects: nobody else is told that", () => {
    const script: Script = [[1, error("invalid_request", "invalid method: missing field `input`")]];
    expect(replay(script).story).toEqual(["look at 401", "failed: invalid_request"]);
  });

  it("rejects in the end, while the Pod is busy with another's run", () => {
    const script: Script = [
      [0, { looks: { status: "running", stored: false } }],
      [1, error("already_running")],
    ];
    expect(replay(script, { statusAtSend: "running" }).story).toEqual([
      "look at 401",
      "look at 801",
      "look at 1201",
      "failed: already_running",
    ]);
  });

  it("rejects in the end, where the Pod shows nothing any more", () => {
    const script: Script = [
      [0, { looks: "nothing" }],
      [1, error("internal")],
    ];
    expect(replay(script).story.at(-1)).toBe("failed: internal");
  });
});

describe("the end of an accepted run", () => {
  const taken: Script = [
    [1, status("running")],
    [2, start],
    [3, ours],
    [4, turn],
  ];

  it("is the Pod's being idle again, for the reason that it gave", () => {
    expect(replay([...taken, [9, result("finished")], [10, status("idle")]]).story.at(-1)).toBe(
      "done: finished",
    );
    expect(replay([...taken, [10, status("idle")]]).story.at(-1)).toBe("done: idle");
    expect(replay([...taken, [10, status("paused")]]).story.at(-1)).toBe("done: paused");
  });

  it.each(["provider_error", "tool_error", "internal"])("is a failure after %s", (code) => {
    const { story, words } = replay([...taken, [9, error(code, "no key")], [10, status("idle")]]);
    expect(story.at(-1)).toBe(`failed: ${code}`);
    expect(words).toBe(`the Pod's run failed: ${code}: no key`);
  });

  it.each(["already_running", "invalid_request", "not_paused"])("is none of another's %s", (code) => {
    expect(replay([...taken, [9, error(code)], [10, status("idle")]]).story.at(-1)).toBe("done: idle");
  });

  it("is no failure where another turn came after the error", () => {
    const script: Script = [...taken, [9, error("tool_error")], [10, turn], [11, status("idle")]];
    expect(replay(script).story.at(-1)).toBe("done: idle");
  });

  it("is a cancellation where we have asked for it, though upstream calls it an error", () => {
    const script: Script = [
      ...taken,
      [8, "cancelled"],
      [9, error("internal", "cancelled")],
      [10, status("idle")],
    ];
    expect(replay(script).story.at(-1)).toBe("done: cancelled");
  });

  it("that has overtaken the acceptance is found by looking", () => {
    const script: Script = [
      [1, status("running")],
      [2, error("provider_error")],
      [3, status("idle")],
      [4, ours],
    ];
    expect(replay(script).story).toEqual([
      "ack by user_message at 4",
      "look at 404",
      "failed: provider_error",
    ]);
  });

  it("is not that of a run before it, which the acceptance has overtaken", () => {
    const script: Script = [
      [1, ours],
      [2, status("idle")],
      [3, status("running")],
      [5_000, status("idle")],
    ];
    expect(replay(script).story).toEqual(["ack by user_message at 1", "done: idle"]);
  });

  it("is told once", () => {
    const script: Script = [...taken, [9, status("idle")], [10, status("idle")], [11, ours]];
    expect(replay(script)).toMatchObject({
      story: ["ack by user_message at 2", "done: idle"],
      timersLeft: 0,
    });
  });
});
