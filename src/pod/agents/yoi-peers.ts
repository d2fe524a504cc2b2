import { legible, printable } from "../../text.js";
import { fieldOf } from "./json.js";
import { settleClock } from "./settle-clock.js";
import { SETTLE_MS } from "./yoi-run.js";

interface Registration {
  readonly name: string;
  readonly settle: (refusal?: string) => void;
  timer?: ReturnType<typeof settleClock.setTimeout>;
}

/** The peers that an upstream Pod was asked to know. It answers everybody at once, and names the peer only if it knows it. */
export class YoiPeers {
  readonly #send: (method: string, params: object) => void;
  readonly #waiting = new Set<Registration>();

  constructor(send: (method: string, params: object) => void) {
    this.#send = send;
  }

  /** Rejects with the reason if the Pod refuses, or the signal aborts. */
  async register(name: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => registration.settle("it has not answered");
      const registration: Registration = {
        name,
        settle: (refusal) => {
          this.#waiting.delete(registration);
          if (registration.timer) settleClock.clearTimeout(registration.timer);
          signal.removeEventListener("abort", onAbort);
          if (refusal === undefined) resolve();
          else reject(new Error(`the agent's Pod was not told of ${printable(name)}: ${refusal}`));
        },
      };
      this.#waiting.add(registration);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#send("register_peer", { name });
    });
  }

  event(event: string, data: unknown): void {
    if (event === "peer_registered") {
      const peer = fieldOf(fieldOf(data, "result"), "peer");
      for (const registration of this.#waiting) if (registration.name === peer) registration.settle();
    } else if (event === "error") {
      // It may answer anybody: only if nothing better follows is it the answer.
      const message = fieldOf(data, "message");
      const refusal = typeof message === "string" ? legible(message) : "no message";
      for (const registration of this.#waiting) {
        registration.timer ??= settleClock.setTimeout(() => registration.settle(refusal), SETTLE_MS);
      }
    }
  }

  lose(reason: string): void {
    for (const registration of this.#waiting) registration.settle(reason);
  }
}
