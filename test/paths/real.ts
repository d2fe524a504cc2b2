/**
 * Real runs: the example's own Pods, as processes that misbehave as the path says. What no process can show is injected where the
 * launcher meets its ports, and named as injected.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findWorkspace, type Launch, type Launcher, type LaunchTimeouts, type TicketRef } from "launch-claim";
import {
  createLauncherWith,
  dotted,
  type LaunchEffects,
  type LaunchPath,
  type PathStep,
} from "launch-claim/testing";
import { OwnPods } from "../../examples/own-pods/runtime.js";
import type { PodManner } from "../fixtures/path-pod-manners.js";
import { processesOfLaunch, waitUntil } from "../fixtures/processes.js";
import type { PathRun } from "./demand.js";
import { foreignClaim } from "./foreign-claim.js";
import { observe, type PodWorld } from "./observe.js";

/** The one delay that the path says passes; everything else has all the time of a slow machine. */
const PASSES_MS = 150;
const NEVER_MS = 30_000;
const PATIENCE_MS = 20_000;

const built = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/dist\/$/u, "/");
const program = join(built, "dist/test/fixtures/path-pod.js");
const dyingLauncher = join(built, "dist/test/fixtures/path-dying-launcher.js");

/** One registry and one runtime directory for many paths, each on a ticket of its own. Of one process: paths may run side by side. */
export class RealWorld implements PodWorld {
  readonly registry: string;
  readonly #workspace: string;
  readonly #home: string;
  readonly #pods: string;
  #tickets = 0;
  #peer: Promise<string> | undefined;

