import fs from "node:fs";
import { dirname, join } from "node:path";
import type { z } from "zod";

/** What lies in a Pod's directory. */
export const POD_FILE = "pod.json";
export const RECEIPT_FILE = "accepted.json";
export const PROMPTS_FILE = "prompts.log";
export const SOCKET_FILE = "sock";

/**
 * Durable on return: the bytes are synced BEFORE they get their name, and the directory is synced BEFORE anybody is told.
 * Synchronous, so that nothing can come between a decision and its record.
 */
export function writeDurably(file: string, value: object): void {
  const temp = `${file}.tmp`;
  fs.writeFileSync(temp, `${JSON.stringify(value)}\n`, { mode: 0o600, flush: true });
  fs.renameSync(temp, file);
  const directory = fs.openSync(dirname(file), fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  try {
    fs.fsyncSync(directory);
  } finally {
    fs.closeSync(directory);
  }
}

/** Undefined if the file is missing or damaged: what cannot be read is evidence of nothing. */
export function readFile<Schema extends z.ZodType>(
  schema: Schema,
  directory: string,
  name: string,
): z.output<Schema> | undefined {
  try {
    return schema.parse(JSON.parse(fs.readFileSync(join(directory, name), "utf8")));
  } catch {
    return undefined;
  }
}
