import { clocks } from "./clocks/sweep.js";
import { errors } from "./errors/sweep.js";
import { fullDisks } from "./full-disks/sweep.js";
import { hostileBytes } from "./hostile-bytes/sweep.js";
import { interleavings } from "./interleavings/sweep.js";
import { killPoints } from "./kill-points/sweep.js";
import { mutants } from "./mutants/sweep.js";
import { powerCut } from "./power-cut/sweep.js";
import { racers } from "./racers/sweep.js";
import type { Sweep } from "./sweep.js";

/** Every sweep, in the order of the report. */
export const SWEEPS: readonly Sweep[] = [
  killPoints,
  errors,
  fullDisks,
  powerCut,
  racers,
  interleavings,
  clocks,
  hostileBytes,
  mutants,
];
