import { isDeepStrictEqual } from "node:util";
import type { Acceptance } from "../../../machines/launch.types.js";
import { legible } from "../../text.js";
import type { RunListener, SettleClock } from "./evidence.js";
import { fieldOf, isRecord } from "./json.js";
import type { UpstreamSnapshot } from "./yoi-connection.js";

/**
 * How long a doubtful sign stands before it is judged. Upstream sends its errors and states on one lane and what it has stored on
 * another, and either may overtake the other.
 */
export const SETTLE_MS = 400;

/** So often an error is held against what the Pod has stored, while the Pod is busy with something. */
const LOOKS = 3;

/** Those by which a run itself fails. The others answer somebody's method. */
const RUN_FAILURES: ReadonlySet<string> = new Set(["provider_error", "tool_error", "internal"]);

/** Those that never answer a run: somebody else has asked for something. */
const OF_OTHERS: ReadonlySet<string> = new Set(["not_running", "not_paused"]);

export interface Segment {
  readonly kind: "text";
  readonly content: string;
}

export interface YoiRunOptions {
  /** Ours, made such that no other run can have the same. */
  readonly segments: readonly Segment[];
  /** The Pod's status when the run was written. */
  readonly statusAtSend: string;
  readonly clock: SettleClock;
  /** ISO 8601, UTC. */
  readonly now: () => string;
  readonly listener: RunListener;
  /** Asks for a fresh snapshot, which is given to `looked`. */
  readonly look: () => void;
}

/**
 * Judges one run of an upstream Pod. Accepted is it by our own input, stored; that the Pod runs is no sign, because it says so
 * before it has looked at the input, and an error is none either way, because it may answer any client: after an error, what the
 * Pod has stored is asked for, and decides.
 */
export class YoiRun {
  readonly #options: YoiRunOptions;
  #state: "watching" | "accepted" | "over" = "watching";
  #status: string;
  /** The Pod has said that it runs, after our run was written. */
  #hasRun = false;
  #sign: Acceptance | undefined;
  #signTimer: { readonly value: unknown } | undefined;
  #lookTimer: { readonly value: unknown } | undefined;
  #isLooking = false;
  #looks = 0;
  #error: UpstreamError | undefined;
  #failure: UpstreamError | undefined;
  #result: string | undefined;
  #isCancelled = false;
  #isDoubted = false;

