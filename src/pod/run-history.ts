import type { PodEvent, PodStatus } from "../protocol/messages.js";

/** The events of a run that are kept for whoever attaches late. Some hundred lines of a terminal, even if a token is an event. */
const MAX_BYTES = 256 * 1024;

/** What was told of the latest run, in memory alone: the last of it, if it is more than can be kept. */
export class RunHistory {
  readonly #maxBytes: number;
  /** As text: an update that was parsed takes many times as much. */
  #events: string[] = [];
  #bytes = 0;
  #leftOut = 0;

  /** @param maxBytes in UTF-16 units. Default 256 Ki */
  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  begin(): void {
    this.#events = [];
    this.#bytes = 0;
    this.#leftOut = 0;
  }

  add(event: PodEvent): void {
    const text = textOf(event);
    if (text === undefined || text.length > this.#maxBytes) {
      this.#leftOut += 1;
      return;
    }
    this.#events.push(text);
    this.#bytes += text.length;
    if (this.#bytes > this.#maxBytes) this.#forget();
  }

  told(status: PodStatus): PodEvent {
    const events = this.#events.map((text): unknown => JSON.parse(text));
    return { event: "history", data: { status, left_out: this.#leftOut, events } };
  }

  /** A quarter at once: one by one, each event of a long run would move all the others. */
  #forget(): void {
    let gone = 0;
    while (this.#bytes > 0.75 * this.#maxBytes) {
      this.#bytes -= this.#events[gone]?.length ?? 0;
      gone += 1;
    }
    this.#events = this.#events.slice(gone);
    this.#leftOut += gone;
  }
}

/** Undefined for one that nests too deep to be passed on. */
function textOf(event: PodEvent): string | undefined {
  try {
    return JSON.stringify(event);
  } catch {
    return undefined;
  }
}
