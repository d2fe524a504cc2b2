import { quickly } from "../quick.js";
import { errors } from "./sweep.js";

quickly(errors);
