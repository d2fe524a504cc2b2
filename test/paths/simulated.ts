/**
 * Simulated runs: every simple path, on a simulated clock, against the real registry and its locks in a temporary directory. The
 * actors do what they really do; the path says when and how each is settled. After each step the machine is where the model is.
 */
import fs from "node:fs";
import { join } from "node:path";
import type { SimulatedClock } from "xstate";
import {
  FileRegistry,
  findWorkspace,
  type Launcher,
  type LaunchTimeouts,
  type TicketRef,
} from "launch-claim";
import {
  createLauncherWith,
  InProcessRuntime,
  type Gates,
  type LaunchPath,
  type RestorePath,
} from "launch-claim/testing";
import { foreignClaim } from "./foreign-claim.js";
import { claimFile, observe, WITHOUT_PROCESS, type PodWorld } from "./observe.js";
import type { PathRun } from "./demand.js";
import type { RestoreRun } from "./restore-demand.js";
import { DELAY_MS, PathDriver, type Surroundings } from "./simulated-driver.js";

const session = { id: "scripted", restorable: true };
const timeouts: LaunchTimeouts = {
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
export class SimulatedWorld implements PodWorld, Surroundings {
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
    const driver = new PathDriver(path, ticket, this);
    if (driver.passes("admit", "adoptable")) await this.#leaveAccepted(ticket);
    if (driver.passes("admit", "blocked")) await this.#claim(ticket);
    driver.script();
    const before = observe(this, ticket.id);
    const launch = driver.begin((gates, clock, cancelled) =>
      this.launcher(gates, clock).launch({
        ticket,
        prompt: "do it",
        peers: ["peer"],
        timeouts,
        ...cancelled,
      }),
    );
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

  /** Restores a claim whose Pod is gone, along the path; what was abandoned on it goes on once all was measured. */
  async restore(path: RestorePath): Promise<RestoreRun> {
    const ticket = { id: `S-${(this.#tickets += 1)}` };
    const driver = new PathDriver(path, ticket, this);
    this.runtime.script(ticket.id, { session });
    const restores = await this.#claim(ticket);
    if (!driver.passes("judgeClaim", "blocked")) await this.#endPods();
    driver.script({ session });
    const before = observe(this, ticket.id);
    const restore = driver.begin((gates, clock, cancelled) =>
      this.launcher(gates, clock).restore({ ticket, timeouts, ...cancelled }),
    );
    for (const step of path.steps) await driver.take(step);
    const outcome = await restore.outcome;
    const after = observe(this, ticket.id);

    this.runtime.script(ticket.id, { session });
    const retry = await this.launcher().restore({ ticket }).outcome;
    const afterRetry = observe(this, ticket.id);
    await driver.releaseAbandoned();
    await this.#clear(ticket);
    const { launchId } = restore;
    return { path, launchId, restores, outcome, before, after, retry, afterRetry, injected: driver.injected };
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
      gates ? { wrapEffects: gates.wrap, wrapRestoreEffects: gates.wrapRestore } : {},
    );
  }

  /** A claim that stands, and its Pod lives. */
  async #claim(ticket: TicketRef): Promise<string> {
    const first = await this.launcher().launch({ ticket, prompt: "first" }).outcome;
    if (first.status !== "claimed") throw new Error(`what should stand was ${first.status}`);
    return first.claim.launchId;
  }

  /** An accepted Pod of a launcher that died: with its record, and without a claim. */
  async #leaveAccepted(ticket: TicketRef): Promise<void> {
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
    fs.writeFileSync(claimFile(this.registry, ticket.id), foreignClaim(ticket));
  }

  removeClaim(ticket: TicketRef): void {
    fs.rmSync(claimFile(this.registry, ticket.id));
  }

  async #clear(ticket: TicketRef): Promise<void> {
    await this.#endPods();
    const { signal } = new AbortController();
    const lock = await this.#files.lockLaunch(ticket, { signal });
    if (!lock) throw new Error(`the launch lock of ${ticket.id} is still held`);
    lock.close();
  }

  async #endPods(): Promise<void> {
    const { signal } = new AbortController();
    for (const pod of this.runtime.pods()) await this.runtime.stop(pod, { signal });
  }
}
