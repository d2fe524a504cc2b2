/**
 * Every path of a restore with the built-in runtime: a scripted agent under the real guardian. The old guardian was SIGKILLed, and
 * its agent has survived it, so that every restore that begins has survivors to end.
 */
import fs from "node:fs";
import { join } from "node:path";
import { findWorkspace, type Restore, type RestoreRequest, type TicketRef } from "launch-claim";
import { createLauncherWith, type RestoreEffects, type RestorePath } from "launch-claim/testing";
import type { AgentScript } from "../../src/testing/scripted-agent/script.js";
import { methodsIn } from "../fixtures/agent-calls.js";
import { guardianOptions, scriptedRecipe } from "../fixtures/guardian-runtime.js";
import { isGuardian, MisbehavingGuardian } from "../fixtures/misbehaving-guardian.js";
import { processesOfLaunch, waitUntil } from "../fixtures/processes.js";
import {
  endsWithoutItsAgent,
  mishapOf,
  NO_MODEL,
  promptsIn,
  SOCKETS,
  STOP_OF_A_STOPPED_GUARDIAN_MS,
  staysStopped,
} from "./guardian.js";
import { injector } from "./inject.js";
import { observe, untilPodLockFree, type PodWorld } from "./observe.js";
import { NEVER_MS, PathScript, PATIENT } from "./path-script.js";
import { cancelAsSaid, clearTicket, kill, PATIENCE_MS } from "./process-world.js";
import { restoreViolations, type RestoreRun } from "./restore-demand.js";

/** What a restored agent may be asked, and nothing else: no new session, no prompt, no deletion. */
const MAY_BE_ASKED = ["initialize", "session/load", "session/cancel"];

/** The same delay limits the end of the survivors, which must be over by then: they hear SIGTERM. */
const LATER_STOP_PASSES_MS = 5_000;

export interface GuardianRestoreRun extends RestoreRun {
  /** The methods that the new agent was asked, in their order. */
  readonly asked: readonly string[];
}

/** As `restoreViolations`, and who must be running where a Pod must, and what its agent was asked. */
export function guardianRestoreViolations(run: GuardianRestoreRun): string[] {
  const { path, after, launchId, asked } = run;
  const found = restoreViolations(run);
  const running = after.launches.get(launchId)?.processes ?? [];
  if (path.end === "restored" && running.length < 2)
    found.push(`of guardian and agent only ${running.join(", ")} runs`);
  const more = asked.filter((method) => !MAY_BE_ASKED.includes(method));
  if (more.length > 0) found.push(`the restored agent was asked ${more.join(", ")}`);
  return found;
}

/** One registry for many paths, each on a ticket of its own. Of one process: paths may run side by side. */
export class RestoreWorld implements PodWorld {
  readonly registry: string;
  readonly #workspace: string;
  readonly #home: string;
  readonly #files: string;
  readonly #before = process.env[SOCKETS];
  #tickets = 0;

  /** @param directory an empty one, which the caller removes */
  constructor(directory: string) {
    this.#workspace = join(directory, "w");
    this.#home = join(directory, "h");
    this.#files = join(directory, "p");
    fs.mkdirSync(this.#workspace);
    this.registry = findWorkspace(this.#workspace, this.#home).directory;
    process.env[SOCKETS] = this.#files;
  }

  close(): void {
    if (this.#before === undefined) Reflect.deleteProperty(process.env, SOCKETS);
    else process.env[SOCKETS] = this.#before;
  }

  processesOf(launchId: string): readonly number[] {
    return processesOfLaunch(launchId).map(({ pid }) => pid);
  }

  promptsOf(launchId: string): number {
    return promptsIn(this.#promptsFile, launchId);
  }

  async run(path: RestorePath): Promise<GuardianRestoreRun> {
    const ticket = { id: `R-${(this.#tickets += 1)}` };
    const script = new PathScript(path);
    const restores = await this.#claim(ticket);
    if (!script.passes("judgeClaim", "blocked")) {
      await killGuardianOf(restores);
      await untilPodLockFree(this, ticket.id, PATIENCE_MS);
    }
    const before = observe(this, ticket.id);

    const callsFile = `${this.#files}.calls-${ticket.id}`;
    const restore = this.#begin(ticket, script, { ...agentOf(script), callsFile });
    if (loadStalls(script)) void this.#asked(callsFile, "session/load").then(() => script.deedIsDone());
    await cancelAsSaid(restore, script, {
      startedIn: "starting",
      isStuckInStart: () => methodsIn(callsFile).includes("session/load"),
    });
    const outcome = await restore.outcome;
    const after = observe(this, ticket.id);
    const asked = methodsIn(callsFile);
    const retry = await this.#restore(ticket, { loadSession: true }).outcome;
    const afterRetry = observe(this, ticket.id);
    const { launchId } = restore;
    try {
      if (script.endsUnresolved && launchBegan(path)) await endsWithoutItsAgent(launchId);
    } finally {
      await clearTicket(this, ticket.id);
    }
    const { injected } = script;
    return { path, launchId, restores, outcome, before, after, retry, afterRetry, injected, asked };
  }

  get #promptsFile(): string {
    return `${this.#files}.prompts`;
  }

  /** A claim whose agent survives its guardian: it does not hear that its stdin ends. */
  async #claim(ticket: TicketRef): Promise<string> {
    const recipe = this.#recipe({ loadSession: true, ignoreStdinEnd: true });
    const { registry, runtime } = this.#runtime(recipe);
    const launcher = createLauncherWith(
      { workspace: this.#workspace, home: this.#home, runtime, registry },
      {},
    );
    const outcome = await launcher.launch({ ticket, recipe, prompt: "first", timeouts: PATIENT }).outcome;
    if (outcome.status !== "claimed") throw new Error(`what should stand was ${outcome.status}`);
    return outcome.claim.launchId;
  }

  #begin(ticket: TicketRef, script: PathScript, agent: AgentScript): Restore {
    return this.#restore(ticket, agent, {
      script,
      timeouts: {
        ...script.timeouts,
        ...(staysStopped(script) && { stopMs: STOP_OF_A_STOPPED_GUARDIAN_MS }),
        ...(script.outlasts("stopPod") && { stopMs: LATER_STOP_PASSES_MS }),
      },
      ...(script.fails("judgeClaim") && { agent: "nobody" }),
      ...(script.cancelledIn("idle") && { signal: AbortSignal.abort() }),
    });
  }

