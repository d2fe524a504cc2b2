/** Drives one machine along one path: every actor is settled when and as the path says. */
import { setImmediate } from "node:timers/promises";
import { SimulatedClock, type StateValue } from "xstate";
import type { TicketRef } from "launch-claim";
import {
  dotted,
  Gates,
  type Gate,
  type InProcessRuntime,
  type MachinePath,
  type MachineStep,
  type PodScript,
} from "launch-claim/testing";

/** How long each delay is on the simulated clock, in milliseconds. */
export const DELAY_MS = 1_000;

/** A launch or a restore that is under way. */
export interface Driven {
  readonly actor: { getSnapshot(): { readonly value: StateValue } };
  cancel(): void;
}

/** What a path needs of the world around it. */
export interface Surroundings {
  readonly runtime: InProcessRuntime;
  /** Another program writes its claim without the lock, */
  writeForeignClaim(ticket: TicketRef): void;
  /** or removes the one that stands. */
  removeClaim(ticket: TicketRef): void;
}

/** Takes one launch or restore along one path. */
export class PathDriver {
  readonly injected: string[] = [];
  readonly #path: MachinePath;
  readonly #ticket: TicketRef;
  readonly #world: Surroundings;
  readonly #gates = new Gates();
  readonly #clock = new SimulatedClock();
  readonly #abandoned: Gate[] = [];
  #openStart: () => void = () => undefined;
  #startIsHeld = false;
  #run: Driven | undefined;
  #taken = 0;

  constructor(path: MachinePath, ticket: TicketRef, world: Surroundings) {
    this.#path = path;
    this.#ticket = ticket;
    this.#world = world;
  }

