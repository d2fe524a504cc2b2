import fs from "node:fs";
import type { ProcessIdentity } from "../machines/launch.types.js";

/** Who this process is. Constant for its life. */
export function ownIdentity(): ProcessIdentity {
  own ??= identityOf(process.pid) ?? { pid: process.pid, startTime: "unknown", ...here() };
  return own;
}
let own: ProcessIdentity | undefined;

/** Who runs under this pid now; undefined if nobody does. A zombie is dead: a careless PID 1 may never reap it. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const startTime = startTimeOf(pid);
  return startTime === undefined ? undefined : { pid, startTime, ...here() };
}

/**
 * Whether the recorded process still runs. A pid that was reused has another start time; one of another boot is gone; one of
 * another PID namespace cannot be seen from here.
 */
export function lifeOf(recorded: ProcessIdentity): "alive" | "gone" | "unknown" {
  const { bootId, pidNamespace } = here();
  if (recorded.bootId !== bootId) return "gone";
  if (recorded.pidNamespace !== pidNamespace) return "unknown";
  return startTimeOf(recorded.pid) === recorded.startTime ? "alive" : "gone";
}

type Here = Pick<ProcessIdentity, "bootId" | "pidNamespace">;
let place: Here | undefined;

function here(): Here {
  place ??=
    process.platform === "linux"
      ? {
          bootId: fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
          pidNamespace: fs.readlinkSync("/proc/self/ns/pid"),
        }
      : { bootId: ask("sysctl", ["-n", "kern.boottime"]) ?? "unknown", pidNamespace: "host" };
  return place;
}

function startTimeOf(pid: number): string | undefined {
  if (process.platform !== "linux") {
    const [state, ...started] = (ask("ps", ["-o", "stat=,lstart=", "-p", String(pid)]) ?? "").split(/\s+/u);
    return !state || state.startsWith("Z") ? undefined : started.join(" ");
  }
  let stat: string;
  try {
    stat = fs.readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    // ENOENT before the read, ESRCH in the middle of it: either way nobody runs under this pid.
    return undefined;
  }
  // The command name may hold spaces and parentheses: the fields begin after the last one. State is field 3, start time 22.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

function ask(command: string, args: readonly string[]): string | undefined {
  try {
    // Not imported: where there is /proc nobody is asked, and loading it takes longer than a whole look at the claims.
    const { execFileSync } = process.getBuiltinModule("node:child_process");
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return undefined;
  }
}
