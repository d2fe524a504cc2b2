import type { Acceptance, AcpEvidence } from "../../../machines/launch.types.js";
import { legible, printable } from "../../text.js";
import { AUTH_REQUIRED, type AgentError } from "./agent-error.js";
import { fieldOf } from "./json.js";

/** The two timers that a settle window needs. Injected, so that recorded transcripts can be replayed in no time. */
export interface SettleClock<Timer = unknown> {
  /** Real ones read what the agent has written meanwhile BEFORE they call: a process that was stopped finds its timers due first. */
  setTimeout(callback: () => void, ms: number): Timer;
  clearTimeout(timer: Timer): void;
}

/** What becomes of a run. `accepted` at most once and never after the end; exactly one of `done` and `failed`, once. */
export interface RunListener {
  accepted(acceptance: Acceptance): void;
  done(stopReason: string): void;
  failed(code: string, message: string): void;
}

export interface RunOptions {
  readonly rules: AcpEvidence;
  readonly sessionId: string;
  readonly clock: SettleClock;
  /** ISO 8601, UTC. */
  readonly now: () => string;
  readonly listener: RunListener;
}

/** The protocol's. Anything else is an error in disguise. */
const STOP_REASONS: ReadonlySet<unknown> = new Set([
  "end_turn",
  "max_tokens",
  "max_turn_requests",
  "refusal",
  "cancelled",
]);

/**
 * Signs that the agent has begun. A list of what counts, not of what does not: `available_commands_update`, `usage_update`,
 * `session_info_update`, `current_mode_update` and whatever comes next say nothing of our run.
 */
const PROGRESS: ReadonlySet<unknown> = new Set([
  "agent_message_chunk",
  "agent_thought_chunk",
  "tool_call",
  "tool_call_update",
  "plan",
]);
const CHUNKS: ReadonlySet<unknown> = new Set([
  "agent_message_chunk",
  "agent_thought_chunk",
  "user_message_chunk",
]);

/** An adapter's own words in place of the model's. Longer texts are an answer that speaks of them. */
const NOT_LOGGED_IN = /\bnot logged in\b|\bplease run \/login\b/iu;
const LONGEST_NOTICE = 200;

/**
 * Judges one run of an ACP agent: whether it was accepted, and how it ended. ACP v1 has no acknowledgement, so that acceptance
 * has to be inferred, and every rule here answers a false sign that a real agent was seen to give.
 *
 * A sign counts once it has stood for the settle window with nothing wrong following, because adapters send an error's text as
 * an ordinary chunk, up to 68 ms before the error itself.
 */
