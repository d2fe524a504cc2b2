/**
 * Simulated runs: every simple path, on a simulated clock, against the real registry and its locks in a temporary directory. The
 * actors do what they really do; the path says when and how each is settled. After each step the machine is where the model is.
 */
import fs from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { SimulatedClock } from "xstate";
import { FileRegistry, findWorkspace, type Launch, type Launcher, type TicketRef } from "launch-claim";
import {
  createLauncherWith,
  dotted,
  Gates,
  InProcessRuntime,
  type Gate,
  type LaunchPath,
  type PathStep,
} from "launch-claim/testing";
import { foreignClaim } from "./foreign-claim.js";
import { observe, WITHOUT_PROCESS, type PodWorld } from "./observe.js";
import type { PathRun } from "./demand.js";

const DELAY_MS = 1_000;
const timeouts = {
  admitMs: DELAY_MS,
  readyMs: DELAY_MS,
  connectMs: DELAY_MS,
  peerMs: DELAY_MS,
  runAckMs: DELAY_MS,
  commitMs: DELAY_MS,
  verifyMs: DELAY_MS,
  stopMs: DELAY_MS,
};

/** One registry and one set of Pods for many paths, each on a ticket of its own. */
export class SimulatedWorld implements PodWorld {
  readonly registry: string;
  readonly runtime = new InProcessRuntime();
  readonly #files: FileRegistry;
  readonly #workspace: string;
  readonly #home: string;
  #tickets = 0;

  /** @param directory an empty one, which the caller removes */
  constructor(directory: string) {
    this.#workspace = join(directory, "workspace");
    this.#home = join(directory, "home");
    fs.mkdirSync(this.#workspace);
    const workspace = findWorkspace(this.#workspace, this.#home);
    this.registry = workspace.directory;
    this.#files = new FileRegistry({ workspace });
  }

  processesOf(launchId: string): readonly number[] {
    return this.runtime.pods().flatMap((pod) => (pod.launchId === launchId ? [WITHOUT_PROCESS] : []));
  }

  promptsOf(launchId: string): number {
    return this.runtime.prompts(launchId).length;
  }

  async run(path: LaunchPath): Promise<PathRun> {
    const ticket = { id: `S-${(this.#tickets += 1)}` };
    const driver = new Driver(path, ticket, this);
    await driver.prepare();
    const before = observe(this, ticket.id);
    const launch = driver.begin();
    for (const step of path.steps) await driver.take(step);
    const outcome = await launch.outcome;
    const after = observe(this, ticket.id);

    this.runtime.script(ticket.id, {});
    const retry = await this.launcher().launch({ ticket, prompt: "again" }).outcome;
    // What was abandoned may go on now: whatever it brings must be given back.
    await driver.releaseAbandoned();
    await this.#clear(ticket);
    return { path, launchId: launch.launchId, outcome, before, after, retry, injected: driver.injected };
  }

  launcher(gates?: Gates, clock?: SimulatedClock): Launcher {
    return createLauncherWith(
      {
        workspace: this.#workspace,
        home: this.#home,
        runtime: this.runtime,
        ...(clock && {
          clock: {
            now: () => Date.now(),
            setTimeout: (callback, delayMs) => clock.setTimeout(callback, delayMs) as unknown,
            clearTimeout: (id) => clock.clearTimeout(id as number),
          },
        }),
      },
      gates ? { wrapEffects: gates.wrap } : {},
    );
  }

  /** An accepted Pod of a launcher that died: with its record, and without a claim. */
  async leaveAccepted(ticket: TicketRef): Promise<void> {
    const { name, launchId, locator } = await this.runtime.acceptedPod(ticket, { registry: this.#files });
    const at = new Date().toISOString();
    await this.#files.writePod({
      ticket,
      role: "intake",
      pod: name,
      launchId,
      runtime: { kind: this.runtime.kind, locator },
      launcher: { pid: 1, startTime: "long ago", bootId: "another boot", pidNamespace: "another" },
      state: "started",
      processes: [],
      startedAt: at,
      updatedAt: at,
    });
  }

  writeForeignClaim(ticket: TicketRef): void {
    fs.writeFileSync(join(this.registry, "claims", `${ticket.id}.json`), foreignClaim(ticket));
  }

  async #clear(ticket: TicketRef): Promise<void> {
    const { signal } = new AbortController();
    for (const pod of this.runtime.pods()) await this.runtime.stop(pod, { signal });
    const lock = await this.#files.lockLaunch(ticket, { signal });
    if (!lock) throw new Error(`the launch lock of ${ticket.id} is still held`);
    lock.close();
  }
}

/** Takes one launch along one path. */
class Driver {
  readonly injected: string[] = [];
  readonly #path: LaunchPath;
  readonly #ticket: TicketRef;
  readonly #world: SimulatedWorld;
  readonly #gates = new Gates();
  readonly #clock = new SimulatedClock();
  readonly #abandoned: Gate[] = [];
  #openStart: () => void = () => undefined;
  #startIsHeld = false;
  #launch: Launch | undefined;
  #taken = 0;

  constructor(path: LaunchPath, ticket: TicketRef, world: SimulatedWorld) {
    this.#path = path;
    this.#ticket = ticket;
    this.#world = world;
  }

