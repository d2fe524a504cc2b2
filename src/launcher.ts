import { resolve } from "node:path";
import { v7 as uuidv7 } from "uuid";
import { z } from "zod";
import { DEFAULT_TIMEOUTS, readConfig, type ConfigSource } from "./config.js";
import { describeIssue, type FieldSchema } from "./config/issues.js";
import { givenRecipeSchema, type RecipeEntry } from "./config/recipe.js";
import { idleStopSchema, timeoutsSchema, whenDoneSchema } from "./config/schema.js";
import { LaunchClaimError } from "./errors.js";
import type { Admission } from "./launch/admit.js";
import { launchEffects, type LaunchEffects } from "./launch/effects.js";
import { runLaunch, type Inspector, type Launch, type LaunchClock } from "./launch/launch.js";
import { readPlan } from "./launch/plan.js";
import { LaunchScope } from "./launch/scope.js";
import { given, openWorkspace, verbsOf, type LauncherVerbs } from "./launcher-tools.js";
import type { Outcome } from "./outcome.js";
import type { ClaimRegistry, PodRuntime, RoleSession } from "./ports.js";
import { checkTicket } from "./registry/names.js";
import { isPrintable, printable } from "./text.js";
import { isTrusted, wasTrusted } from "./trust.js";
import type {
  AgentRecipe,
  LaunchTimeouts,
  PodHandle,
  TicketRef,
  WhenDone,
} from "../machines/launch.types.js";

export interface LauncherOptions<Pod extends PodHandle = PodHandle> {
  /** The project that the tickets belong to: an existing directory. All worktrees of a repository share one registry. */
  readonly workspace: string;
  /** How Pods are started, reached and ended. Default: the built-in one, which runs any ACP agent or command under a guardian. */
  readonly runtime?: PodRuntime<Pod>;
  /** The Node binary that runs guardians. Default: this process's. For hosts that are not plain Node. */
  readonly nodePath?: string;
  /** The guardian's program. Default: the one of this package. For hosts that bundle the library. */
  readonly guardianPath?: string;
  /** The data directory, absolute. Default: `LAUNCH_CLAIM_HOME`, else the platform's. */
  readonly home?: string;
  /** Default: files in the data directory. */
  readonly registry?: ClaimRegistry;
  /** Sees every event and transition of every launch. One that throws disturbs nothing. */
  readonly inspect?: Inspector;
  /** Default: the system's. */
  readonly clock?: LaunchClock;
  /** Ids of new launches: unique, 8 to 64 of `0-9A-Za-z-`. Default: UUIDv7. */
  readonly newLaunchId?: () => string;
}

export interface LaunchRequest {
  readonly ticket: TicketRef;
  /** Default `intake`. Any role that is built in or configured. */
  readonly role?: string;
  /** Default: the role's. */
  readonly agent?: string;
  /** How the agent is run, before what the configuration or a preset says of its name. Only the built-in runtime reads it. */
  readonly recipe?: RecipeEntry | AgentRecipe;
  /** The first run. Default: the role's prompt file, else an assignment that names role and ticket. */
  readonly prompt?: string;
  /** Pods that are told of this one before its first run. Default: the role's. */
  readonly peers?: readonly string[];
  /** Where the agent works. Default: the workspace. */
  readonly cwd?: string;
  /** What the Pod does when its run has ended. Default: the role's, else `keep`. Read by the built-in runtime. */
  readonly whenDone?: WhenDone;
  /** How long a Pod without a run stays, in milliseconds; 0: for ever. Default: the configuration's, else 30 minutes. */
  readonly idleStopMs?: number;
  /** Before the configuration's, before the defaults. */
  readonly timeouts?: Partial<LaunchTimeouts>;
  /** Aborting it cancels the launch. */
  readonly signal?: AbortSignal;
}

/** A launch that this launcher has under way. */
export interface InFlight {
  readonly ticket: TicketRef;
  readonly launchId: string;
  readonly since: string;
}

/** A role session without a launch, for example of an intake that has no ticket yet. */
export interface SessionEntry {
  readonly pod: string;
  readonly role: string;
  readonly sessionId?: string;
  /** Default none. */
  readonly tickets?: readonly TicketRef[];
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
  /** The launches that this launcher has under way. */
  inFlight(): readonly InFlight[];
  /** Records a role session of a Pod that was not launched for a ticket. No claim. */
  recordSession(session: SessionEntry): Promise<RoleSession>;
}

