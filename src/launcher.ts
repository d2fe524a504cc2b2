import { resolve } from "node:path";
import { v7 as uuidv7 } from "uuid";
import { DEFAULT_TIMEOUTS } from "./config/defaults.js";
import { readConfig, type ConfigSource } from "./config.js";
import { LaunchClaimError } from "./errors.js";
import type { Admission } from "./launch/admit.js";
import { launchEffects, type LaunchEffects } from "./launch/effects.js";
import type { LaunchClock } from "./launch/follow.js";
import { runLaunch, type Launch, type RunParts } from "./launch/launch.js";
import { readPlan } from "./launch/plan.js";
import { LaunchScope } from "./launch/scope.js";
import { UnticketedRegistry } from "./launch/unticketed-registry.js";
import { openWorkspace, verbsOf, type LauncherVerbs } from "./launcher-tools.js";
import type { Outcome } from "./outcome.js";
import type { ClaimRegistry, RoleSession } from "./ports.js";
import { given as givenOf } from "./reading.js";
import { checkTicket, podName } from "./registry/names.js";
import {
  checkLaunchId,
  checkOptions,
  parseLaunchRequest,
  parseRestoreRequest,
  type LauncherOptions,
  type LaunchRequest,
  type RestoreRequest,
  type SessionEntry,
  type UnticketedRequest,
} from "./requests.js";
import { restoreEffects, type RestoreEffects } from "./restore/effects.js";
import { planRestore } from "./restore/plan.js";
import { runRestore, type Restore } from "./restore/restore.js";
import { isPrintable, printable } from "./text.js";
import { isTrusted, wasTrusted } from "./trust.js";
import { podKey, requireTicket } from "./unticketed.js";
import { withoutTicket, type UnticketedOutcome } from "./unticketed-launch.js";
import type { LaunchWarning, PodHandle, TicketRef } from "../machines/launch.types.js";

/** A launch or a restore that this launcher has under way. */
export interface InFlight {
  readonly ticket: TicketRef;
  readonly launchId: string;
  readonly since: string;
}

export interface Launcher extends LauncherVerbs {
  /**
   * Starts a launch; how it ends is in its `outcome`.
   *
   * @throws LaunchClaimError `ticket_id_invalid` | `request_invalid` | `config_invalid`: nothing was started.
   */
  launch(request: LaunchRequest): Launch;
  /** Commits the claim of an accepted, unclaimed, living Pod of this ticket. Starts nothing and sends no prompt. */
  adopt(
    ticket: TicketRef,
    options?: Pick<LaunchRequest, "role" | "peers" | "timeouts" | "signal">,
  ): Promise<Outcome>;
  /**
   * Starts a Pod without a ticket, for an intake that is to find one. It ends as a launch does, but what is made durable is a role
   * session with origin `pre_ticket_intake`, and no claim; the last of its steps is called `claimed` all the same. The launch's
   * `ticket` stands for the Pod: `stop` and `runEnded` take it.
   *
   * @throws LaunchClaimError as `launch` does
   */
  launchWithoutTicket(request: UnticketedRequest): Launch<UnticketedOutcome>;
  /** Records the role session of a living Pod without a ticket whose launcher died after the run was accepted. Starts nothing. */
  adoptWithoutTicket(
    pod: string,
    options?: Pick<LaunchRequest, "role" | "peers" | "timeouts" | "signal">,
  ): Promise<UnticketedOutcome>;
  /**
   * Loads the session of the ticket's claim again in a new Pod, and replaces the claim by its continuation; no run is sent. What
   * survives of the old Pod is ended first. How it ends is in its `outcome`; a session that cannot be loaded leaves the claim as it was.
   *
   * @throws LaunchClaimError `ticket_id_invalid` | `request_invalid` | `config_invalid`: nothing was started.
   */
  restore(request: RestoreRequest): Restore;
  /** The launches and restores that this launcher has under way. */
  inFlight(): readonly InFlight[];
  /** Records a role session of a Pod that was not launched for a ticket. No claim. */
  recordSession(session: SessionEntry): Promise<RoleSession>;
}

