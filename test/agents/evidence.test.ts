import { describe, expect, it } from "vitest";
import type { Acceptance, AcpEvidence } from "../../machines/launch.types.js";
import { RunEvidence } from "../../src/pod/agents/evidence.js";
import { SETTLED } from "../fixtures/driven-agents.js";
import { StoppedClock } from "../fixtures/stopped-clock.js";

/** What happened, and at which millisecond after the prompt. */
type Line = readonly [
  number,
  "update" | "permission" | "answered" | "refused" | "doubt" | "cancelling" | "exited",
  unknown?,
];

interface Verdict {
  /** In order: `accepted by K at M ms`, `done: R`, `failed: CODE`. */
  readonly story: readonly string[];
  readonly accepted: Acceptance | undefined;
  readonly message: string | undefined;
  readonly timersLeft: number;
}

const SESSION = "session-1";

function replay(
  transcript: readonly Line[],
  rules: Partial<AcpEvidence> = {},
  { before = [] as readonly Line[], untilMs = 60_000 } = {},
): Verdict {
  const clock = new StoppedClock();
  const story: string[] = [];
  let accepted: Acceptance | undefined;
  let message: string | undefined;
  const run = new RunEvidence({
    rules: { ...SETTLED, ...rules },
    sessionId: SESSION,
    clock,
    now: () => `at ${clock.ms}`,
    listener: {
      accepted(acceptance) {
        accepted = acceptance;
        story.push(`accepted by ${acceptance.kind} at ${clock.ms} ms`);
      },
      done: (stopReason) => story.push(`done: ${stopReason}`),
      failed(code, text) {
        message = text;
        story.push(`failed: ${code}`);
      },
    },
  });
  const perform = ([, what, value]: Line): void => {
    switch (what) {
      case "update":
        run.update(value);
        break;
      case "permission":
        run.permission(value);
        break;
      case "answered":
        run.answered(value);
        break;
      case "refused":
        run.refused(value as { code: number; message: string });
        break;
      case "doubt":
        run.doubt();
        break;
      case "cancelling":
        run.cancelling();
        break;
      case "exited":
        run.fail("agent_exited", "the agent exited");
        break;
    }
  };
  before.forEach(perform);
  run.sent();
  for (const line of transcript) {
    clock.advanceTo(line[0]);
    perform(line);
  }
  clock.advanceTo(untilMs);
  return { story, accepted, message, timersLeft: clock.running };
}

const of = (sessionUpdate: string, more: object = {}, sessionId = SESSION) => ({
  sessionId,
  update: { sessionUpdate, ...more },
});
const chunk = (text: string, more: object = {}) =>
  of("agent_message_chunk", { content: { type: "text", text }, ...more });
const end = (stopReason?: unknown) => ({ stopReason });
const internal = { code: -32603, message: "Internal error" };

describe("what counts as a sign that the run has begun", () => {
  it.each(["agent_message_chunk", "agent_thought_chunk", "tool_call", "tool_call_update", "plan"])(
    "%s counts once it has stood for the settle window",
    (kind) => {
      expect(replay([[100, "update", of(kind)]], {}, { untilMs: 499 }).story).toEqual([]);
      expect(replay([[100, "update", of(kind)]], {}, { untilMs: 500 })).toMatchObject({
        story: [`accepted by ${kind} at 500 ms`],
        accepted: { level: "progress", kind, at: "at 100" },
      });
    },
  );

  it("a permission request counts", () => {
    expect(replay([[5, "permission", { sessionId: SESSION }]]).accepted?.kind).toBe("permission_request");
  });

  it.each([
    "available_commands_update",
    "usage_update",
    "session_info_update",
    "current_mode_update",
    "config_option_update",
    "user_message_chunk",
    "notice",
    "a_kind_of_next_year",
  ])("%s does not count, however long it stands", (kind) => {
    expect(replay([[1, "update", of(kind)]]).story).toEqual([]);
  });

  it.each([undefined, null, 7, "text", [], {}, { sessionId: SESSION }, { sessionId: SESSION, update: null }])(
    "params that are %j do not count, and break nothing",
    (params) => {
      expect(
        replay([
          [1, "update", params],
          [2, "permission", params && {}],
        ]).story,
      ).toEqual([]);
    },
  );

  it("another session's chunk does not count", () => {
    const other = of("agent_message_chunk", {}, "session-2");
    expect(
      replay([
        [1, "update", other],
        [2, "permission", { sessionId: "session-2" }],
      ]).story,
    ).toEqual([]);
  });

  it("chunks replayed before our prompt do not count", () => {
    const before: Line[] = [
      [0, "update", chunk("of yesterday")],
      [0, "permission", { sessionId: SESSION }],
    ];
    expect(replay([], {}, { before }).story).toEqual([]);
  });

  it("at level ack the echo of the prompt counts, and a sign of progress still does", () => {
    expect(replay([[3, "update", of("user_message_chunk")]], { level: "ack" }).accepted).toMatchObject({
      level: "ack",
      kind: "user_message_chunk",
    });
    expect(replay([[3, "update", chunk("hello")]], { level: "ack" }).accepted?.level).toBe("progress");
  });

  it("without a settle window the first sign counts at once", () => {
    expect(
      replay(
        [
          [3, "update", chunk("hello")],
          [4, "refused", internal],
        ],
        { settleMs: 0 },
      ).story,
    ).toEqual(["accepted by agent_message_chunk at 3 ms", "failed: agent_error"]);
  });

  it("is told once, by the first sign, however many follow", () => {
    const many = Array.from({ length: 50 }, (_, index): Line => [10 * index, "update", chunk("more")]);
    expect(replay([[5, "update", of("plan")], ...many, [900, "answered", end("end_turn")]]).story).toEqual([
      "accepted by plan at 410 ms",
      "done: end_turn",
    ]);
  });
});

