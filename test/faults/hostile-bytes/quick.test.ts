import { quickly } from "../quick.js";
import { hostileBytes } from "./sweep.js";

quickly(hostileBytes);