type GivenTimeouts = Parameters<typeof givenOf>[0];
type WorkspaceRules = Parameters<typeof planRestore>[2];

/** What tests and hosts that drive every path put between the machine and its actors. */
export interface LauncherSeams {
  readonly wrapEffects?: (effects: LaunchEffects, launchId: string) => LaunchEffects;
  readonly wrapRestoreEffects?: (effects: RestoreEffects, launchId: string) => RestoreEffects;
}

/**
 * Opens the workspace's registry and gives the launch machine its actors. Installs nothing, starts nothing, prints nothing.
 *
 * @throws LaunchClaimError `workspace_missing` | `workspace_unwritable` | `directory_unsafe` | `filesystem_unsupported` |
 *   `registry_newer` | `registry_foreign` | `native_module_missing` | `platform_unsupported` | `config_invalid` | `request_invalid`
 */
export function createLauncher<Pod extends PodHandle>(options: LauncherOptions<Pod>): Launcher {
  return createLauncherWith(options, {});
}

/** As {@link createLauncher}, with the seams that path tests need. */
export function createLauncherWith<Pod extends PodHandle>(
  options: LauncherOptions<Pod>,
  { wrapEffects = (effects) => effects, wrapRestoreEffects = (effects) => effects }: LauncherSeams,
): Launcher {
  checkOptions(options);
  const { inspect, clock = systemClock, newLaunchId = uuidv7 } = options;
  const opened = openWorkspace({ ...options, now: () => new Date(timeOf(clock)) });
  const { workspace, registry, runtime, now } = opened;
  // A host is to hear of it when it opens the workspace, not at its first launch.
  readConfig(workspace.root);
  const underWay = new Map<string, InFlight>();

  function start(request: LaunchRequest, adoptOnly: boolean, kept: Kept = { registry }): Launch {
    const { signal, ...parsed } = parseLaunchRequest(request);
    const ticket = kept.key ?? requireTicket(checkTicket(request.ticket));
    const cwd = resolve(workspace.root, parsed.cwd ?? ".");
    const planned = { ...parsed, ticket, cwd };
    const warnings: LaunchWarning[] = [];
    const warn = (warning: LaunchWarning) => warnings.push(warning);
    const launch = begin(ticket, { ...kept, timeouts: parsed.timeouts, signal }, ({ rules, ...parts }) => {
      const readPlanOf: Admission["readPlan"] = (how) => readPlan(planned, { ...rules, ...how, warn });
      const effects = launchEffects(ticket, { readPlan: readPlanOf, adoptOnly }, parts);
      return runLaunch({ ...parts, effects: wrapEffects(effects, parts.scope.launchId) });
    });
    return { ...launch, outcome: launch.outcome.then((outcome) => warned(outcome, warnings)) };
  }

  function startWithoutTicket(
    { pod, launchId }: { readonly pod: string; readonly launchId?: string },
    request: Omit<LaunchRequest, "ticket">,
  ): Launch<UnticketedOutcome> {
    const key = checkTicket(podKey(pod));
    const kept = new UnticketedRegistry(registry);
    const adoptOnly = launchId === undefined;
    const subject = { key, registry: kept, ...(launchId !== undefined && { launchId }) };
    return withoutTicket(start({ ...request, ticket: key }, adoptOnly, subject), () => kept.session);
  }

  function restore(request: RestoreRequest): Restore {
    const { signal, ...parsed } = parseRestoreRequest(request);
    const ticket = requireTicket(checkTicket(request.ticket));
    return begin(ticket, { registry, timeouts: parsed.timeouts, signal }, ({ rules, ...parts }) => {
      const effects = restoreEffects((claim) => planRestore(claim, parsed, rules), parts);
      return runRestore({ ...parts, effects: wrapRestoreEffects(effects, parts.scope.launchId) });
    });
  }

  /** What a launch and a restore have in common. */
  function begin<Run extends { readonly outcome: Promise<unknown> }>(
    ticket: TicketRef,
    given: Omit<Kept, "key"> & {
      readonly timeouts: GivenTimeouts;
      readonly signal: AbortSignal | undefined;
    },
    run: (parts: Omit<RunParts<never, PodHandle>, "effects"> & { readonly rules: WorkspaceRules }) => Run,
  ): Run {
    // Read anew each time: a host that lives for days takes up what was changed.
    const config = readConfig(workspace.root);
    const timeouts = { ...DEFAULT_TIMEOUTS, ...givenOf(config.timeouts), ...givenOf(given.timeouts) };
    const rules = {
      config,
      root: workspace.root,
      isTrusted: (source: ConfigSource) => isTrusted(workspace, source),
      wasTrusted: (source: ConfigSource) => wasTrusted(workspace, source),
      needsRecipe: runtime.kind === "guardian",
    };
    const launchId = given.launchId ?? checkLaunchId(newLaunchId());
    const tools = { registry: given.registry, runtime, now, timeouts };
    const scope = new LaunchScope(launchId, tools);
    const input = { ticket, launchId, timeouts };
    underWay.set(launchId, { ticket, launchId, since: now() });
    const running = run({ input, scope, tools, clock, inspect, signal: given.signal, rules });
    void running.outcome.finally(() => underWay.delete(launchId));
    return running;
  }

  return {
    ...verbsOf(opened),
    launch: (request) => start(request, false),
    restore,
    adopt: async (ticket, adoptOptions = {}) => await start({ ...adoptOptions, ticket }, true).outcome,
    launchWithoutTicket: ({ slug = "", ...request }) => {
      const { role, prompt } = parseLaunchRequest({ ...request, ticket: podKey("") });
      if (prompt === undefined || prompt.trim() === "") {
        throw new LaunchClaimError(
          "request_invalid",
          "a launch without a ticket needs a prompt, but has none",
          {
            hint: "Nothing else tells the agent what to do. Nothing was started.",
          },
        );
      }
      const launchId = checkLaunchId(newLaunchId());
      const pod = podName(role, { ...checkTicket({ id: "none", slug }), id: slug }, launchId);
      return startWithoutTicket({ pod, launchId }, request);
    },
    adoptWithoutTicket: async (pod, adoptOptions = {}) => {
      const [stored] = await registry.pods(podKey(pod));
      const known = stored?.kind === "pod" ? { role: stored.record.role } : {};
      return await startWithoutTicket({ pod }, { ...known, ...adoptOptions }).outcome;
    },
    inFlight: () => [...underWay.values()],
    recordSession: async ({ tickets = [], ...entry }) => {
      if (!isPrintable(entry.pod) || entry.pod.length > 200) {
        throw new LaunchClaimError("pod_name_invalid", `${printable(entry.pod)} cannot be a Pod's name`, {
          hint: "Pod names are printable text, at most 200 characters.",
        });
      }
      const at = now();
      const session: RoleSession = {
        ...entry,
        tickets: tickets.map(checkTicket),
        launchId: checkLaunchId(newLaunchId()),
        origin: "pre_ticket_intake",
        createdAt: at,
        updatedAt: at,
      };
      await registry.writeSession(session);
      return session;
    },
  };
}

/** A clock of the host's that fails must not take a launch along: what is dated by it is evidence for people alone. */
function timeOf(clock: LaunchClock): number {
  try {
    return clock.now();
  } catch {
    return Date.now();
  }
}

const systemClock: LaunchClock = {
  now: () => Date.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (id) => clearTimeout(id as NodeJS.Timeout),
};

/** Where a launch is kept. Of one without a ticket: the key that stands for it, and the id that its Pod's name was made of. */
interface Kept {
  readonly registry: ClaimRegistry;
  readonly key?: TicketRef;
  readonly launchId?: string;
}

/** What the plan warned of stands before what went wrong on the way. */
function warned(outcome: Outcome, warnings: readonly LaunchWarning[]): Outcome {
  return outcome.status === "claimed" && warnings.length > 0
    ? { ...outcome, warnings: [...warnings, ...outcome.warnings] }
    : outcome;
}
