import fs from "node:fs";
import { MARKER } from "./reaper.js";

/** One process, as the kernel tells it. */
export interface TableEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** As in `ProcessIdentity`. */
  readonly startTime: string;
  /** It runs nothing any more, but its pid is not free yet. */
  readonly zombie: boolean;
  /** The launch id in its environment; undefined without one, and where it cannot be read. */
  readonly launchId: string | undefined;
}

export type ProcessTable = ReadonlyMap<number, TableEntry>;

/**
 * Every process, in one pass.
 *
 * @param since a start time: the environment of older processes is not read, which makes the pass three times as cheap. Linux only
 */
export function readProcessTable(since?: string): ProcessTable {
  const entries = process.platform === "linux" ? readProc(since) : readPs();
  return new Map(entries.map((entry) => [entry.pid, entry]));
}

function readProc(since: string | undefined): TableEntry[] {
  const youngerThan = since === undefined ? -1 : Number(since);
  return fs.readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/u.test(name)) return [];
    const stat = textOf(`/proc/${name}/stat`);
    if (stat === undefined) return [];
    // The command name may hold spaces and parentheses: the fields begin after the last one, with the third.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const startTime = fields[19];
    if (startTime === undefined) return [];
    const zombie = fields[0] === "Z" || fields[0] === "X";
    const isRead = !zombie && !(Number(startTime) < youngerThan);
    return {
      pid: Number(name),
      parent: Number(fields[1]),
      group: Number(fields[2]),
      startTime,
      zombie,
      launchId: isRead ? launchIdIn(name) : undefined,
    };
  });
}

/** Only of processes of our own user: what another writes into its environment is no reason to signal anything. */
function launchIdIn(pid: string): string | undefined {
  const user = process.geteuid?.();
  if (fs.statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid !== user) return undefined;
  return markerIn((textOf(`/proc/${pid}/environ`) ?? "").split("\0"));
}

function markerIn(environment: readonly string[]): string | undefined {
  const entry = environment.find((candidate) => candidate.startsWith(`${MARKER}=`));
  // An empty one is none: a process that only clears it is still whose it was.
  return entry?.slice(MARKER.length + 1) || undefined;
}

function textOf(file: string): string | undefined {
  try {
    return fs.readFileSync(file, "latin1");
  } catch {
    // ENOENT, ESRCH: it has ended meanwhile. EACCES: its environment is not for us.
    return undefined;
  }
}

/** macOS, untested. `E` appends the environment of our own processes to the command. */
function readPs(): TableEntry[] {
  const columns = "pid=,ppid=,pgid=,stat=,lstart=,command=";
  const { execFileSync } = process.getBuiltinModule("node:child_process");
  const output = execFileSync("ps", ["-axEww", "-o", columns], {
    encoding: "latin1",
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 64 * 1024 * 1024,
  });
  return output.split("\n").flatMap((line) => {
    const [pid, parent, group, state = "", ...rest] = line.trim().split(/\s+/u);
    if (!pid || !parent || !group) return [];
    return {
      pid: Number(pid),
      parent: Number(parent),
      group: Number(group),
      // `lstart` is five words: Tue Nov 24 21:46:38 2026.
      startTime: rest.slice(0, 5).join(" "),
      zombie: state.startsWith("Z"),
      launchId: markerIn(rest.slice(5)),
    };
  });
}
