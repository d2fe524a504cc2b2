import { quickly } from "../quick.js";
import { mutants } from "./sweep.js";

quickly(mutants);
