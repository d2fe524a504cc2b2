import { hostileBytes } from "./hostile-bytes/sweep.js";
import type { Sweep } from "./sweep.js";

/** Every sweep, in the order of the report. */
export const SWEEPS: readonly Sweep[] = [hostileBytes];
