import { createLauncherWith, type Launcher } from "../../../src/launcher.js";
import { LaunchClaimError } from "../../../src/errors.js";
import type { Outcome, RestoreOutcome } from "../../../src/outcome.js";
import { GuardianRuntime } from "../../../src/pod/guardian-runtime.js";
import type { WhenDone } from "../../../machines/launch.types.js";
import { findWorkspace } from "../../../src/registry/workspace.js";
import { openFiles, registryFor } from "./simulated/registry.js";
import { startTimer } from "./simulated/timers.js";
import { world, type Process, type World } from "./simulated/world.js";

/** What a command is asked to do. */
export type Act =
  "launch" | "cancelled launch" | "adopt" | "release" | "release --stop" | "stop" | "reclaim" | "restore";

/** What a command was told at its end. */
export interface Told {
  readonly process: Process;
  readonly act: Act;
  readonly status: string;
  /** Of a launch or a restore: its own. */
  readonly launchId?: string;
  /** That of the claim that it was told of, if it was told that the claim is its own to use. */
  readonly claimed?: string;
  /** What stood in the way. */
  readonly by?: string;
  /** What a claim was ended as. */
  readonly ended?: string;
  readonly said: string;
}

export const TICKET = { id: "T-1" };
const RECIPE = { driver: "command", command: ["simulated"], accept: { kind: "alive", afterMs: 1 } } as const;

export interface Place {
  readonly workspace: string;
  readonly home: string;
}

/** A program that uses the library: of each run it is another process. */
export class Command {
  readonly #launcher: Launcher;
  #process: Process | undefined;
  #launches = 0;

  constructor(slot: number, place: Place) {
    const workspace = findWorkspace(place.workspace, place.home);
    const registry = registryFor(() => this.#itself, openFiles(workspace));
    const runtime = new GuardianRuntime({ registry, workspace, nodePath: "node", guardianPath: "guardian" });
    this.#launcher = createLauncherWith(
      {
        ...place,
        registry,
        runtime,
        clock: {
          now: () => world().now().getTime(),
          setTimeout: (callback, ms) => startTimer(`the launch's limit of ${ms} ms`, ms, callback),
          clearTimeout: (stop) => (stop as () => void)(),
        },
        newLaunchId: () =>
          `0199a000-0000-7000-8000-0000000${slot}${String((this.#launches += 1)).padStart(4, "0")}`,
      },
      {},
    );
  }

  get #itself(): Process {
    if (this.#process) return this.#process;
    throw new Error("the command was not begun in this run");
  }

  /** Begins in the run; `tell` hears of its end, unless it dies before. */
  begin(
    run: World,
    about: { readonly name: string; readonly act: Act; readonly whenDone: WhenDone },
    tell: (told: Told) => void,
  ): Process {
    const { name, act, whenDone } = about;
    const process = run.create({ name, kind: "command", mark: undefined });
    this.#process = process;
    this.#launches = 0;
    run.deliver(process, `begins to ${act}`, () => {
      const answer = this.#do(act, whenDone).catch((error: unknown) => ({
        status: LaunchClaimError.is(error) ? "rejected" : "threw",
        said: error instanceof Error ? (error.stack ?? error.message) : String(error),
      }));
      void answer.then((told) => tell({ ...told, process, act }));
    });
    return process;
  }

  async #do(act: Act, whenDone: WhenDone): Promise<Omit<Told, "process" | "act">> {
    const launcher = this.#launcher;
    switch (act) {
      case "launch":
      case "cancelled launch": {
        const launch = launcher.launch({
          ticket: TICKET,
          recipe: RECIPE,
          prompt: "work",
          whenDone,
          idleStopMs: 0,
        });
        if (act === "cancelled launch") world().deliver(this.#itself, "is cancelled", () => launch.cancel());
        return { ...ofLaunch(await launch.outcome), launchId: launch.launchId };
      }
      case "adopt":
        return ofLaunch(await launcher.adopt(TICKET));
      case "restore": {
        const restore = launcher.restore({ ticket: TICKET, recipe: RECIPE });
        const outcome = await restore.outcome;
        const { launchId } = restore;
        return outcome.status === "restored"
          ? { status: "claimed", launchId, claimed: outcome.claim.launchId, said: "restored" }
          : { ...ofLaunch(outcome), launchId };
      }
      case "release":
      case "release --stop":
        return ofEnd(await launcher.release(TICKET, { stop: act === "release --stop", by: "a person" }));
      case "reclaim": {
        const { claims } = await launcher.status(TICKET);
        const expect = claims[0]?.claim?.launchId;
        if (expect === undefined) return { status: "absent", said: "there is nothing to reclaim" };
        return ofEnd(await launcher.reclaim(TICKET, { expect, by: "a person" }));
      }
      case "stop": {
        const outcome = await launcher.stop(TICKET);
        return { status: outcome.status, said: JSON.stringify(outcome) };
      }
    }
  }
}

function ofLaunch(
  outcome: Outcome | Exclude<RestoreOutcome, { status: "restored" }>,
): Omit<Told, "process" | "act"> {
  const said = "message" in outcome ? outcome.message : "reason" in outcome ? outcome.reason : outcome.status;
  return {
    status: outcome.status,
    said,
    ...(outcome.status === "claimed" && { claimed: outcome.claim.launchId }),
    ...(outcome.status === "blocked" && { by: outcome.by }),
  };
}

function ofEnd(outcome: Awaited<ReturnType<Launcher["release"]>>): Omit<Told, "process" | "act"> {
  const ended = outcome.status === "ended" ? outcome.entry?.claim.launchId : undefined;
  return { status: outcome.status, said: JSON.stringify(outcome), ...(ended !== undefined && { ended }) };
}
