import fs from "node:fs";
import { join } from "node:path";
import { createLauncher, type Launch, type Launcher, type Outcome } from "launch-claim";
import { gatherEvidence, type Evidence } from "./evidence.js";
import { clarify, noticeOf, type ClarifyOptions } from "./panel.js";
import { OwnPods } from "./runtime.js";
import { count, heading, paint, print, table, visible } from "./screen.js";
import type { Ticket } from "./tickets.js";

/** Launch ids differ in their last digits; the first ones are the time. */
const SHORT_ID = 8;

/** Where the demo plays: below `root`, a workspace, a data directory and a directory for Pods. */
export class Stage {
  readonly workspace: string;
  readonly launcher: Launcher;
  readonly #places: { readonly home: string; readonly pods: string };
  readonly #launches: Launch[] = [];
  readonly #signal: AbortSignal;
  #scenes = 0;
  #broken = 0;

  constructor(root: string, sample: string, signal: AbortSignal) {
    this.#places = { home: join(root, "home"), pods: join(root, "pods") };
    this.workspace = join(root, "workspace");
    fs.cpSync(sample, this.workspace, { recursive: true });
    const runtime = new OwnPods({ directory: this.#places.pods });
    this.launcher = createLauncher({ workspace: this.workspace, home: this.#places.home, runtime });
    this.#signal = signal;
  }

  /** How many promises were not kept so far. */
  get broken(): number {
    return this.#broken;
  }

  scene(title: string): void {
    this.#signal.throwIfAborted();
    this.#scenes += 1;
    heading(`${this.#scenes}. ${visible(title)}`);
  }

  /** Launches, and shows how far it comes while it does. */
  async clarify(
    ticket: Ticket,
    options: Pick<ClarifyOptions, "profile" | "orchestrator"> = {},
  ): Promise<Outcome> {
    const { workspace } = this;
    const launch = clarify(this.launcher, ticket, { ...options, workspace, signal: this.#signal });
    this.#launches.push(launch);
    process.stdout.write("   ");
    let phase = "";
    for await (const { state } of launch) {
      const [entered = ""] = state.split(".");
      const arrow = phase === "" ? "" : "> ";
      if (entered !== phase) process.stdout.write(` ${paint("dim", arrow + entered)}`);
      phase = entered;
    }
    print();
    const outcome = await launch.outcome;
    for (const line of noticeOf(outcome).split("\n")) print(`    ${visible(line)}`);
    this.#signal.throwIfAborted();
    return outcome;
  }

  /** What is really there, measured past the library. */
  evidence(): Evidence {
    const evidence = this.#gather();
    const { claims, processes, prompts } = evidence;
    const short = (launchId: string) => launchId.slice(-SHORT_ID);
    print();
    print(`    ${count(claims.length, "claim")} on disk`);
    table(
      ["launch", "prompts", "Pod", "ticket"],
      claims.map(({ ticket, pod, launchId }) => [
        short(launchId),
        String(prompts.get(pod) ?? 0),
        pod,
        ticket,
      ]),
    );
    print(`    ${count(processes.length, "living process", "living processes")}`);
    table(
      ["launch", "pid"],
      processes.map(({ pid, launchId }) => [short(launchId), String(pid)]),
    );
    print();
    return evidence;
  }

  check(promise: string, kept: boolean): void {
    if (!kept) this.#broken += 1;
    print(`    ${kept ? paint("green", "ok") : paint("red", "BROKEN")}  ${promise}`);
  }

  async releaseAll(): Promise<void> {
    const { claims } = await this.launcher.status();
    for (const { ticket } of claims) {
      if (ticket === undefined) continue;
      const { status } = await this.launcher.release(ticket, { stop: true, reason: "the demo is over" });
      print(`    ${ticket.id}: ${status}`);
    }
  }

  /** Stops whatever the demo has launched and still runs, however far it came, and looks whether that was all. */
  async close(): Promise<void> {
    for (const { ticket } of this.#launches) await this.launcher.stop(ticket);
    await this.releaseAll();
    for (const { pid } of this.#gather().processes) {
      this.check(`process ${pid} is gone`, false);
      // A broken promise is told, and still not left on somebody's machine.
      process.kill(pid, "SIGKILL");
    }
  }

  #gather(): Evidence {
    return gatherEvidence(
      this.#places,
      this.#launches.map(({ launchId }) => launchId),
    );
  }
}
