import { quickly } from "../quick.js";
import { powerCut } from "./sweep.js";

quickly(powerCut, { skipsInCi: true });