describe("chunks that must carry a message id", () => {
  const rules = { requireMessageId: true };

  it.each([{}, { messageId: "" }, { messageId: null }, { messageId: 7 }, { _meta: {} }])(
    "a chunk with %j does not count",
    (more) => {
      expect(replay([[1, "update", chunk("Warning: Model metadata", more)]], rules).story).toEqual([]);
    },
  );

  it.each([{ messageId: "m-1" }, { _meta: { messageId: "m-1" } }])("a chunk with %j counts", (more) => {
    expect(replay([[1, "update", chunk("hello", more)]], rules).accepted?.kind).toBe("agent_message_chunk");
  });

  it("tool calls, plans and questions carry none, and count", () => {
    expect(replay([[1, "update", of("tool_call")]], rules).accepted?.kind).toBe("tool_call");
    expect(replay([[1, "permission", { sessionId: SESSION }]], rules).accepted).toBeDefined();
  });
});

describe("the settle window", () => {
  it.each([11, 68, 399])("an error %i ms after its text came as a chunk is a rejection", (gap) => {
    const told = chunk("API Error: 404 model not found", { messageId: "m-1" });
    const { story, timersLeft } = replay([
      [200, "update", told],
      [200 + gap, "refused", internal],
    ]);
    expect(story).toEqual(["failed: agent_error"]);
    expect(timersLeft).toBe(0);
  });

  it("an agent that exits within it has accepted nothing", () => {
    expect(
      replay([
        [10, "update", chunk("hello")],
        [50, "exited"],
      ]).story,
    ).toEqual(["failed: agent_exited"]);
  });

  it("once the agent is in doubt, no sign counts by standing; a good end still does", () => {
    expect(
      replay([
        [10, "update", chunk("hello")],
        [50, "doubt"],
        [1050, "exited"],
      ]).story,
    ).toEqual(["failed: agent_exited"]);
    expect(
      replay([
        [10, "doubt"],
        [50, "update", chunk("hello")],
        [1050, "exited"],
      ]).story,
    ).toEqual(["failed: agent_exited"]);
    expect(
      replay([
        [10, "update", chunk("hi")],
        [50, "doubt"],
        [900, "answered", end("end_turn")],
      ]).story,
    ).toEqual(["accepted by agent_message_chunk at 900 ms", "done: end_turn"]);
  });

  it("ends early, with the sign's kind, when the turn ended well", () => {
    expect(
      replay([
        [10, "update", of("tool_call")],
        [62, "answered", end("end_turn")],
      ]),
    ).toMatchObject({
      story: ["accepted by tool_call at 62 ms", "done: end_turn"],
      accepted: { at: "at 10" },
      timersLeft: 0,
    });
  });

  it("an error after it ends an accepted run", () => {
    expect(
      replay([
        [10, "update", chunk("hello")],
        [900, "refused", internal],
      ]).story,
    ).toEqual(["accepted by agent_message_chunk at 900 ms", "failed: agent_error"]);
  });
});