  constructor(options: YoiRunOptions) {
    this.#options = options;
    this.#status = options.statusAtSend;
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  /** What the Pod said after the run was written, in its order. */
  event(event: string, data: unknown): void {
    if (this.isOver) return;
    switch (event) {
      case "status":
        this.#changed(fieldOf(data, "status"));
        break;
      case "user_message":
        if (this.#isOurs(fieldOf(data, "segments"))) this.#accept("user_message");
        // The start that was seen was the start of that one.
        else this.#dropSign();
        break;
      case "invoke_start":
        if (fieldOf(data, "kind") === "user_send") this.#see();
        break;
      case "turn_start":
        // It goes on: what failed was something else.
        this.#failure = undefined;
        break;
      case "run_end":
        this.#ran(fieldOf(data, "result"));
        break;
      case "error":
        this.#erred(errorIn(data));
        break;
    }
  }

  /** The snapshot that was asked for; undefined if there was none to be had. */
  looked(snapshot: UpstreamSnapshot | undefined): void {
    this.#isLooking = false;
    if (this.isOver || this.#isDoubted) return;
    this.#looks += 1;
    if (this.#state === "watching" && snapshot?.entries.some((entry) => this.#isOurEntry(entry))) {
      this.#accept("user_message");
    }
    if (this.#state === "accepted") this.#settleEnd(snapshot);
    else if (this.#state === "watching") this.#settleError(snapshot);
  }

  /** We have asked the Pod to end the run: it tells that as an error. */
  cancelled(): void {
    this.#isCancelled = true;
  }

  /** Something is wrong with the Pod, and it is not known yet what: no sign counts by standing any longer. */
  doubt(): void {
    this.#isDoubted = true;
    this.#stopTimers();
  }

  /** The run has come to nothing. Without effect once it is over. */
  fail(code: string, message: string): void {
    if (this.isOver) return;
    this.close();
    this.#options.listener.failed(code, message);
  }

  /** Nothing is told any more. */
  close(): void {
    this.#stopTimers();
    this.#state = "over";
  }

  #changed(status: unknown): void {
    if (typeof status !== "string") return;
    this.#status = status;
    if (status === "running") {
      this.#hasRun = true;
      // It has begun what was taken, and its end will be told.
      if (this.#state === "accepted") this.#stopTimers();
    } else if (this.#state === "accepted" && this.#hasRun) this.#end();
    else if (this.#hasRun || this.#state === "accepted") this.#lookSoon();
  }

  #ran(result: unknown): void {
    this.#result = typeof result === "string" ? result : undefined;
  }

  /** Somebody's input was taken. Ours, unless another's message follows: nobody else was being served when we wrote. */
  #see(): void {
    if (this.#state !== "watching" || this.#options.statusAtSend !== "idle") return;
    if (this.#sign || this.#error || this.#isDoubted) return;
    this.#sign = { level: "ack", kind: "invoke_start", at: this.#options.now() };
    this.#signTimer = {
      value: this.#options.clock.setTimeout(() => this.#accept("invoke_start"), SETTLE_MS),
    };
  }

  #dropSign(): void {
    if (this.#signTimer) this.#options.clock.clearTimeout(this.#signTimer.value);
    this.#signTimer = undefined;
    this.#sign = undefined;
  }

  #accept(kind: string): void {
    if (this.#state !== "watching") return;
    const at = this.#sign?.at ?? this.#options.now();
    this.#stopTimers();
    this.#state = "accepted";
    // The failure may have overtaken the acceptance.
    if (this.#error && RUN_FAILURES.has(this.#error.code)) this.#failure = this.#error;
    this.#options.listener.accepted({ level: "ack", kind, at });
    // So may the end.
    if (this.#status !== "running") this.#lookSoon();
  }

  #erred(error: UpstreamError): void {
    if (this.#state === "accepted") {
      if (RUN_FAILURES.has(error.code)) this.#failure = error;
      return;
    }
    if (OF_OTHERS.has(error.code)) return;
    this.#dropSign();
    this.#error = error;
    this.#looks = 0;
    this.#lookSoon();
  }

  /** Of an accepted run whose end may have been told before it was known to be ours. */
  #settleEnd(snapshot: UpstreamSnapshot | undefined): void {
    if (this.#status === "running") return;
    if (snapshot ? snapshot.status !== "running" : this.#looks >= LOOKS) this.#end();
    else this.#lookSoon();
  }

  /** Our input is not stored. Whether the error is about it is told by what the Pod does. */
  #settleError(snapshot: UpstreamSnapshot | undefined): void {
    const error = this.#error;
    if (!error) return;
    const isBusy = snapshot?.status === "running";
    const cameToNothing = snapshot !== undefined && !isBusy && this.#hasRun;
    if (cameToNothing || error.isOfOurMethod || ((isBusy || !snapshot) && this.#looks >= LOOKS)) {
      this.fail(error.code, `the Pod did not take the run: ${error.words}`);
    } else if (isBusy || !snapshot) {
      this.#lookSoon();
    } else {
      // It has not begun anything since we wrote: the error answers somebody else.
      this.#error = undefined;
    }
  }

  #end(): void {
    if (this.#state !== "accepted") return;
    const failure = this.#failure;
    const { listener } = this.#options;
    this.close();
    if (this.#isCancelled) listener.done("cancelled");
    else if (failure) listener.failed(failure.code, `the Pod's run failed: ${failure.words}`);
    else listener.done(this.#result ?? this.#status);
  }

  #lookSoon(): void {
    if (this.#lookTimer || this.#isLooking || this.#isDoubted) return;
    const value = this.#options.clock.setTimeout(() => {
      this.#lookTimer = undefined;
      this.#isLooking = true;
      this.#options.look();
    }, SETTLE_MS);
    this.#lookTimer = { value };
  }

  #stopTimers(): void {
    this.#dropSign();
    if (this.#lookTimer) this.#options.clock.clearTimeout(this.#lookTimer.value);
    this.#lookTimer = undefined;
  }

  #isOurs(segments: unknown): boolean {
    return isDeepStrictEqual(segments, this.#options.segments);
  }

  /** The stored entry that a `user_message` tells of. */
  #isOurEntry(entry: unknown): boolean {
    if (!isRecord(entry)) return false;
    return [entry, ...Object.values(entry)].some((part) => this.#isOurs(fieldOf(part, "segments")));
  }
}

interface UpstreamError {
  readonly code: string;
  readonly words: string;
  /** The only error that no other client is told: the method could not be read. */
  readonly isOfOurMethod: boolean;
}

function errorIn(data: unknown): UpstreamError {
  const code = fieldOf(data, "code");
  const message = fieldOf(data, "message");
  const [name, words] = [code, message].map((word) => (typeof word === "string" ? word : "unknown"));
  return {
    code: legible(name ?? "unknown", 60),
    words: `${legible(name ?? "unknown", 60)}: ${legible(words ?? "no message")}`,
    isOfOurMethod: words?.startsWith("invalid method") ?? false,
  };
}
