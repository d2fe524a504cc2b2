import { z } from "zod";
import { describeIssue, type FieldSchema } from "./config/issues.js";
import { givenRecipeSchema, type RecipeEntry } from "./config/recipe.js";
import { idleStopSchema, timeoutsSchema, whenDoneSchema } from "./config/schema.js";
import { LaunchClaimError } from "./errors.js";
import type { Inspector, LaunchClock } from "./launch/follow.js";
import type { ClaimRegistry, PodRuntime } from "./ports.js";
import { printable } from "./text.js";
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
  /**
   * The first run, as it is. Default: the role's prompt file with its placeholders filled in, else an assignment: role, ticket with
   * title and body where the workspace's tickets have it, and the hand-off to the peers.
   */
  readonly prompt?: string;
  /** Pods that are told of this one before its first run. Default: the role's. */
  readonly peers?: readonly string[];
  /** Where the agent works. Default: the workspace. */
  readonly cwd?: string;
  /** What the Pod does when its run has ended. Default: the role's, else `keep`. Read by the built-in runtime. */
  readonly whenDone?: WhenDone;
  /** How long a Pod without a run stays, in milliseconds; 0: for ever. Default: the configuration's, else 30 minutes. */
  readonly idleStopMs?: number;
  /** Launch intake of a ticket that the workspace's tickets say has left intake, too. Default false: refused. */
  readonly anyState?: boolean;
  /** Before the configuration's, before the defaults. */
  readonly timeouts?: Partial<LaunchTimeouts>;
  /** Aborting it cancels the launch. */
  readonly signal?: AbortSignal;
}

/** A launch without a ticket. There is no assignment to compose, so its prompt is not optional. */
export interface UnticketedRequest extends Omit<LaunchRequest, "ticket" | "anyState"> {
  readonly prompt: string;
  /** A short readable name, for the Pod's name. */
  readonly slug?: string;
}

export interface RestoreRequest {
  readonly ticket: TicketRef;
  /** How the agent is run again. Default: as the claim's agent is known now, else by the command that the claim holds. */
  readonly agent?: string;
  /** The same, given whole. */
  readonly recipe?: RecipeEntry | AgentRecipe;
  /** Before the configuration's, before the defaults. */
  readonly timeouts?: Partial<LaunchTimeouts>;
  /** Aborting it cancels the restore. */
  readonly signal?: AbortSignal;
}

/** A role session without a launch, for example of an intake that has no ticket yet. */
export interface SessionEntry {
  readonly pod: string;
  readonly role: string;
  readonly sessionId?: string;
  /** Default none. */
  readonly tickets?: readonly TicketRef[];
}

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
  anyState: z.boolean().optional(),
  timeouts: timeoutsSchema.default({}),
  signal: z.instanceof(AbortSignal).optional(),
});

const restoreSchema = z.strictObject({
  ticket: z.unknown(),
  agent: z.string().min(1).optional(),
  recipe: givenRecipeSchema.optional(),
  timeouts: timeoutsSchema.default({}),
  signal: z.instanceof(AbortSignal).optional(),
});

/** A misspelt option of a host without types would be ignored: its own runtime, for example. */
export function checkOptions(options: object): void {
  parse(optionsSchema, options, "launcher's options");
}

/** @throws LaunchClaimError `request_invalid` */
export function parseLaunchRequest(request: LaunchRequest) {
  return parse(requestSchema, request, "launch request");
}

/** @throws LaunchClaimError `request_invalid` */
export function parseRestoreRequest(request: RestoreRequest) {
  return parse(restoreSchema, request, "restore request");
}

function parse<Schema extends z.ZodType>(schema: Schema, given: unknown, what: string): z.output<Schema> {
  const parsed = schema.safeParse(given, { reportInput: true });
  if (parsed.success) return parsed.data;
  const fields = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as FieldSchema;
  throw new LaunchClaimError(
    "request_invalid",
    `the ${what} cannot be used, ${describeIssue(parsed.error, fields)}`,
    { hint: "Nothing was started." },
  );
}

/** Launch ids become file names. */
export function checkLaunchId(id: string): string {
  if (/^[0-9A-Za-z-]{8,64}$/u.test(id)) return id;
  throw new LaunchClaimError(
    "request_invalid",
    `newLaunchId gave ${printable(id)}, which cannot be a launch id`,
    {
      hint: "Launch ids are unique, and 8 to 64 of 0-9, A-Z, a-z and the dash. Nothing was started.",
    },
  );
}
