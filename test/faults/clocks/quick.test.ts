import { quickly } from "../quick.js";
import { clocks } from "./sweep.js";

quickly(clocks);
