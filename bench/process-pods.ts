/** Pods that are real processes: a Node program that says when it is up. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { LaunchInfo, StartContext } from "../src/ports.js";
import { ObjectPods, type ObjectPod } from "./object-pods.js";
import { track } from "./scratch.js";

const PROGRAM = 'process.stdout.write("ready\\n"); setInterval(() => {}, 1 << 30);';

export class ProcessPods extends ObjectPods {
  readonly #children: ChildProcess[] = [];

  override async start(launch: LaunchInfo, context: StartContext<ObjectPod>): Promise<ObjectPod> {
    const pod = await super.start(launch, context);
    const child = track(spawn(process.execPath, ["-e", PROGRAM], { stdio: ["ignore", "pipe", "inherit"] }));
    this.#children.push(child);
    await once(child.stdout, "data");
    return pod;
  }

  async killAll(): Promise<void> {
    for (const child of this.#children.splice(0)) {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    }
    this.endAll();
  }
}
