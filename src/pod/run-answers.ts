import type { PodEvent } from "../protocol/messages.js";

/** Answers are kept for so many runs; the first run's, which adoption asks for, is always kept. */
const KEPT = 100;

interface Answer {
  readonly event: PodEvent;
  ended?: PodEvent;
}

/** What was answered to each run: the same run again gets the same answer, and is never sent to the agent again. */
export class RunAnswers {
  readonly #answers = new Map<string, Answer>();
  /** The run that is under way and not answered yet. */
  #pending: string | undefined;

  begin(runId: string): void {
    this.#pending = runId;
  }

  isPending(runId: string): boolean {
    return this.#pending === runId;
  }

  answer(runId: string, event: PodEvent): void {
    if (this.#pending === runId) this.#pending = undefined;
    this.#answers.set(runId, { event });
    const [, second] = this.#answers.keys();
    if (this.#answers.size > KEPT && second !== undefined) this.#answers.delete(second);
  }

  end(runId: string, event: PodEvent): void {
    const answer = this.#answers.get(runId);
    if (answer) answer.ended = event;
  }

  /** Everything that is known of the run, in its order; undefined for one that was never sent. */
  known(runId: string): readonly PodEvent[] | undefined {
    const answer = this.#answers.get(runId);
    return answer && [answer.event, ...(answer.ended ? [answer.ended] : [])];
  }
}
