import { legible } from "../text.js";

/** The latest are kept; a flood of them must fill neither the memory nor the agent's context. */
const KEPT = 20;
const LONGEST = 1_000;

/**
 * What other Pods have told this one. Its agent reads it with its next run: a notice begins no run by itself, or two Pods that are
 * each other's peers would keep each other at work for ever.
 */
export class Notices {
  #waiting: string[] = [];
  #inRun: readonly string[] = [];

  add(from: string, message: string): void {
    const notice = `${legible(from, 100)}: ${legible(message, LONGEST)}`;
    this.#waiting = [...this.#waiting, notice].slice(-KEPT);
  }

  /** The text of a run, after what has come since the last. */
  before(text: string): string {
    this.#inRun = this.#waiting;
    if (this.#inRun.length === 0) return text;
    return `Notices from other Pods:\n${this.#inRun.map((notice) => `- ${notice}\n`).join("")}\n${text}`;
  }

  /** The run was taken. What was refused is told again with the next. */
  read(): void {
    this.#waiting = this.#waiting.filter((notice) => !this.#inRun.includes(notice));
    this.#inRun = [];
  }
}
