import { quickly } from "../quick.js";
import { killPoints } from "./sweep.js";

quickly(killPoints);
