import fs from "node:fs";
import type { PodRecord } from "../../../../src/ports.js";
import { FileRegistry } from "../../../../src/registry/file-registry.js";
import type { Workspace } from "../../../../src/registry/workspace.js";
import { world, type Process } from "./world.js";

/** Asked at once: nothing that they do can be seen by another process. */
const IMMEDIATE = ["probeAgentLock", "podDirectory"];
const READING = ["read", "list", "history", "sessions", "pods", "probeLocks", "lockPod", "lockAgent"];

/** The shipped registry, as one process of a run uses it: the process is parked at every call, and at every sync in it. */
export function registryFor(owner: () => Process, files: FileRegistry): FileRegistry {
  return new Proxy(files, {
    get: (_, name) => {
      const method = String(name);
      const real = Reflect.get(files, name) as (...given: unknown[]) => unknown;
      if (IMMEDIATE.includes(method)) return real.bind(files);
      return async (...given: unknown[]) => {
        await world().park(method);
        if (!READING.includes(method)) world().touched = true;
        if (method === "writePod") given = [asWrittenBy(owner(), given[0] as PodRecord)];
        return await real.apply(files, given);
      };
    },
  });
}

/** Parked before every sync: a death there leaves what was written, which a kernel that lives on still has. */
export function openFiles(workspace: Workspace): FileRegistry {
  return new FileRegistry({
    workspace,
    now: () => world().now(),
    sync: async (fd) => {
      const path = fs.readlinkSync(`/proc/self/fd/${fd}`);
      const isDirectory = fs.fstatSync(fd).isDirectory();
      const what = path.slice(workspace.directory.length + 1).replace(/\.[0-9a-f]{16}\.tmp$/u, ".*.tmp");
      await world().park(`sync ${what}`, { drop: () => fs.closeSync(fd) });
      const here = world();
      here.touched = true;
      if (isDirectory) here.facts.directoriesSynced.set(what, here.steps);
    },
  });
}

/** All processes of a run are one to the kernel; in the records each is itself. */
function asWrittenBy({ pid, startTime }: Process, record: PodRecord): PodRecord {
  const itself = <Identity extends PodRecord["launcher"]>(identity: Identity): Identity =>
    identity.pid === process.pid ? { ...identity, pid, startTime } : identity;
  return { ...record, launcher: itself(record.launcher), processes: record.processes.map(itself) };
}
