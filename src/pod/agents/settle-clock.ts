import type { SettleClock } from "./evidence.js";

interface SettleTimer {
  readonly timeout: NodeJS.Timeout;
  immediate?: NodeJS.Immediate;
}

/**
 * Real timers that let what the agent has written meanwhile be read first. A process that was stopped, or busy, finds its timers
 * due before it has seen the error that came in that time.
 */
export const settleClock: SettleClock<SettleTimer> = {
  setTimeout(callback, ms) {
    const timer: SettleTimer = {
      timeout: setTimeout(() => {
        timer.immediate = setImmediate(callback);
      }, ms),
    };
    return timer;
  },
  clearTimeout({ timeout, immediate }) {
    clearTimeout(timeout);
    clearImmediate(immediate);
  },
};