export class RunEvidence {
  readonly #options: RunOptions;
  #state: "unsent" | "watching" | "accepted" | "over" = "unsent";
  #sign: Acceptance | undefined;
  #timer: { readonly value: unknown } | undefined;
  #doubted = false;
  #cancelling = false;
  #notLoggedIn: string | undefined;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  /** Our prompt is on its way: what the agent says from here on may be caused by it. */
  sent(): void {
    if (this.#state === "unsent") this.#state = "watching";
  }

  /** The params of a `session/update`, as they came. */
  update(params: unknown): void {
    if (!this.#isOurs(params)) return;
    const update = fieldOf(params, "update");
    const kind = fieldOf(update, "sessionUpdate");
    if (this.#options.rules.requireMessageId && CHUNKS.has(kind) && !hasMessageId(update)) return;
    if (PROGRESS.has(kind)) {
      const notice = kind === "agent_message_chunk" ? noticeOf(update) : undefined;
      if (notice === undefined) this.#see("progress", String(kind));
      else this.#notLoggedIn = notice;
    } else if (kind === "user_message_chunk" && this.#options.rules.level === "ack") {
      this.#see("ack", kind);
    }
  }

  /** The params of a `session/request_permission`, as they came: an agent that asks has begun. */
  permission(params: unknown): void {
    if (this.#isOurs(params)) this.#see("progress", "permission_request");
  }

  /** The prompt was answered. */
  answered(result: unknown): void {
    if (this.isOver) return;
    const stopReason = fieldOf(result, "stopReason");
    if (typeof stopReason !== "string" || !STOP_REASONS.has(stopReason)) {
      const said = typeof stopReason === "string" ? printable(stopReason) : "none";
      this.fail(
        "agent_stop_reason_invalid",
        `the agent ended the run without a valid stop reason (it gave ${said})`,
      );
      return;
    }
    const objection = this.#state === "accepted" ? undefined : this.#objectionTo(stopReason);
    if (objection) {
      this.fail(objection.code, objection.message);
      return;
    }
    if (this.#state !== "accepted") {
      this.#accept(this.#sign ?? { level: "progress", kind: stopReason, at: this.#options.now() });
    }
    this.#end();
    this.#options.listener.done(stopReason);
  }

  /** The prompt was answered by an error. */
  refused(error: AgentError): void {
    const code = error.code === AUTH_REQUIRED ? "agent_auth_required" : "agent_error";
    this.fail(code, `the agent answered the run with error ${error.code}: ${error.message}`);
  }

  /** Something is wrong with the agent, and it is not known yet what: no sign counts by standing any longer. */
  doubt(): void {
    this.#doubted = true;
    this.#stopTimer();
  }

  /** We have asked the agent to end the run. Some (opencode) then answer `end_turn`, as if they had done it. */
  cancelling(): void {
    this.#cancelling = true;
  }

  /** The run has come to nothing. Without effect once it is over. */
  fail(code: string, message: string): void {
    if (this.isOver) return;
    this.#end();
    this.#options.listener.failed(code, message);
  }

  /** Nothing is told any more. */
  close(): void {
    this.#end();
  }

  /** Why this end of an unaccepted run is no acceptance. */
  #objectionTo(stopReason: string): { readonly code: string; readonly message: string } | undefined {
    if (stopReason === "refusal") {
      return { code: "agent_refused", message: "the agent refused the run (stop reason refusal)" };
    }
    if (stopReason === "cancelled" || this.#cancelling) {
      return {
        code: "agent_cancelled",
        message: "the run was cancelled before there was a sign of its start",
      };
    }
    if (this.#sign) return undefined;
    if (this.#notLoggedIn !== undefined) {
      return {
        code: "agent_auth_required",
        message: `the agent wants a login: ${legible(this.#notLoggedIn)}`,
      };
    }
    if (this.#options.rules.endTurnNeedsProgress) {
      return {
        code: "agent_no_progress",
        message: `the agent ended the run (${stopReason}) without a sign of progress`,
      };
    }
    return undefined;
  }

  #isOurs(params: unknown): boolean {
    return this.#state === "watching" && fieldOf(params, "sessionId") === this.#options.sessionId;
  }

  #see(level: Acceptance["level"], kind: string): void {
    if (this.#sign) return;
    const sign = { level, kind, at: this.#options.now() };
    this.#sign = sign;
    const { settleMs } = this.#options.rules;
    if (settleMs <= 0) {
      this.#accept(sign);
    } else if (!this.#doubted) {
      const value = this.#options.clock.setTimeout(() => {
        this.#timer = undefined;
        if (!this.#doubted && this.#state === "watching") this.#accept(sign);
      }, settleMs);
      this.#timer = { value };
    }
  }

  #accept(acceptance: Acceptance): void {
    this.#stopTimer();
    this.#state = "accepted";
    this.#options.listener.accepted(acceptance);
  }

  #end(): void {
    this.#stopTimer();
    this.#state = "over";
  }

  #stopTimer(): void {
    if (this.#timer) this.#options.clock.clearTimeout(this.#timer.value);
    this.#timer = undefined;
  }
}

function hasMessageId(update: unknown): boolean {
  return [fieldOf(update, "messageId"), fieldOf(fieldOf(update, "_meta"), "messageId")].some(
    (id) => typeof id === "string" && id !== "",
  );
}

function noticeOf(update: unknown): string | undefined {
  const text = fieldOf(fieldOf(update, "content"), "text");
  return typeof text === "string" && text.length <= LONGEST_NOTICE && NOT_LOGGED_IN.test(text)
    ? text.trim()
    : undefined;
}
