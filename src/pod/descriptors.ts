import fs from "node:fs";

const LAST_OF_OURS = 4;
const O_CLOEXEC = 0o2000000;

/**
 * Closes what a host let slip through: descriptors above 4 that were inherited because they lack close-on-exec. Node's own all
 * have it. A lock or a pipe of the host's that a guardian keeps open would keep it for hours.
 */
export function closeStrayDescriptors(): void {
  let names: string[];
  try {
    names = fs.readdirSync("/proc/self/fdinfo");
  } catch {
    // Not on Linux: there, Node's own children get nothing above 2 that was not asked for.
    return;
  }
  for (const fd of names.map(Number)) {
    if (fd > LAST_OF_OURS && isInherited(fd)) fs.closeSync(fd);
  }
}

function isInherited(fd: number): boolean {
  try {
    const flags = /^flags:\s+(?<octal>[0-7]+)$/mu.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"));
    return (Number.parseInt(flags?.groups?.["octal"] ?? "0", 8) & O_CLOEXEC) === 0;
  } catch {
    // It was the one that listed the directory.
    return false;
  }
}
