import { join } from "node:path";
import type { Config } from "./config.js";
import { CONFIG_FILE, DEFAULT_TIMEOUTS } from "./config/defaults.js";
import { LaunchClaimError } from "./errors.js";
import { GuardianProbe } from "./pod/guardian-probe.js";
import type { ClaimRegistry, HistoryEntry, PodJudge } from "./ports.js";
import { isThere } from "./registry/durable.js";
import { FileRegistry } from "./registry/file-registry.js";
import { checkTicket } from "./registry/names.js";
import { findWorkspace, type Workspace } from "./registry/workspace.js";
import { sessions, type SessionStatus } from "./verbs/sessions.js";
import { status, type ClaimStatus } from "./verbs/status.js";
import { tickets, type TicketBoard } from "./verbs/tickets.js";
import type { ReadingTools } from "./verbs/verb-tools.js";
import type { LaunchTimeouts, TicketRef } from "../machines/launch.types.js";

/** What only looks: changes nothing, and loads nothing that does. Most commands are one of these, and none may be slow. */
export interface ReadingVerbs {
  /** Every claim, or that of one ticket, with its state as of now. Changes nothing. */
  status(ticket?: TicketRef): Promise<{ readonly claims: readonly ClaimStatus[] }>;
  /** Ended claims, the latest first. */
  history(ticket?: TicketRef): Promise<readonly HistoryEntry[]>;
  /** Role sessions, the oldest first, and how their Pods stand. Changes nothing. */
  sessions(): Promise<readonly SessionStatus[]>;
  /** The workspace's own tickets, their claims, and what a panel would offer. Changes nothing; the tickets least of all. */
  tickets(): Promise<TicketBoard>;
}

interface Read {
  readonly workspace: Workspace;
  readonly registry: ClaimRegistry;
  readonly runtime: PodJudge;
}

/** @throws LaunchClaimError as `createLauncher` does, but for a configuration that cannot be used */
export function openForReading(where: {
  readonly workspace: string;
  readonly home?: string;
  readonly runtime?: PodJudge;
}): Read {
  const workspace = findWorkspace(where.workspace, where.home);
  const registry = new FileRegistry({ workspace });
  return { workspace, registry, runtime: where.runtime ?? new GuardianProbe(registry) };
}

/** @param timeoutsNow those of the configuration as it is then */
export function readingVerbsOf(
  { workspace, registry, runtime }: Read,
  timeoutsNow: () => LaunchTimeouts | Promise<LaunchTimeouts>,
): ReadingVerbs {
  const tools = async (): Promise<ReadingTools> => ({ registry, runtime, timeouts: await timeoutsNow() });
  return {
    status: async (ticket) => await status(ticket && checkTicket(ticket), await tools()),
    history: async (ticket) => await registry.history(ticket && checkTicket(ticket)),
    sessions: async () => await sessions(await tools()),
    tickets: async () => await tickets(workspace.root, await tools()),
  };
}

/** The configuration, or why it cannot be used. Without a file there is nothing to check, and nothing to load that checks it. */
export async function configOrTrouble({ root }: Workspace): Promise<MaybeConfig> {
  if (!isThere(join(root, CONFIG_FILE))) return {};
  const { readConfig } = await import("./config.js");
  return troubleOr(() => readConfig(root));
}

export interface MaybeConfig {
  readonly config?: Config;
  readonly trouble?: LaunchClaimError;
}

export function troubleOr(read: () => Config): MaybeConfig {
  try {
    return { config: read() };
  } catch (error) {
    if (LaunchClaimError.is(error) && error.code === "config_invalid") return { trouble: error };
    throw error;
  }
}

/** What stops, ends and looks must not be disarmed by a file that is broken: then the default timeouts apply. */
export function timeoutsIn({ config }: MaybeConfig): LaunchTimeouts {
  return { ...DEFAULT_TIMEOUTS, ...given(config?.timeouts ?? {}) };
}

/** Without what was left undefined, so that it does not hide a default. */
export function given(timeouts: {
  readonly [Name in keyof LaunchTimeouts]?: number | undefined;
}): Partial<LaunchTimeouts> {
  return Object.fromEntries(Object.entries(timeouts).filter(([, value]) => value !== undefined));
}
