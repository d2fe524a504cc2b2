import { quickly } from "../quick.js";
import { racers } from "./sweep.js";

quickly(racers);
