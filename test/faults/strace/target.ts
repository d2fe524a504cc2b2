import type { CliWorld, EndedCommand } from "../../fixtures/cli-world.js";
import type { Subject } from "./subjects.js";
import type { TracedRun } from "./trace.js";

/** What a guardian lives through. */
export type LifeName = "guardian" | "adopted" | "unreaped" | "restoring";

/** What is attacked: a command, or the guardian that commands have to do with. */
export interface Target {
  readonly name: Subject["name"] | LifeName;
  /** In the counts: `kill points of …`. */
  readonly about: string;
  /** Of a run that nothing disturbs. */
  readonly exitCode: number;
  readonly victim: "command" | "guardian";
  /** Brings the world to where the run begins. */
  prepare(world: CliWorld): Promise<Prepared>;
}

export interface Prepared {
  readonly run: TracedRun;
  /** Each promise that does not hold after it. */
  broken(ended: EndedCommand): Promise<string[]>;
}