  /** How the ticket's Pods behave on this path. */
  script(always: PodScript = {}): void {
    const held = new Promise<"ok">((resolve) => (this.#openStart = () => resolve("ok")));
    const hold = () => {
      this.#startIsHeld = true;
      return held;
    };
    this.#world.runtime.script(this.#ticket.id, {
      ...always,
      // A start that is given up brings its Pod late, when the launch is stopping already.
      ...(this.#leavesStart() && { create: hold, deaf: true }),
      ...(this.passes("requestRun", "rejected") && { requestRun: "reject" }),
      ...(this.passes("stopPod", "unproven") && { stop: "unproven", survivors: [process.pid] }),
    });
  }

  /** @param start begins it, with every actor held at its gate; cancelled before, if the path says so */
  begin<Run extends Driven>(
    start: (gates: Gates, clock: SimulatedClock, cancelled: { readonly signal?: AbortSignal }) => Run,
  ): Run {
    const before = this.#path.steps[0]?.by;
    const isCancelled = before?.kind === "event" && before.type === "CANCEL";
    const run = start(this.#gates, this.#clock, isCancelled ? { signal: AbortSignal.abort() } : {});
    this.#run = run;
    return run;
  }

  async take(step: MachineStep): Promise<void> {
    const { by, to } = step;
    if (by.kind === "event") {
      // The event that begins it, and a CANCEL before it, were sent by the launcher itself.
      if (by.type === "CANCEL" && this.#taken > 0) {
        await this.#leave(step);
        this.#run?.cancel();
      }
    } else {
      const actor = by.actor as Gate["actor"];
      await reached(() => this.#gates.at(actor));
      const gate = this.#gates.at(actor);
      if (by.kind === "done") await this.#settle(gate, by.result, step.from);
      if (by.kind === "error") gate.fail(await this.#failureOf(gate));
      if (by.kind === "timeout") {
        if (this.#happensUnseen(gate)) await gate.run();
        await this.#leave(step);
        this.#clock.increment(DELAY_MS);
      }
    }
    this.#taken += 1;
    await reached(() => {
      const at = this.#run && dotted(this.#run.actor.getSnapshot().value);
      if (at !== to)
        throw new Error(`the machine is in ${String(at)}, the model in ${to}: ${this.#path.title}`);
    });
  }

  /** Lets go on what was abandoned; whatever comes of it, all has ended. */
  async releaseAbandoned(): Promise<void> {
    this.#openStart();
    for (const gate of this.#abandoned) await gate.run().catch(() => undefined);
    await setImmediate();
  }

  async #settle(gate: Gate, wanted: string, from: string): Promise<void> {
    const { actor } = gate;
    // The claim that is to be restored stands by itself, as long as nobody takes it away.
    const readsBackRestored = from === "replacingClaim.verifying";
    if (wanted === "taken" && !readsBackRestored) this.#world.writeForeignClaim(this.#ticket);
    if (wanted === "absent" && readsBackRestored) this.#world.removeClaim(this.#ticket);
    if (actor === "stopPod") {
      if (wanted === "unproven" && this.passes("admit", "adoptable")) {
        this.#cannotBeProven(gate, "an adopted Pod that cannot be proven stopped");
        return;
      }
      // What was started late must be stopped all the same.
      const stopping = gate.run();
      this.#openStart();
      gate.done(expectKind(await stopping, wanted, this.#path));
      return;
    }
    if (actor === "endSurvivors" && wanted === "unproven") {
      this.#cannotBeProven(gate, "survivors that cannot be proven gone");
      return;
    }
    gate.done(expectKind(await gate.run(), wanted, this.#path));
  }

  #cannotBeProven(gate: Gate, what: string): void {
    this.injected.push(what);
    gate.done({ kind: "unproven", pids: [process.pid], reason: "injected" });
  }

  /** Every failure but that of admission comes after the deed: the worse case for whoever has to clean up. */
  async #failureOf(gate: Gate): Promise<Error> {
    const { actor } = gate;
    this.injected.push(`${actor} fails`);
    if (isStart(actor) || actor === "requestRun" || this.#happensUnseen(gate)) await gate.run();
    return new Error(`injected: ${actor} fails`);
  }

  /** Whether the commit happens although nobody hears of it, as the rest of the path says. */
  #happensUnseen({ actor }: Gate): boolean {
    const commits = actor === "commitClaim" || actor === "replaceClaim";
    return actor === "requestRun" || (commits && this.passes("readBackClaim", "ours"));
  }

  /** The actor of the state that is left by this step does its work late, if it has any. */
  async #leave({ from }: MachineStep): Promise<void> {
    const actor = actorIn(from);
    if (actor === undefined || actor === "stopPod") return;
    const gate = this.#gates.at(actor);
    if (isStart(actor)) {
      gate.run().catch(() => undefined);
      await reached(() => {
        if (!this.#startIsHeld) throw new Error("the runtime was not asked to start the Pod");
      });
    }
    this.#abandoned.push(gate);
  }

  passes(actor: string, result: string): boolean {
    return this.#path.steps.some(
      ({ by }) => by.kind === "done" && by.actor === actor && by.result === result,
    );
  }

  #leavesStart(): boolean {
    return this.#path.steps.some(
      ({ from, by }) => isStart(actorIn(from)) && (by.kind === "event" || by.kind === "timeout"),
    );
  }
}

/** Of both machines: no state of the one invokes what a state of that name does not in the other. */
const actors: Readonly<Record<string, Gate["actor"]>> = {
  "spawning.admitting": "admit",
  "spawning.starting": "startPod",
  "connecting.dialing": "connect",
  "connecting.registeringPeers": "registerPeers",
  awaitingRunAck: "requestRun",
  "committingClaim.writing": "commitClaim",
  "committingClaim.verifying": "readBackClaim",
  judging: "judgeClaim",
  endingSurvivors: "endSurvivors",
  starting: "restorePod",
  connecting: "connect",
  "replacingClaim.writing": "replaceClaim",
  "replacingClaim.verifying": "readBackClaim",
  stopping: "stopPod",
};

function actorIn(state: string): Gate["actor"] | undefined {
  return actors[state];
}

function isStart(actor: Gate["actor"] | undefined): boolean {
  return actor === "startPod" || actor === "restorePod";
}

function expectKind(output: unknown, wanted: string, path: MachinePath): unknown {
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
