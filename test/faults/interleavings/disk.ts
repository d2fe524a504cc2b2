import { textIfThere } from "../../fixtures/files.js";
import { Broken } from "./broken.js";

/** What is read of a claim, of a history entry and of a Pod record. */
export interface OnDisk {
  readonly launchId: string;
  readonly restoredFrom?: readonly string[];
  readonly by?: string;
  readonly state?: string;
  readonly acceptance?: unknown;
}

/** Undefined if there is no such file. One that is there is whole: none is ever written under its own name. */
export function readJson(file: string): OnDisk | undefined {
  const text = textIfThere(file);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as OnDisk;
  } catch {
    throw new Broken(`${file} is torn`);
  }
}
