import fs from "node:fs";
import { resolve } from "node:path";
import { messageOf } from "../errors.js";
import { legible, printable } from "../text.js";
import type { Arguments } from "./arguments.js";
import type { CliIo } from "./io.js";
import { UsageError } from "./usage-error.js";

const MAX_BYTES = 1024 * 1024;
const TOO_MUCH = `there is more than 1 MiB`;

/** The first run's text, if the command line gives one. A file that the user names may lie anywhere. @throws UsageError */
export async function readPrompt(args: Arguments, io: CliIo): Promise<string | undefined> {
  const [text, file] = [args.text("prompt"), args.text("prompt-file")];
  if (text !== undefined && file !== undefined) {
    throw new UsageError("expected --prompt or --prompt-file, but both came");
  }
  if (text !== undefined) return notBlank(text, "--prompt");
  if (file === undefined) return undefined;
  try {
    const read = file === "-" ? await readAll(io.stdin) : readFile(resolve(io.cwd, file));
    return notBlank(read, "--prompt-file");
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(
      `--prompt-file ${printable(file, 200)} cannot be used: ${legible(messageOf(error))}`,
      "It is a file, not a link, of at most 1 MiB; or - for standard input.",
    );
  }
}

/** Most likely a variable that was not set; an agent would be started for nothing. */
function notBlank(text: string, flag: string): string {
  if (text.trim() !== "") return text;
  throw new UsageError(`${flag}: expected text, but it is blank`);
}

function readFile(path: string): string {
  const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  try {
    const there = fs.fstatSync(fd);
    if (!there.isFile()) throw new Error("it is not a file");
    if (there.size > MAX_BYTES) throw new Error(TOO_MUCH);
    return fs.readFileSync(fd, "utf8");
  } finally {
    fs.closeSync(fd);
  }
}

async function readAll(stdin: AsyncIterable<Buffer | string>): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of stdin) {
    const buffer = Buffer.from(part);
    bytes += buffer.length;
    if (bytes > MAX_BYTES) throw new Error(TOO_MUCH);
    parts.push(buffer);
  }
  return Buffer.concat(parts).toString("utf8");
}
