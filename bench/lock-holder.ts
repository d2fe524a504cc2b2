// Takes a lock, says so, and holds it until it is killed: node lock-holder.js kernel|proper-lockfile <file>
import { lock } from "proper-lockfile";
import { tryLockFile } from "../src/registry/locks.js";

const [kind, file = ""] = process.argv.slice(2);

if (kind === "kernel") {
  if (tryLockFile(file) === undefined) throw new Error(`${file} is locked already`);
} else {
  await lock(file);
}
process.stdout.write("held\n");
// Both would end here otherwise: a lock alone keeps no process alive.
setInterval(() => undefined, 2 ** 30);
