/** `/proc` as the run has it, for the modules of the product that read it; and signals. */
import fs from "node:fs";
import { world, type Process } from "./world.js";

const STAT = /^\/proc\/(\d+)(\/stat|\/environ)?$/u;

function processAt(pid: number): Process | undefined {
  return world().processes.find((one) => one.pid === pid && one.alive);
}

function gone(path: string): Error {
  return Object.assign(new Error(`ENOENT: no such process, ${path}`), { code: "ENOENT" });
}

function readFileSync(path: string, encoding: BufferEncoding): string {
  const [, pid, what] = STAT.exec(path) ?? [];
  // What does not change while this program runs is the machine's own.
  if (pid === undefined || Number(pid) === process.pid) return fs.readFileSync(path, encoding);
  const found = processAt(Number(pid));
  if (!found) throw gone(path);
  if (what === "/environ") return found.mark === undefined ? "" : `LAUNCH_CLAIM_LAUNCH_ID=${found.mark}\0`;
  const fields = [
    "S",
    found.parent?.pid ?? 1,
    found.group,
    ...new Array<number>(16).fill(0),
    found.startTime,
  ];
  return `${found.pid} (${found.kind}) ${fields.join(" ")} 0`;
}

function readdirSync(): string[] {
  return world()
    .processes.filter(({ alive }) => alive)
    .map(({ pid }) => String(pid));
}

function statSync(path: string): { readonly uid: number } | undefined {
  const pid = Number(STAT.exec(path)?.[1]);
  return processAt(pid) && { uid: process.geteuid?.() ?? 0 };
}

function readlinkSync(path: string): string {
  return fs.readlinkSync(path);
}

/** In the place of `node:fs`, of which these modules use no more. */
export const proc = { readFileSync, readdirSync, statSync, readlinkSync };

/** Signals reach the processes of the run and no other. */
export function replaceKill(): void {
  process.kill = (pid: number, signal: string | number = "SIGTERM") => {
    const here = world();
    const found =
      pid < 0 ? here.processes.filter((one) => one.alive && one.group === -pid) : [processAt(pid)];
    const targets = found.flatMap((one) => one ?? []);
    if (targets.length === 0)
      throw Object.assign(new Error(`ESRCH: nobody has pid ${pid}`), { code: "ESRCH" });
    for (const target of targets) {
      if (target.kind === "guardian" && target.mark !== undefined) here.facts.asked.add(target.mark);
      if (signal === "SIGKILL") here.end(target);
      else target.signalled(String(signal));
    }
    return true;
  };
}
