/**
 * Real runs: Pods that are processes and misbehave as the path says. What no process can show is injected where the launcher meets
 * its ports, and named as injected. Which Pods they are is told by a `PathPods`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import { findWorkspace, type Launcher, type LaunchRequest, type TicketRef } from "launch-claim";
import { dotted, type LaunchEffects, type LauncherSeams, type LaunchPath } from "launch-claim/testing";
import { processesOfLaunch, waitUntil } from "../fixtures/processes.js";
import type { PathRun } from "./demand.js";
import { injector } from "./inject.js";
import { observe, type PodWorld } from "./observe.js";
import { PathScript, PATIENT } from "./path-script.js";
import type { Driven } from "./simulated-driver.js";

export const PATIENCE_MS = 30_000;
const PEER: TicketRef = { id: "PEER" };
const SLEEPER: TicketRef = { id: "SLEEPER" };

/** Where a world's files are. All in the directory that its opener removes. */
export interface Place {
  readonly workspace: string;
  readonly home: string;
  /** For whatever else the Pods need; not made yet. */
  readonly pods: string;
}

/** One kind of Pods, and how it is made to misbehave. */
export interface PathPods {
  /** Without a script its Pods behave well. */
  launcher(script: PathScript | undefined, seams: LauncherSeams): Launcher;
  /** What of the request makes the Pod misbehave as the path says. */
  requestFor(script: PathScript): Pick<LaunchRequest, "agent" | "timeouts">;
  /** The command of a launcher that says something once its Pod has accepted, and waits to be killed. */
  dyingLauncher(ticket: TicketRef, script: PathScript): readonly string[];
  /** Whether a start that does not end has got as far as it will. */
  isStuckInStart(launchId: string): boolean;
  promptsOf(launchId: string): number;
  /** True: a hand-off that does not end is the fault of a peer that sleeps. Otherwise it is the Pod's. */
  readonly peersSleep: boolean;
  /** Once all was measured: rejects if the Pod does not end by itself that has accepted nothing and has no launcher any more. */
  letGo(launchId: string, script: PathScript): Promise<void>;
  close(): void;
}

/** One registry for many paths, each on a ticket of its own. Of one process: paths may run side by side. */
export class ProcessWorld implements PodWorld {
  readonly registry: string;
  readonly #pods: PathPods;
  readonly #standing = new Map<TicketRef, Promise<string>>();
  #tickets = 0;

  /** @param directory an empty one, which the caller removes */
  constructor(directory: string, podsAt: (place: Place) => PathPods) {
    const place = { workspace: join(directory, "w"), home: join(directory, "h"), pods: join(directory, "p") };
    fs.mkdirSync(place.workspace);
    this.registry = findWorkspace(place.workspace, place.home).directory;
    this.#pods = podsAt(place);
  }

  processesOf(launchId: string): readonly number[] {
    return processesOfLaunch(launchId).map(({ pid }) => pid);
  }

  promptsOf(launchId: string): number {
    return this.#pods.promptsOf(launchId);
  }