  /** @param directory an empty one, which the caller removes */
  constructor(directory: string) {
    this.#workspace = join(directory, "w");
    this.#home = join(directory, "h");
    this.#pods = join(directory, "p");
    fs.mkdirSync(this.#workspace);
    this.registry = findWorkspace(this.#workspace, this.#home).directory;
  }

  processesOf(launchId: string): readonly number[] {
    return processesOfLaunch(launchId).map(({ pid }) => pid);
  }

  promptsOf(launchId: string): number {
    const names = fs.existsSync(this.#pods) ? fs.readdirSync(this.#pods) : [];
    for (const name of names) {
      const record = join(this.#pods, name, "pod.json");
      if (!fs.existsSync(record) || !fs.readFileSync(record, "utf8").includes(launchId)) continue;
      const prompts = join(this.#pods, name, "prompts.log");
      return fs.existsSync(prompts) ? fs.readFileSync(prompts, "utf8").trim().split("\n").length : 0;
    }
    return 0;
  }

  async run(path: LaunchPath): Promise<PathRun> {
    const ticket = { id: `R-${(this.#tickets += 1)}` };
    const script = new Script(path);
    if (script.passes("admit", "blocked")) await this.#claim(ticket);
    if (script.passes("admit", "adoptable")) await this.#leaveAccepted(ticket, script.manner);
    const before = observe(this, ticket.id);

    const peers = script.fails("registerPeers") ? ["nobody"] : script.meetsPeers ? [await this.peer()] : [];
    const { manner } = script;
    const launcher = this.launcher((effects) => this.#inject(effects, script, ticket));
    const launch = launcher.launch({
      ticket,
      prompt: "do it",
      peers,
      ...(manner && { agent: `script:${manner}${script.stubborn}` }),
      ...(script.fails("admit") && { role: "nobody" }),
      timeouts: script.timeouts,
      ...(script.cancelledIn("idle") && { signal: AbortSignal.abort() }),
    });
    await this.#cancelAsSaid(launch, script);
    const outcome = await launch.outcome;
    const after = observe(this, ticket.id);
    const retry = await this.launcher().launch({ ticket, prompt: "again" }).outcome;
    await this.#clear(after, ticket);
    return { path, launchId: launch.launchId, outcome, before, after, retry, injected: script.injected };
  }

  launcher(wrapEffects?: (effects: LaunchEffects) => LaunchEffects): Launcher {
    return createLauncherWith(
      {
        workspace: this.#workspace,
        home: this.#home,
        runtime: new OwnPods({ directory: this.#pods, program }),
      },
      wrapEffects ? { wrapEffects } : {},
    );
  }

  /** A living Pod that others can hand off to. */
  peer(): Promise<string> {
    return (this.#peer ??= this.#claim({ id: "PEER" }));
  }

  /** Ends the peer. */
  async close(): Promise<void> {
    if (this.#peer) await this.launcher().stop({ id: "PEER" });
  }

  async #claim(ticket: TicketRef): Promise<string> {
    const outcome = await this.launcher().launch({ ticket, prompt: "first" }).outcome;
    if (outcome.status !== "claimed") throw new Error(`what should stand was ${outcome.status}`);
    return outcome.claim.pod;
  }

  /** A launcher is killed after its Pod has accepted the run. */
  async #leaveAccepted({ id }: TicketRef, manner: PodManner | undefined): Promise<void> {
    const agent = manner === undefined ? [] : [`later:${manner}`];
    const args = [dyingLauncher, this.#workspace, this.#home, this.#pods, id, program, ...agent];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  async #cancelAsSaid(launch: Launch, script: Script): Promise<void> {
    const from = script.cancelled;
    if (from === undefined || from === "idle") return;
    await waitUntil(() => dotted(launch.actor.getSnapshot().value) === from, {
      deadlineMs: PATIENCE_MS,
      what: () => `${from} of ${script.title}; it is in ${dotted(launch.actor.getSnapshot().value)}`,
    });
    if (from === "spawning.starting") {
      await waitUntil(() => this.processesOf(launch.launchId).length > 0, {
        deadlineMs: PATIENCE_MS,
        what: "the Pod's process",
      });
    }
    launch.cancel();
  }

  /** What no process can show: failures and delays of the launcher's own deeds, and a stop that cannot be proven. */
  #inject(effects: LaunchEffects, script: Script, ticket: TicketRef): LaunchEffects {
    const hold = () => new Promise<never>(() => undefined);
    const inject = <Input, Output>(
      actor: "admit" | "commitClaim" | "readBackClaim" | "stopPod",
      effect: (input: Input, signal: AbortSignal) => Promise<Output>,
    ) => {
      return async (input: Input, signal: AbortSignal): Promise<Output> => {
        if (actor !== "admit" && script.fails(actor)) {
          script.injected.push(`${actor} fails`);
          if (actor === "commitClaim" && script.passes("readBackClaim", "ours")) await effect(input, signal);
          throw new Error(`injected: ${actor} fails`);
        }
        if (script.outlasts(actor) || (actor === "admit" && script.cancelledIn("spawning.admitting"))) {
          script.injected.push(`${actor} does not answer`);
          if (actor === "admit" || script.passes("readBackClaim", "ours")) await effect(input, signal);
          return await hold();
        }
        if (script.passes(actor, "taken")) {
          script.injected.push("another program writes its claim without the lock");
          fs.writeFileSync(join(this.registry, "claims", `${ticket.id}.json`), foreignClaim(ticket));
        }
        return await effect(input, signal);
      };
    };
    return {
      ...effects,
      admit: inject("admit", effects.admit),
      commitClaim: inject("commitClaim", effects.commitClaim),
      readBackClaim: inject("readBackClaim", effects.readBackClaim),
      stopPod: script.passes("stopPod", "unproven")
        ? async () => {
            script.injected.push("the stop cannot be proven");
            await Promise.resolve();
            const ours = [...observe(this, ticket.id).launches.values()].flatMap(
              ({ processes }) => processes,
            );
            return { kind: "unproven", pids: ours, reason: `processes ${ours.join(", ")} still run` };
          }
        : inject("stopPod", effects.stopPod),
    };
  }

  /** Nothing of the ticket runs any more. */
  async #clear(after: PathRun["after"], ticket: TicketRef): Promise<void> {
    await this.launcher().stop(ticket);
    for (const launchId of new Set([...after.launches.keys(), ...observe(this, ticket.id).launches.keys()])) {
      for (const pid of this.processesOf(launchId)) process.kill(pid, "SIGKILL");
      await waitUntil(() => this.processesOf(launchId).length === 0, {
        deadlineMs: PATIENCE_MS,
        what: "its end",
      });
    }
  }
}

/** What is injected on this path, because no process can show it: told beforehand, for the test's title. */
export function injectionsOf(path: LaunchPath): string[] {
  const script = new Script(path);
  return path.steps.flatMap(({ by, from }) => {
    if (by.kind === "event")
      return by.type === "CANCEL" && from === "spawning.admitting" ? ["admit does not answer"] : [];
    const { actor } = by;
    if (by.kind === "done") {
      if (by.result === "taken") return ["another program writes its claim without the lock"];
      return by.result === "unproven" ? ["the stop cannot be proven"] : [];
    }
    if (by.kind === "timeout") return isInjected(actor) ? [`${actor} does not answer`] : [];
    return isInjected(actor) && !(actor === "admit" && script.fails("admit")) ? [`${actor} fails`] : [];
  });
}

/** The launcher's own deeds; the others are the Pod's, which can show them. */
function isInjected(actor: string): boolean {
  return ["admit", "commitClaim", "readBackClaim", "stopPod"].includes(actor);
}

/** What a path asks of the Pod, the request and the ports. */
class Script {
  readonly title: string;
  readonly injected: string[] = [];
  readonly #steps: readonly PathStep[];
  readonly #endsUnresolved: boolean;

  constructor({ title, steps, end }: LaunchPath) {
    this.title = title;
    this.#steps = steps;
    this.#endsUnresolved = end === "unresolved";
  }

  passes(actor: string, result: string): boolean {
    return this.#steps.some(({ by }) => by.kind === "done" && by.actor === actor && by.result === result);
  }

  fails(actor: string): boolean {
    return this.#steps.some(({ by }) => by.kind === "error" && by.actor === actor);
  }

  outlasts(actor: string): boolean {
    return this.#steps.some(({ by }) => by.kind === "timeout" && by.actor === actor);
  }

  get cancelled(): string | undefined {
    return this.#steps.find(({ by }) => by.kind === "event" && by.type === "CANCEL")?.from;
  }

  cancelledIn(state: string): boolean {
    return this.cancelled === state;
  }

  /** Whether the path gets as far as the hand-off. */
  get meetsPeers(): boolean {
    return this.#steps.some(({ from }) => from === "connecting.registeringPeers");
  }

  get timeouts(): LaunchTimeouts {
    const delays = [
      "admitMs",
      "readyMs",
      "connectMs",
      "peerMs",
      "runAckMs",
      "commitMs",
      "verifyMs",
      "stopMs",
    ] as const;
    const passing = new Set(this.#steps.flatMap(({ by }) => (by.kind === "timeout" ? [by.delay] : [])));
    return Object.fromEntries(
      delays.map((delay) => [delay, passing.has(delay) ? PASSES_MS : NEVER_MS]),
    ) as unknown as LaunchTimeouts;
  }

  /** What cannot be stopped must not end by itself either, or nothing would be left to find. */
  get stubborn(): ":stubborn" | "" {
    return this.#endsUnresolved ? ":stubborn" : "";
  }

  /** One Pod misbehaves in one way; a path that wants two gets the one that ends it. */
  get manner(): PodManner | undefined {
    const stuck = (actor: string, state: string) => this.outlasts(actor) || this.cancelledIn(state);
    // A Pod that is gone already would leave nothing for the stop to prove.
    const mustLive = this.#endsUnresolved || this.passes("admit", "adoptable");
    if (this.fails("startPod")) return mustLive ? "otherName" : "dies";
    if (stuck("startPod", "spawning.starting")) return "neverReady";
    if (this.fails("connect")) return "otherLaunch";
    if (stuck("connect", "connecting.dialing")) return "muteSnapshot";
    if (this.passes("requestRun", "rejected")) return "rejectsRun";
    if (this.fails("requestRun")) return mustLive ? "hangsUpOnRun" : "diesOnRun";
    if (stuck("requestRun", "awaitingRunAck")) return "muteRun";
    if (stuck("registerPeers", "connecting.registeringPeers")) return "mutePeer";
    return undefined;
  }
}
