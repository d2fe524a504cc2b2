import type { PermissionOutcome, PermissionRequest } from "./driver.js";

const CANCELLED: PermissionOutcome = { outcome: "cancelled" };

/** The answer to `session/request_permission`, as the protocol wraps it. */
export interface PermissionAnswer {
  readonly outcome: PermissionOutcome;
}

export const UNASKED: PermissionAnswer = { outcome: CANCELLED };

/** Who is told what becomes of the questions. */
interface Teller {
  permissionRequested(request: PermissionRequest): void;
  permissionResolved(requestId: string, outcome: PermissionOutcome): void;
}

/** The agent's questions that nobody has answered yet. */
export class Permissions {
  readonly #open = new Map<string, (outcome: PermissionOutcome) => void>();
  readonly #teller: Teller;
  #count = 0;

  constructor(teller: Teller) {
    this.#teller = teller;
  }

  /** @param signal aborts when the agent withdraws its question */
  ask(request: unknown, signal: AbortSignal): Promise<PermissionAnswer> {
    this.#count += 1;
    // Not the agent's own id: 1 and "1" are two of its requests.
    const requestId = `permission-${this.#count}`;
    return new Promise((resolve) => {
      this.#open.set(requestId, (outcome) => resolve({ outcome }));
      signal.addEventListener("abort", () => this.answer(requestId, CANCELLED), { once: true });
      this.#teller.permissionRequested({ requestId, request });
    });
  }

  /** Without effect if it was answered, or never asked. */
  answer(requestId: string, outcome: PermissionOutcome): void {
    const resolve = this.#open.get(requestId);
    if (!resolve) return;
    this.#open.delete(requestId);
    resolve(outcome);
    this.#teller.permissionResolved(requestId, outcome);
  }

  /** Nobody will choose any more. */
  cancelAll(): void {
    for (const requestId of [...this.#open.keys()]) this.answer(requestId, CANCELLED);
  }
}