  /** Starts the peers beforehand, so that no path has to wait for them. */
  async open(): Promise<void> {
    await this.#peer();
    if (this.#pods.peersSleep) await this.#sleeper();
  }

  async run(path: LaunchPath): Promise<PathRun> {
    const ticket = { id: `R-${(this.#tickets += 1)}` };
    const script = new PathScript(path);
    if (script.passes("admit", "blocked")) await this.#claim(ticket);
    if (script.adopts) await this.#leaveAccepted(ticket, script);
    const before = observe(this, ticket.id);

    const launcher = this.#pods.launcher(script, {
      wrapEffects: (effects) => this.#inject(effects, script, ticket),
    });
    const launch = launcher.launch({
      ticket,
      prompt: "do it",
      peers: await this.#peersFor(script),
      timeouts: script.timeouts,
      ...this.#pods.requestFor(script),
      ...(script.fails("admit") && { role: "nobody" }),
      ...(script.cancelledIn("idle") && { signal: AbortSignal.abort() }),
    });
    await cancelAsSaid(launch, script, {
      startedIn: "spawning.starting",
      isStuckInStart: () => this.#pods.isStuckInStart(launch.launchId),
    });
    const outcome = await launch.outcome;
    const after = observe(this, ticket.id);
    const retry = await this.#launcher().launch({ ticket, prompt: "again", timeouts: PATIENT }).outcome;
    try {
      await this.#pods.letGo(launch.launchId, script);
    } finally {
      await this.#clear(ticket);
    }
    return { path, launchId: launch.launchId, outcome, before, after, retry, injected: script.injected };
  }

  /** Ends the peers. */
  async close(): Promise<void> {
    for (const ticket of this.#standing.keys()) await this.#clear(ticket);
    this.#pods.close();
  }

  #launcher(): Launcher {
    return this.#pods.launcher(undefined, {});
  }

  async #peersFor(script: PathScript): Promise<readonly string[]> {
    if (script.fails("registerPeers")) return ["nobody"];
    if (!script.meetsPeers) return [];
    const isStuck = script.isStuck("registerPeers", "connecting.registeringPeers");
    return [isStuck && this.#pods.peersSleep ? await this.#sleeper() : await this.#peer()];
  }

  /** A living Pod that others can hand off to. */
  #peer(): Promise<string> {
    return this.#stand(PEER, () => this.#claim(PEER));
  }

  /** One that lives, and does not answer: all its processes are stopped. */
  #sleeper(): Promise<string> {
    return this.#stand(SLEEPER, async () => {
      const pod = await this.#claim(SLEEPER);
      for (const [launchId] of observe(this, SLEEPER.id).launches)
        for (const pid of this.processesOf(launchId)) process.kill(pid, "SIGSTOP");
      return pod;
    });
  }

  #stand(ticket: TicketRef, start: () => Promise<string>): Promise<string> {
    const pod = this.#standing.get(ticket) ?? start();
    this.#standing.set(ticket, pod);
    return pod;
  }

  async #claim(ticket: TicketRef): Promise<string> {
    const outcome = await this.#launcher().launch({ ticket, prompt: "first", timeouts: PATIENT }).outcome;
    if (outcome.status !== "claimed") throw new Error(`what should stand was ${outcome.status}`);
    return outcome.claim.pod;
  }

  /** A launcher is killed after its Pod has accepted the run. */
  async #leaveAccepted(ticket: TicketRef, script: PathScript): Promise<void> {
    const child = spawn(process.execPath, this.#pods.dyingLauncher(ticket, script), {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    await Promise.race([once(child.stdout, "data"), exited]);
    if (child.exitCode !== null) throw new Error("the launcher that was to be killed ended by itself");
    child.kill("SIGKILL");
    await exited;
  }

  #inject(effects: LaunchEffects, script: PathScript, ticket: TicketRef): LaunchEffects {
    const inject = injector(script, { world: this, ticketId: ticket.id });
    return {
      ...effects,
      admit: inject("admit", effects.admit),
      commitClaim: inject("commitClaim", effects.commitClaim),
      readBackClaim: inject("readBackClaim", effects.readBackClaim),
      stopPod: inject("stopPod", effects.stopPod),
    };
  }

  async #clear({ id }: TicketRef): Promise<void> {
    await clearTicket(this, id);
  }
}

/** Nothing of the ticket runs any more: not by the stop that is being tested, which may be broken. */
export async function clearTicket(world: PodWorld, id: string): Promise<void> {
  for (const launchId of observe(world, id).launches.keys()) {
    const isOver = () => {
      const left = world.processesOf(launchId);
      for (const pid of left) kill(pid, "SIGKILL");
      return left.length === 0;
    };
    await waitUntil(isOver, { deadlineMs: PATIENCE_MS, what: `the end of what launch ${launchId} left` });
  }
}

/** Cancels it in the state in which the path does, once that was reached. */
export async function cancelAsSaid(
  run: Driven,
  script: PathScript,
  { startedIn, isStuckInStart }: { readonly startedIn: string; readonly isStuckInStart: () => boolean },
): Promise<void> {
  const from = script.cancelled;
  if (from === undefined || from === "idle") return;
  const at = () => dotted(run.actor.getSnapshot().value);
  await waitUntil(() => at() === from, {
    deadlineMs: PATIENCE_MS,
    what: () => `${from} of ${script.title}; it is in ${at()}`,
  });
  if (from === startedIn)
    await waitUntil(isStuckInStart, { deadlineMs: PATIENCE_MS, what: "the Pod's process" });
  run.cancel();
}

/** Signals a process that may have ended since it was seen. */
export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Then there is nothing left to signal.
  }
}