  /** Without a script nothing happens to the guardian. */
  #restore(
    ticket: TicketRef,
    agent: AgentScript,
    { script, ...more }: Omit<RestoreRequest, "ticket"> & { readonly script?: PathScript } = {},
  ): Restore {
    const recipe = this.#recipe(agent);
    const { registry, runtime } = this.#runtime(recipe, script);
    const awaits = script && (loadStalls(script) || script.passes("readBackClaim", "ours"));
    const clock = script?.clockAwaitingDeed(awaits === true);
    const launcher = createLauncherWith(
      { workspace: this.#workspace, home: this.#home, runtime, registry, ...(clock && { clock }) },
      script ? { wrapRestoreEffects: (effects) => this.#inject(effects, script, ticket) } : {},
    );
    return launcher.restore({
      ticket,
      timeouts: PATIENT,
      ...(more.agent === undefined && { recipe }),
      ...more,
    });
  }

  #runtime(recipe: ReturnType<typeof scriptedRecipe>, script?: PathScript) {
    const options = guardianOptions(this.#workspace, this.#home);
    const runtime = new MisbehavingGuardian({
      ...options,
      recipe,
      promptsOf: (launchId) => this.promptsOf(launchId),
      ...(script && {
        mishap: mishapOf(script),
        guardianStopMs: script.endsUnresolved ? NEVER_MS : undefined,
      }),
    });
    return { registry: options.registry, runtime };
  }

  #recipe(agent: AgentScript): ReturnType<typeof scriptedRecipe> {
    return scriptedRecipe({ ...agent, promptsFile: this.#promptsFile });
  }

  async #asked(callsFile: string, method: string): Promise<void> {
    await waitUntil(() => methodsIn(callsFile).includes(method), {
      deadlineMs: PATIENCE_MS,
      what: `${method} to be asked`,
    });
  }

  #inject(effects: RestoreEffects, script: PathScript, ticket: TicketRef): RestoreEffects {
    const inject = injector(script, { world: this, ticketId: ticket.id });
    return {
      ...effects,
      judgeClaim: inject("judgeClaim", effects.judgeClaim),
      endSurvivors: inject("endSurvivors", effects.endSurvivors),
      replaceClaim: inject("replaceClaim", effects.replaceClaim),
      readBackClaim: inject("readBackClaim", effects.readBackClaim),
      stopPod: inject("stopPod", effects.stopPod),
    };
  }
}

async function killGuardianOf(launchId: string): Promise<void> {
  const guardian = () => processesOfLaunch(launchId).find(({ command }) => isGuardian(command));
  await waitUntil(
    () => {
      const living = guardian();
      if (living) kill(living.pid, "SIGKILL");
      return living === undefined;
    },
    { deadlineMs: PATIENCE_MS, what: "the guardian's end" },
  );
}

function launchBegan({ steps }: RestorePath): boolean {
  return steps.some(({ to }) => to === "starting");
}

function loadStalls(script: PathScript): boolean {
  return script.isStuck("restorePod", "starting");
}

/** What the agent that is to load the session does, where the path is about it. */
function agentOf(script: PathScript): AgentScript {
  return {
    loadSession: true,
    deleteSession: true,
    ...(loadStalls(script) && { load: "stall" }),
    ...(script.fails("restorePod") && cannotLoad(script)),
    // A Pod whose stop is not proven must not be gone by itself either, or nothing would be left to find.
    ...(script.endsUnresolved && { ignoreStdinEnd: true, ignoreSigterm: true }),
  };
}

/** Four ways in which a session is not loaded, one for each end that a stop after it can have. */
function cannotLoad(script: PathScript): AgentScript {
  if (script.passes("stopPod", "stopped")) return { load: { error: NO_MODEL } };
  if (script.passes("stopPod", "unproven")) return { loadSession: false };
  if (script.fails("stopPod"))
    return { load: { error: { code: -32_000, message: "Authentication required" } } };
  return { initialize: "wrongVersion" };
}