describe("the prompt's own answer", () => {
  it.each(["end_turn", "max_tokens", "max_turn_requests"])("%s without a sign is acceptance", (reason) => {
    expect(replay([[7, "answered", end(reason)]])).toMatchObject({
      story: [`accepted by ${reason} at 7 ms`, `done: ${reason}`],
      accepted: { level: "progress", kind: reason },
    });
  });

  it.each([undefined, "", "error", "END_TURN", 7, null, {}])(
    "stop reason %j is an error in disguise",
    (reason) => {
      expect(replay([[7, "answered", end(reason)]]).story).toEqual(["failed: agent_stop_reason_invalid"]);
      expect(
        replay([
          [7, "update", chunk("hi")],
          [9, "answered", end(reason)],
        ]).story,
      ).toEqual(["failed: agent_stop_reason_invalid"]);
    },
  );

  it.each([undefined, null, [], "end_turn"])("a result that is %j is one too", (result) => {
    expect(replay([[7, "answered", result]]).story).toEqual(["failed: agent_stop_reason_invalid"]);
  });

  it("a refusal is a rejection, also after a sign that has not stood yet", () => {
    expect(replay([[7, "answered", end("refusal")]]).story).toEqual(["failed: agent_refused"]);
    expect(
      replay([
        [1, "update", chunk("I can't")],
        [7, "answered", end("refusal")],
      ]).story,
    ).toEqual(["failed: agent_refused"]);
  });

  it("cancelled before evidence is no acceptance; after it, it is how the run ended", () => {
    expect(
      replay([
        [1, "update", chunk("hi")],
        [7, "answered", end("cancelled")],
      ]).story,
    ).toEqual(["failed: agent_cancelled"]);
    expect(
      replay([
        [1, "update", chunk("hi")],
        [700, "answered", end("cancelled")],
      ]).story,
    ).toEqual(["accepted by agent_message_chunk at 700 ms", "done: cancelled"]);
  });

  it.each(["end_turn", "max_tokens", "cancelled"])(
    "%s after we have cancelled it is no acceptance",
    (reason) => {
      const cancelled: Line[] = [
        [20, "cancelling"],
        [30, "answered", end(reason)],
      ];
      expect(replay(cancelled).story).toEqual(["failed: agent_cancelled"]);
      expect(replay([[10, "update", chunk("hi")], ...cancelled]).story).toEqual(["failed: agent_cancelled"]);
      const late: Line[] = [
        [700, "cancelling"],
        [710, "answered", end(reason)],
      ];
      expect(replay([[10, "update", chunk("hi")], ...late]).story).toEqual([
        "accepted by agent_message_chunk at 700 ms",
        `done: ${reason}`,
      ]);
    },
  );

  it("an error of code -32000 asks for a login", () => {
    const { story, message } = replay([
      [300, "refused", { code: -32000, message: "Authentication required" }],
    ]);
    expect(story).toEqual(["failed: agent_auth_required"]);
    expect(message).toContain("Authentication required");
  });

  it("nothing that comes after the end is told", () => {
    const late: Line[] = [
      [8, "update", chunk("late")],
      [9, "answered", end("end_turn")],
      [10, "exited"],
    ];
    expect(replay([[7, "refused", internal], ...late]).story).toEqual(["failed: agent_error"]);
  });
});

describe("the traps of real agents", () => {
  it("codex: a warning before any contact with the model, then the failure as end_turn", () => {
    const rules = { requireMessageId: true, endTurnNeedsProgress: true };
    const warning: Line = [20, "update", chunk("Warning: Model metadata for fake-model not found")];
    const failure: Line = [90, "update", chunk("stream error: unexpected status 500")];
    expect(replay([warning, failure, [110, "answered", end("end_turn")]], rules).story).toEqual([
      "failed: agent_no_progress",
    ]);
    expect(replay([warning], rules).story).toEqual([]);
  });

  it("codex: the same turn with a model's chunk in it", () => {
    const rules = { requireMessageId: true, endTurnNeedsProgress: true };
    const genuine: Line = [60, "update", chunk("Hello", { messageId: "m-1" })];
    expect(replay([genuine, [96, "answered", end("end_turn")]], rules).story).toEqual([
      "accepted by agent_message_chunk at 96 ms",
      "done: end_turn",
    ]);
  });

  it("claude: not logged in, said in a chunk and ended as if all were well", () => {
    for (const text of ["Invalid API key · Please run /login", "Not logged in · Please run /login"]) {
      const notice: Line = [30, "update", chunk(text, { messageId: "m-1" })];
      expect(replay([notice]).story).toEqual([]);
      const { story, message } = replay([notice, [40, "answered", end("end_turn")]]);
      expect(story).toEqual(["failed: agent_auth_required"]);
      expect(message).toContain("Please run /login");
    }
  });

  it("an answer that speaks of logging in is an answer", () => {
    const text = `The handler answers "Not logged in" for guests. ${"It checks the session first. ".repeat(10)}`;
    expect(replay([[30, "update", chunk(text)]]).accepted).toBeDefined();
  });

  it("opencode: usage around the error, after a long silence", () => {
    expect(
      replay([
        [5, "update", of("available_commands_update")],
        [64_000, "update", of("usage_update")],
        [64_010, "refused", internal],
        [64_020, "update", of("usage_update")],
      ]).story,
    ).toEqual(["failed: agent_error"]);
  });

  it("gemini: an HTTP status as the code of the error", () => {
    expect(replay([[200, "refused", { code: 401, message: "key not valid" }]])).toMatchObject({
      story: ["failed: agent_error"],
      message: "the agent answered the run with error 401: key not valid",
    });
  });
});
