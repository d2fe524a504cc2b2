import { execFile } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { built, root } from "../../fixtures/guardian-runtime.js";
import { disposableDirectory } from "../../fixtures/temporary.js";
import type { Job, TaskResult } from "./worker.js";

/** A replacement in a file of the build. `find` stands in it once, so that a change that makes it meaningless is noticed. */
export interface Patch {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** Of the build, what the worker needs; the rest is only linked to. */
const COPIED = [
  "src",
  "machines",
  "test/faults/interleavings",
  "test/faults/random.js",
  "test/fixtures/files.js",
];
const SIMULATED = "../../test/faults/interleavings/simulated";

/** What the product takes from the machine, and where it leads to instead. Everything else is the build as it is. */
const SEAMS: readonly Patch[] = [
  seam(
    "pod/start-guardian.js",
    'import { spawn } from "node:child_process"',
    `import { spawn } from "${SIMULATED}/guardian.js"`,
  ),
  seam("pod/guardian.js", 'from "./start-agent-of.js"', `from "${SIMULATED}/agent.js"`),
  ...["pod/pod-server.js", "protocol/connection.js"].map((file) =>
    seam(file, 'import net from "node:net"', `import { net } from "${SIMULATED}/net.js"`),
  ),
  seam(
    "pod/process-table.js",
    'import fs from "node:fs"',
    `import { proc as fs } from "${SIMULATED}/proc.js"`,
  ),
  seam(
    "processes.js",
    'import fs from "node:fs"',
    `import { proc as fs } from "../test/faults/interleavings/simulated/proc.js"`,
  ),
  seam("registry/file-registry.js", 'from "./locks.js"', `from "${SIMULATED}/locks.js"`),
  ...[
    "launch/look-for-pods.js",
    "registry/kept-lock.js",
    "pod/end-agent.js",
    "pod/end-survivors.js",
    "pod/settle-claim.js",
    "pod/stop-guardian.js",
    "registry/locks.js",
  ].map((file) => seam(file, 'from "node:timers/promises"', `from "${SIMULATED}/timers.js"`)),
];

function seam(file: string, find: string, replace: string): Patch {
  return { file: `src/${file}`, find, replace };
}

/** Why a patch cannot be applied; undefined if it can. */
export function misfit({ file, find }: Patch, build = built("")): string | undefined {
  const found = fs.readFileSync(join(build, file), "utf8").split(find).length - 1;
  return found === 1 ? undefined : `"${find}" stands ${found} times in ${file} of the build`;
}

/** A copy of the build on the seams of the simulation, with these rules left out. */
export class Stage implements Disposable {
  readonly #directory = disposableDirectory();
  readonly #build: string;

  constructor(patches: readonly Patch[] = []) {
    this.#build = join(this.#directory.path, "dist");
    for (const part of COPIED) fs.cpSync(built(part), join(this.#build, part), { recursive: true });
    fs.copyFileSync(join(root, "package.json"), join(this.#directory.path, "package.json"));
    fs.symlinkSync(join(root, "node_modules"), join(this.#directory.path, "node_modules"));
    for (const patch of [...SEAMS, ...patches]) this.#apply(patch);
  }

  #apply(patch: Patch): void {
    const trouble = misfit(patch, this.#build);
    if (trouble !== undefined) throw new Error(trouble);
    const file = join(this.#build, patch.file);
    fs.writeFileSync(
      file,
      fs.readFileSync(file, "utf8").replace(patch.find, () => patch.replace),
    );
  }

  /** In a process of its own. */
  async run(job: Omit<Job, "base">): Promise<readonly TaskResult[]> {
    // Memory, where there is some: nothing of a run need outlive it.
    const memory = fs.existsSync("/dev/shm") ? "/dev/shm" : this.#directory.path;
    const base = fs.mkdtempSync(join(memory, "lci-"));
    const worker = join(this.#build, "test/faults/interleavings/worker.js");
    try {
      const line = await new Promise<string>((resolve, reject) => {
        execFile(
          process.execPath,
          [worker, JSON.stringify({ ...job, base })],
          { maxBuffer: 1 << 28, timeout: (10 * job.withinSeconds + 120) * 1000, killSignal: "SIGKILL" },
          (error, stdout, stderr) => {
            if (error) reject(new Error(`the worker failed: ${error.message}\n${stderr.slice(-3_000)}`));
            else resolve(stdout);
          },
        );
      });
      return JSON.parse(line) as TaskResult[];
    } finally {
      fs.rmSync(base, { recursive: true, force: true });
    }
  }

  [Symbol.dispose](): void {
    this.#directory.dispose();
  }
}
