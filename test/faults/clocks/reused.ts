/** Records whose pids are somebody else's now: the pid was given away again, or the machine was booted since. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import type { PodRecord } from "launch-claim";
import type { AgentScript } from "launch-claim/testing";
import { DEADLINE_MS } from "../../fixtures/cli-world.js";
import { isRunning, processAt, waitUntil } from "../../fixtures/processes.js";
import { HERE, type Case, type Trial } from "./trial.js";

type Process = PodRecord["processes"][number];

const ID = "REUSED";
const LISTENER = `for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGCONT"]) process.on(signal, () => console.log(signal));
setInterval(() => undefined, 60_000);
console.log("ready");`;

/** Nobody's business here. It leads a group, as an agent does, and says which signals it was sent. */
class Bystander {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #said = "";

  constructor() {
    this.#child = spawn(process.execPath, ["-e", LISTENER], {
      detached: true,
      stdio: ["ignore", "pipe", "ignore"],
    });
    this.#ended = once(this.#child, "close");
    this.#child.stdout?.on("data", (chunk: Buffer) => (this.#said += chunk.toString()));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async ready(): Promise<void> {
    await waitUntil(() => this.#said !== "", { deadlineMs: DEADLINE_MS, what: "the bystander" });
  }

  get wasSpared(): boolean {
    return this.#said === "ready\n" && isRunning(this.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}

/** How a record comes to name the bystander. */
interface Reuse {
  readonly name: string;
  record(recorded: Process, bystander: number): Process;
}

const REUSES: readonly Reuse[] = [
  {
    name: "a pid that was given to another process",
    record: (recorded, pid) => ({ ...recorded, pid }),
  },
  {
    name: "a pid and start time of another boot",
    record: (recorded, pid) => ({
      ...recorded,
      pid,
      startTime: processAt(pid)?.startTime ?? "",
      bootId: "00000000-0000-4000-8000-000000000000",
    }),
  },
];

function claimed({ name, record }: Reuse): Case {
  return {
    name: `the record of a claimed Pod, all gone, names ${name}`,
    async run(trial) {
      await using bystander = new Bystander();
      await bystander.ready();
      const { launchId } = await trial.claims(HERE, ID);
      await trial.killPod(ID, launchId);
      rewrite(trial, (recorded) => record(recorded, bystander.pid));
      await trial.isState(HERE, ID, "stale");
      await trial.answers(HERE, ["stop", ID], 0, "stopped");
      await trial.isBlocked(HERE, ID, "stale");
      await trial.answers(HERE, ["reclaim", ID, "--expect", launchId], 0, "ended");
      await trial.claims(HERE, ID);
      trial.demand("the process that has the pid now was not signalled", bystander.wasSpared);
    },
  };
}

/** Its launcher died, and everything of it, before the run was accepted: the next admission judges the record alone. */
function unclaimed({ name, record }: Reuse): Case {
  return {
    name: `the record of a Pod without a claim, all gone, names ${name}`,
    async run(trial) {
      await using bystander = new Bystander();
      await bystander.ready();
      const mute: AgentScript = { prompt: [{ stall: true }] };
      const launch = trial.startLaunch(HERE, ID, mute, "--timeout", "runAck=60s");
      await launch.enters("awaitingRunAck");
      await launch.dies();
      for (const launchId of trial.world.launchIds(ID)) await trial.killPod(ID, launchId);
      rewrite(trial, (recorded) => record(recorded, bystander.pid));
      await trial.claims(HERE, ID);
      await trial.endsWell(HERE, ID);
      trial.demand("the process that has the pid now was not signalled", bystander.wasSpared);
    },
  };
}

/** As the Pod record would be, had it been written then; it is not marked as ended, for nobody was there to do so. */
function rewrite({ world }: Trial, processOf: (recorded: Process) => Process): void {
  const directory = join(world.registry, "pods", ID);
  for (const pod of fs.readdirSync(directory)) {
    const file = join(directory, pod, "pod.json");
    const record = JSON.parse(fs.readFileSync(file, "utf8")) as PodRecord;
    const { launcher, processes } = record;
    const changed = {
      ...record,
      state: "started",
      launcher: processOf(launcher),
      processes: processes.map(processOf),
    };
    fs.writeFileSync(file, JSON.stringify(changed));
  }
}

export const REUSED: readonly Case[] = REUSES.flatMap((reuse) => [
  { ...claimed(reuse), quick: true },
  unclaimed(reuse),
]);