/** What tests and hosts that drive every path put between the machine and its actors. */
export interface LauncherSeams {
  readonly wrapEffects?: (effects: LaunchEffects, launchId: string) => LaunchEffects;
}

const requestSchema = z.strictObject({
  ticket: z.unknown(),
  role: z.string().min(1).default("intake"),
  agent: z.string().min(1).optional(),
  recipe: givenRecipeSchema.optional(),
  prompt: z.string().optional(),
  peers: z.array(z.string().min(1)).optional(),
  cwd: z.string().min(1).optional(),
  whenDone: whenDoneSchema.optional(),
  idleStopMs: idleStopSchema.optional(),
  timeouts: timeoutsSchema.default({}),
  signal: z.instanceof(AbortSignal).optional(),
});

/** What is an object with methods is the host's own, and is not looked into. */
const optionsSchema = z.strictObject({
  workspace: z.string(),
  nodePath: z.string().optional(),
  guardianPath: z.string().optional(),
  home: z.string().optional(),
  runtime: z.unknown().optional(),
  registry: z.unknown().optional(),
  inspect: z.unknown().optional(),
  clock: z.unknown().optional(),
  newLaunchId: z.unknown().optional(),
});

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
  { wrapEffects = (effects) => effects }: LauncherSeams,
): Launcher {
  checkOptions(options);
  const { inspect, clock = systemClock, newLaunchId = uuidv7 } = options;
  const opened = openWorkspace({ ...options, now: () => new Date(timeOf(clock)) });
  const { workspace, registry, runtime, now } = opened;
  // A host is to hear of it when it opens the workspace, not at its first launch.
  readConfig(workspace.root);
  const underWay = new Map<string, InFlight>();

  function start(request: LaunchRequest, adoptOnly: boolean): Launch {
    const { signal, ...parsed } = parseRequest(request);
    const ticket = checkTicket(request.ticket);
    // Read anew for each launch: a host that lives for days takes up what was changed.
    const config = readConfig(workspace.root);
    const timeouts = { ...DEFAULT_TIMEOUTS, ...given(config.timeouts), ...given(parsed.timeouts) };
    const cwd = resolve(workspace.root, parsed.cwd ?? ".");
    const planned = { ...parsed, ticket, cwd };
    const rules = {
      config,
      root: workspace.root,
      isTrusted: (source: ConfigSource) => isTrusted(workspace, source),
      wasTrusted: (source: ConfigSource) => wasTrusted(workspace, source),
      needsRecipe: runtime.kind === "guardian",
    };
    const launchId = checkLaunchId(newLaunchId());
    const tools = { registry, runtime, now, timeouts };
    const scope = new LaunchScope(launchId, tools);
    const admission: Admission = { readPlan: (how) => readPlan(planned, { ...rules, ...how }), adoptOnly };
    underWay.set(launchId, { ticket, launchId, since: now() });
    const launch = runLaunch({
      input: { ticket, launchId, timeouts },
      effects: wrapEffects(launchEffects(ticket, admission, { scope, tools }), launchId),
      scope,
      tools,
      clock,
      inspect,
      signal,
    });
    void launch.outcome.finally(() => underWay.delete(launchId));
    return launch;
  }

  return {
    ...verbsOf(opened),
    launch: (request) => start(request, false),
    adopt: async (ticket, adoptOptions = {}) => await start({ ...adoptOptions, ticket }, true).outcome,
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

function parseRequest(request: LaunchRequest) {
  const parsed = requestSchema.safeParse(request, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw unusable("launch request", parsed.error, requestSchema);
}

/** A misspelt option of a host without types would be ignored: its own runtime, for example. */
function checkOptions(options: object): void {
  const parsed = optionsSchema.safeParse(options, { reportInput: true });
  if (!parsed.success) throw unusable("launcher's options", parsed.error, optionsSchema);
}

function unusable(what: string, error: z.ZodError, schema: z.ZodType): LaunchClaimError {
  const fields = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as FieldSchema;
  return new LaunchClaimError(
    "request_invalid",
    `the ${what} cannot be used, ${describeIssue(error, fields)}`,
    {
      hint: "Nothing was started.",
    },
  );
}

/** Launch ids become file names. */
function checkLaunchId(id: string): string {
  if (/^[0-9A-Za-z-]{8,64}$/u.test(id)) return id;
  throw new LaunchClaimError(
    "request_invalid",
    `newLaunchId gave ${printable(id)}, which cannot be a launch id`,
    {
      hint: "Launch ids are unique, and 8 to 64 of 0-9, A-Z, a-z and the dash. Nothing was started.",
    },
  );
}
