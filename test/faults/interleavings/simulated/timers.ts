/** Timers of the run's own clock: what `node:timers/promises` and the globals are to the code that is explored. */
import { world, type Parked } from "./world.js";

export function startTimer(what: string, ms: number, then: () => void): () => void {
  const here = world();
  const parked: Parked = {
    process: here.running,
    what,
    dueAt: here.time + Math.max(0, ms),
    goOn: then,
  };
  here.add(parked);
  return () => here.remove(parked);
}

/** As in `node:timers/promises`. */
export async function setTimeout(
  ms: number,
  _value?: undefined,
  options?: { readonly signal?: AbortSignal },
): Promise<void> {
  const signal = options?.signal;
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = startTimer(`a pause of ${Math.round(ms)} ms`, ms, () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    });
    const abort = () => {
      stop();
      reject(signal?.reason as Error);
    };
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/** A limit that nobody may be waiting for any more: it is never taken back. */
function timeoutSignal(ms: number): AbortSignal {
  const controller = new AbortController();
  startTimer(LIMIT, ms, () => controller.abort(new DOMException("the time is over", "TimeoutError")));
  return controller.signal;
}

export const LIMIT = "the limit of a call";

/** The globals that the explored code takes its time from. For the whole process. */
export function replaceClocks(): void {
  performance.now = () => world().time;
  AbortSignal.timeout = timeoutSignal;
  const timers = new WeakMap<object, () => void>();
  const start = (callback: () => void, ms = 0): object => {
    const timer = { unref: () => timer, ref: () => timer };
    timers.set(timer, startTimer(`a delay of ${ms} ms`, ms, callback));
    return timer;
  };
  Object.assign(globalThis, {
    setTimeout: start,
    clearTimeout: (timer: object | undefined) => timer && timers.get(timer)?.(),
  });
}
