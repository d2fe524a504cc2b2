import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CONFIG_FILE, DEFAULT_TIMEOUTS, readConfig, type Config } from "./config.js";
import { LaunchClaimError } from "./errors.js";
import { GuardianRuntime } from "./pod/guardian-runtime.js";
import type { GuardianProgram } from "./pod/start-guardian.js";
import type { ClaimRegistry, Finding, HistoryEntry, PodRuntime } from "./ports.js";
import { FileRegistry } from "./registry/file-registry.js";
import { checkTicket } from "./registry/names.js";
import { findWorkspace, type Workspace } from "./registry/workspace.js";
import { doctor, type Diagnosis } from "./verbs/doctor.js";
import {
  reclaim,
  release,
  type EndOutcome,
  type ReclaimOptions,
  type ReleaseOptions,
} from "./verbs/end-claim.js";
import { linkSession, type LinkOutcome } from "./verbs/link-session.js";
import { status, type ClaimStatus } from "./verbs/status.js";
import { runEnded } from "./verbs/run-ended.js";
import { sessions, type SessionStatus } from "./verbs/sessions.js";
import { stop, type StopOutcome } from "./verbs/stop.js";
import { tickets, type TicketBoard } from "./verbs/tickets.js";
import type { VerbTools } from "./verbs/verb-tools.js";
import type { LaunchTimeouts, PodHandle, TicketRef } from "../machines/launch.types.js";

/** What can be done to claims without a launch: what needs no machine, and so does not load one. */
export interface LauncherVerbs {
  /** Every claim, or that of one ticket, with its state as of now. Changes nothing. */
  status(ticket?: TicketRef): Promise<{ readonly claims: readonly ClaimStatus[] }>;
  /** Stops the ticket's Pod, claimed or not, and proves it gone. The claim is kept. */
  stop(ticket: TicketRef): Promise<StopOutcome>;
  /** The work is over: ends the claim into history. */
  release(ticket: TicketRef, options?: ReleaseOptions): Promise<EndOutcome>;
  /** Ends a claim that is not live, by compare-and-delete on its launch id. */
  reclaim(ticket: TicketRef, options: ReclaimOptions): Promise<EndOutcome>;
  /** Everything that is not as it should be; with `fix`, mends what cannot lose anything. */
  doctor(options?: { readonly fix?: boolean }): Promise<Diagnosis>;
  /** Ended claims, the latest first. */
  history(ticket?: TicketRef): Promise<readonly HistoryEntry[]>;
  /** Role sessions, the oldest first, and how their Pods stand. Changes nothing. */
  sessions(): Promise<readonly SessionStatus[]>;
  /** Adds a ticket to the role session of a Pod, durably, once. Claims nothing. */
  linkSession(pod: string, ticket: TicketRef): Promise<LinkOutcome>;
  /** The workspace's own tickets, their claims, and what a panel would offer. Changes nothing; the tickets least of all. */
  tickets(): Promise<TicketBoard>;
  /**
   * Resolves when the first run of the ticket's claimed Pod has ended, with the reason that its agent gave. With a launch id also if
   * claim and Pod have ended since.
   *
   * @throws LaunchClaimError `pod_unreachable` if there is no such Pod, or it ends before; `aborted`
   */
  runEnded(
    ticket: TicketRef,
    options?: { readonly launchId?: string; readonly signal?: AbortSignal },
  ): Promise<string>;
}

interface Opening<Pod extends PodHandle> extends Partial<GuardianProgram> {
  readonly workspace: string;
  readonly home?: string;
  readonly runtime?: PodRuntime<Pod>;
  readonly registry?: ClaimRegistry;
  readonly now: () => Date;
}

/** A workspace with its registry and its runtime: what a launcher and the verbs have in common. */
export interface OpenWorkspace {
  readonly workspace: Workspace;
  readonly registry: ClaimRegistry;
  readonly runtime: PodRuntime;
  /** ISO 8601, UTC. */
  readonly now: () => string;
}

