import { quickly } from "../quick.js";
import { interleavings } from "./sweep.js";

quickly(interleavings);
