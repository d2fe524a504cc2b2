import fs from "node:fs";
import { dirname } from "node:path";
import { errnoOf } from "../errors.js";
import { LineSplitter } from "../protocol/lines.js";
import { pause } from "./pause.js";

/** How long until the log is looked at again where the kernel tells of no change: a lost watch, or none to be had. */
const POLL_MS = 500;
const CHUNK_BYTES = 64 * 1024;

/** Up to where a log was read: of which file, since a full one is renamed and a new one begun. */
export interface LogPosition {
  readonly inode: number;
  readonly offset: number;
}

/** All lines of a log, those before it was last begun anew first; undefined if there is none. */
export function logLines(
  file: string,
): { readonly lines: readonly string[]; readonly end: LogPosition } | undefined {
  const current = readFrom(file, undefined);
  if (current === undefined) return undefined;
  const before = readFrom(`${file}.1`, undefined);
  return { lines: [...(before?.lines ?? []), ...current.lines], end: current.end };
}

/** Shows what is written from a position on, until the signal aborts. A log that does not exist yet is waited for. */
export async function followLog(
  file: string,
  from: LogPosition | undefined,
  { show, signal }: { readonly show: (line: string) => void; readonly signal: AbortSignal },
): Promise<void> {
  let position = from;
  let changed: AbortController | undefined;
  const watcher = watch(dirname(file), () => changed?.abort());
  try {
    while (!signal.aborted) {
      changed = new AbortController();
      for (const part of newParts(file, position)) {
        for (const line of part.lines) show(line);
        position = part.end;
      }
      await pause(POLL_MS, AbortSignal.any([signal, changed.signal]));
    }
  } finally {
    watcher?.close();
  }
}

/** The rest of the file that was read, under the name that it has by now, and then its successor. */
function newParts(file: string, position: LogPosition | undefined): LogPart[] {
  const parts: LogPart[] = [];
  if (position !== undefined && inodeOf(file) !== position.inode && inodeOf(`${file}.1`) === position.inode) {
    const rest = readFrom(`${file}.1`, position);
    if (rest) parts.push(rest);
  }
  const current = readFrom(file, position);
  if (current) parts.push(current);
  return parts;
}

interface LogPart {
  readonly lines: readonly string[];
  readonly end: LogPosition;
}

/** The complete lines from a position on; from the beginning, if it is another file or was cut. */
function readFrom(path: string, from: LogPosition | undefined): LogPart | undefined {
  let fd: number;
  try {
    fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { ino: inode, size } = fs.fstatSync(fd);
    const start = from?.inode === inode && from.offset <= size ? from.offset : 0;
    const splitter = new LineSplitter();
    const lines: string[] = [];
    let offset = start;
    let complete = start;
    for (;;) {
      const buffer = Buffer.alloc(CHUNK_BYTES);
      const bytes = fs.readSync(fd, buffer, 0, CHUNK_BYTES, offset);
      if (bytes === 0) return { lines, end: { inode, offset: complete } };
      const chunk = buffer.subarray(0, bytes);
      lines.push(...splitter.push(chunk));
      const newline = chunk.lastIndexOf(0x0a);
      if (newline >= 0) complete = offset + newline + 1;
      offset += bytes;
    }
  } finally {
    fs.closeSync(fd);
  }
}

function inodeOf(path: string): number | undefined {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.ino;
}

/** A watch is a help and no promise: where there is none to be had, the log is polled. */
function watch(directory: string, onChange: () => void): fs.FSWatcher | undefined {
  try {
    return fs.watch(directory, onChange).on("error", () => undefined);
  } catch {
    return undefined;
  }
}