/** @throws LaunchClaimError as `createLauncher` does, but for a configuration that cannot be used: no verb needs one */
export function openWorkspace<Pod extends PodHandle>(opening: Opening<Pod>): OpenWorkspace {
  const { now } = opening;
  const workspace = findWorkspace(opening.workspace, opening.home);
  const files = opening.registry ? undefined : new FileRegistry({ workspace, now });
  const registry = opening.registry ?? files;
  const runtime = opening.runtime ?? (files && guardianRuntime(files, workspace, opening));
  if (registry === undefined || runtime === undefined) {
    throw new LaunchClaimError(
      "request_invalid",
      "the built-in runtime keeps its Pods' records in files, but another registry was given",
      { hint: "Give a runtime of your own with your registry, or leave the registry out." },
    );
  }
  return { workspace, registry, runtime, now: () => now().toISOString() };
}

function guardianRuntime(
  registry: FileRegistry,
  workspace: Workspace,
  { nodePath = process.execPath, guardianPath = GUARDIAN }: Partial<GuardianProgram>,
): PodRuntime {
  return new GuardianRuntime({ registry, workspace, nodePath, guardianPath });
}

/** The bundled one, which starts faster: from this module in the build, and from a bundle of it next to the program. */
const GUARDIAN = fileURLToPath(new URL("../bin/guardian.js", import.meta.url));

/**
 * Each with the timeouts of the configuration as it is then. What stops, ends and looks must not be disarmed by a file that is
 * broken: then the default timeouts apply.
 */
export function verbsOf(opened: OpenWorkspace): LauncherVerbs {
  const { workspace, registry } = opened;
  const tools = (): VerbTools<PodHandle> => ({
    ...opened,
    timeouts: { ...DEFAULT_TIMEOUTS, ...given(configOrTrouble(workspace).config?.timeouts ?? {}) },
  });
  return {
    status: async (ticket) => await status(ticket && checkTicket(ticket), tools()),
    stop: async (ticket) => await stop(checkTicket(ticket), tools()),
    release: async (ticket, ending = {}) => await release(checkTicket(ticket), ending, tools()),
    reclaim: async (ticket, ending) => await reclaim(checkTicket(ticket), ending, tools()),
    doctor: async ({ fix = false } = {}) =>
      withTrouble(await doctor({ fix }, tools()), configOrTrouble(workspace).trouble, workspace),
    history: async (ticket) => await registry.history(ticket && checkTicket(ticket)),
    sessions: async () => await sessions(tools()),
    linkSession: async (pod, ticket) => await linkSession({ pod, ticket: checkTicket(ticket) }, tools()),
    tickets: async () => await tickets(workspace.root, tools()),
    runEnded: async (ticket, { launchId, signal = new AbortController().signal } = {}) =>
      await runEnded(checkTicket(ticket), { launchId, signal }, tools()),
  };
}

/** The configuration, or why it cannot be used. */
export function configOrTrouble({ root }: Workspace): { config?: Config; trouble?: LaunchClaimError } {
  try {
    return { config: readConfig(root) };
  } catch (error) {
    if (LaunchClaimError.is(error) && error.code === "config_invalid") return { trouble: error };
    throw error;
  }
}

function withTrouble(
  { healthy, findings }: Diagnosis,
  trouble: LaunchClaimError | undefined,
  { root }: Workspace,
): Diagnosis {
  if (trouble === undefined) return { healthy, findings };
  const finding: Finding = {
    severity: "error",
    code: trouble.code,
    message: trouble.message,
    file: join(root, CONFIG_FILE),
    mend: "Correct the file: until then nothing can be launched, and the default timeouts apply to everything else",
    safe: false,
  };
  return { healthy: false, findings: [finding, ...findings] };
}

/** Without what was left undefined, so that it does not hide a default. */
export function given(timeouts: {
  readonly [Name in keyof LaunchTimeouts]?: number | undefined;
}): Partial<LaunchTimeouts> {
  return Object.fromEntries(Object.entries(timeouts).filter(([, value]) => value !== undefined));
}
