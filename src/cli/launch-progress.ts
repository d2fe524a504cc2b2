import type { LaunchStep } from "../launch/steps.js";
import type { Terminal } from "./terminal.js";

/** What people see of a launch that is under way. */
export interface Progress {
  step(step: LaunchStep): void;
  /** The launch has ended. Twice is harmless. */
  end(): void;
}

export function progressFor(terminal: Terminal): Progress {
  if (terminal.json) return new TransitionLines(terminal);
  return terminal.isLive.messages ? new LiveLine(terminal) : new PlainLines(terminal);
}

/** The states in which a launch or a restore waits for something, in words. The others pass, or are told as the outcome. */
const WAITS: Readonly<Record<string, string>> = {
  "spawning.admitting": "looking what stands",
  "spawning.starting": "starting the Pod",
  "connecting.dialing": "connecting to the Pod",
  "connecting.registeringPeers": "telling its peers",
  awaitingRunAck: "waiting for the run to be accepted",
  "committingClaim.writing": "writing the claim",
  "committingClaim.verifying": "reading the claim back",
  judging: "looking what stands",
  endingSurvivors: "ending what survived of the old Pod",
  starting: "starting the Pod and loading the session",
  connecting: "connecting to the Pod",
  "replacingClaim.writing": "replacing the claim",
  "replacingClaim.verifying": "reading the claim back",
  stopping: "stopping the Pod and proving it gone",
};

class TransitionLines implements Progress {
  readonly #terminal: Terminal;
  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }
  step({ state, at }: LaunchStep): void {
    this.#terminal.printJson({ type: "transition", state, at });
  }
  end(): void {}
}

class PlainLines implements Progress {
  readonly #terminal: Terminal;
  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }
  step({ state }: LaunchStep): void {
    const waits = WAITS[state];
    if (waits !== undefined) this.#terminal.tell(`${state}: ${waits}`);
  }
  end(): void {}
}

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 100;
const CLEAR_LINE = "\r\u001b[2K";

/** One line that is drawn over, with the time that the phase takes; what has passed stays above it. */
class LiveLine implements Progress {
  readonly #terminal: Terminal;
  #timer: NodeJS.Timeout | undefined;
  #waits: string | undefined;
  #since = 0;
  #frame = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  step({ state }: LaunchStep): void {
    this.#leave();
    this.#waits = WAITS[state];
    if (this.#waits === undefined) return;
    this.#since = performance.now();
    this.#draw();
    this.#timer ??= setInterval(() => this.#draw(), FRAME_MS);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#leave();
    this.#waits = undefined;
  }

  #leave(): void {
    if (this.#waits === undefined) return;
    const mark = this.#terminal.paintMessage("dim", "·");
    this.#terminal.draw("messages", `${CLEAR_LINE}${mark} ${this.#waits}${this.#elapsed()}\n`);
  }

  #draw(): void {
    if (this.#waits === undefined) return;
    const frame = this.#terminal.paintMessage("cyan", FRAMES[this.#frame % FRAMES.length] ?? "");
    this.#frame += 1;
    this.#terminal.draw("messages", `${CLEAR_LINE}${frame} ${this.#waits}${this.#elapsed()}`);
  }

  #elapsed(): string {
    const elapsedS = (performance.now() - this.#since) / 1_000;
    return this.#terminal.paintMessage("dim", ` ${elapsedS.toFixed(1)} s`);
  }
}
