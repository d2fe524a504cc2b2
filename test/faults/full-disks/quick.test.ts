import { quickly } from "../quick.js";
import { fullDisks } from "./sweep.js";

quickly(fullDisks, { timeoutMs: 300_000, skipsInCi: true });
