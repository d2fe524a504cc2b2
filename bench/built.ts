import { fileURLToPath } from "node:url";

/** A program of the product as it was built, beside this one. */
export const built = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

export const guardianPath = built("bin/guardian.js");
