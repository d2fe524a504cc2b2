import { quickly } from "../quick.js";
import { killPoints } from "./sweep.js";

quickly(killPoints, { timeoutMs: 600_000 });
