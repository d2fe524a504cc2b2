import fs from "node:fs";

/** A pid alone is reused; a pid with its start time is not. */
export interface ProcessId {
  readonly pid: number;
  /** Boot and clock ticks since then. Opaque; equal for the same process only. */
  readonly startTime: string;
}

/** The name under which the library marks the processes of a launch, in their environment. */
const MARKER = "LAUNCH_CLAIM_LAUNCH_ID";

/** Who has this pid, be it a zombie. */
export function identify(pid: number): ProcessId | undefined {
  const stat = readStat(pid);
  return stat && { pid, startTime: stat.startTime };
}

/** A zombie is dead: a careless PID 1 may never reap it. */
export function isAlive({ pid, startTime }: ProcessId): boolean {
  const stat = readStat(pid);
  return stat !== undefined && !stat.dead && stat.startTime === startTime;
}

/** The living processes of a launch: those that carry its marker, and the group of its leader while the leader lives. */
export function processesOf(launchId: string, leader?: ProcessId): ProcessId[] {
  // Once the leader is gone its number may become another's group: from then on only the marker tells.
  const group = leader && isAlive(leader) ? leader.pid : undefined;
  return fs.readdirSync("/proc").flatMap((name) => {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? readStat(pid) : undefined;
    if (stat === undefined || stat.dead) return [];
    const belongs = stat.group === group || environmentOf(pid).includes(`${MARKER}=${launchId}`);
    return belongs ? [{ pid, startTime: stat.startTime }] : [];
  });
}

/** Empty for a process that is gone or not ours to read. */
export function environmentOf(pid: number): readonly string[] {
  try {
    return fs.readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    return [];
  }
}

interface Stat extends ProcessId {
  readonly dead: boolean;
  readonly group: number;
}

let bootId: string | undefined;

function readStat(pid: number): Stat | undefined {
  let text: string;
  try {
    text = fs.readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    // ENOENT before the read, ESRCH in the middle of it: either way nobody has this pid.
    return undefined;
  }
  bootId ??= fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  // The command's name may hold spaces and parentheses: the other fields begin after the last one.
  const [state = "", , group = "", ...fields] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const ticks = fields[16] ?? "";
  return { pid, dead: state === "Z" || state === "X", group: Number(group), startTime: `${bootId}/${ticks}` };
}