  /** Puts the ticket into the state that the path's admission finds. */
  async prepare(): Promise<void> {
    if (this.#passes("admit", "adoptable")) await this.#world.leaveAccepted(this.#ticket);
    if (this.#passes("admit", "blocked")) {
      const first = await this.#world.launcher().launch({ ticket: this.#ticket, prompt: "first" }).outcome;
      if (first.status !== "claimed") throw new Error(`what should stand was ${first.status}`);
    }
    const held = new Promise<"ok">((resolve) => (this.#openStart = () => resolve("ok")));
    const hold = () => {
      this.#startIsHeld = true;
      return held;
    };
    this.#world.runtime.script(this.#ticket.id, {
      // A start that is given up brings its Pod late, when the launch is stopping already.
      ...(this.#leavesStart() && { create: hold, deaf: true }),
      ...(this.#passes("requestRun", "rejected") && { requestRun: "reject" }),
      ...(this.#passes("stopPod", "unproven") && { stop: "unproven", survivors: [process.pid] }),
    });
  }

  begin(): Launch {
    const beforeLaunch = this.#path.steps[0]?.by;
    const cancelled = beforeLaunch?.kind === "event" && beforeLaunch.type === "CANCEL";
    this.#launch = this.#world.launcher(this.#gates, this.#clock).launch({
      ticket: this.#ticket,
      prompt: "do it",
      peers: ["peer"],
      timeouts,
      ...(cancelled && { signal: AbortSignal.abort() }),
    });
    return this.#launch;
  }

  async take(step: PathStep): Promise<void> {
    const { by, to } = step;
    if (by.kind === "event") {
      // LAUNCH, and a CANCEL before it, were sent by the launcher itself.
      if (by.type === "CANCEL" && this.#taken > 0) {
        await this.#leave(step);
        this.#launch?.cancel();
      }
    } else {
      await reached(() => this.#gates.at(by.actor));
      const gate = this.#gates.at(by.actor);
      if (by.kind === "done") await this.#settle(gate, by.result);
      if (by.kind === "error") gate.fail(await this.#failureOf(gate));
      if (by.kind === "timeout") {
        if (this.#happensUnseen(gate)) await gate.run();
        await this.#leave(step);
        this.#clock.increment(DELAY_MS);
      }
    }
    this.#taken += 1;
    await reached(() => {
      const at = this.#launch && dotted(this.#launch.actor.getSnapshot().value);
      if (at !== to)
        throw new Error(`the machine is in ${String(at)}, the model in ${to}: ${this.#path.title}`);
    });
  }

  /** Lets go on what was abandoned; whatever comes of it, the launch has ended. */
  async releaseAbandoned(): Promise<void> {
    this.#openStart();
    for (const gate of this.#abandoned) await gate.run().catch(() => undefined);
    await setImmediate();
  }

  async #settle(gate: Gate, wanted: string): Promise<void> {
    const { actor } = gate;
    if (wanted === "taken") this.#world.writeForeignClaim(this.#ticket);
    if (actor === "stopPod") {
      if (wanted === "unproven" && this.#passes("admit", "adoptable")) {
        this.injected.push("an adopted Pod that cannot be proven stopped");
        gate.done({ kind: "unproven", pids: [process.pid], reason: "injected" });
        return;
      }
      // What was started late must be stopped all the same.
      const stopping = gate.run();
      this.#openStart();
      gate.done(expectKind(await stopping, wanted, this.#path));
      return;
    }
    gate.done(expectKind(await gate.run(), wanted, this.#path));
  }

  /** Every failure but that of admission comes after the deed: the worse case for whoever has to clean up. */
  async #failureOf(gate: Gate): Promise<Error> {
    const { actor } = gate;
    this.injected.push(`${actor} fails`);
    if (actor === "startPod" || actor === "requestRun" || this.#happensUnseen(gate)) await gate.run();
    return new Error(`injected: ${actor} fails`);
  }

  /** Whether the commit happens although nobody hears of it, as the rest of the path says. */
  #happensUnseen({ actor }: Gate): boolean {
    return actor === "requestRun" || (actor === "commitClaim" && this.#passes("readBackClaim", "ours"));
  }

  /** The actor of the state that is left by this step does its work late, if it has any. */
  async #leave({ from }: PathStep): Promise<void> {
    const actor = actorIn(from);
    if (actor === undefined || actor === "stopPod") return;
    const gate = this.#gates.at(actor);
    if (actor === "startPod") {
      gate.run().catch(() => undefined);
      await reached(() => {
        if (!this.#startIsHeld) throw new Error("the runtime was not asked to start the Pod");
      });
    }
    this.#abandoned.push(gate);
  }

  #passes(actor: string, result: string): boolean {
    return this.#path.steps.some(
      ({ by }) => by.kind === "done" && by.actor === actor && by.result === result,
    );
  }

  #leavesStart(): boolean {
    return this.#path.steps.some(
      ({ from, by }) => from === "spawning.starting" && (by.kind === "event" || by.kind === "timeout"),
    );
  }
}

const actors: Readonly<Record<string, Gate["actor"]>> = {
  "spawning.admitting": "admit",
  "spawning.starting": "startPod",
  "connecting.dialing": "connect",
  "connecting.registeringPeers": "registerPeers",
  awaitingRunAck: "requestRun",
  "committingClaim.writing": "commitClaim",
  "committingClaim.verifying": "readBackClaim",
  stopping: "stopPod",
};

function actorIn(state: string): Gate["actor"] | undefined {
  return actors[state];
}

function expectKind(output: unknown, wanted: string, path: LaunchPath): unknown {
  const kind = (output as { kind?: string } | null)?.kind ?? "done";
  if (kind === wanted || wanted === "done") return output;
  throw new Error(`the actor's result is ${kind}, the path says ${wanted}: ${path.title}`);
}

/** Promises settle, and files are synced, within a number of turns; nothing here waits for time to pass on the launch's clock. */
async function reached(check: () => unknown): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      check();
      return;
    } catch (error) {
      if (performance.now() >= deadline) throw error;
      await setImmediate();
    }
  }
}
