import { quickly } from "../quick.js";
import { fullDisks } from "./sweep.js";

quickly(fullDisks, { skipsInCi: true });
