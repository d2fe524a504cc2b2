import { quickly } from "../quick.js";
import { powerCut } from "./sweep.js";

quickly(powerCut, { timeoutMs: 300_000, skipsInCi: true });
