import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CONFIG_FILE } from "./config/defaults.js";
import { readConfig } from "./config.js";
import { LaunchClaimError } from "./errors.js";
import { GuardianRuntime } from "./pod/guardian-runtime.js";
import type { GuardianProgram } from "./pod/start-guardian.js";
import type { ClaimRegistry, Finding, PodRuntime } from "./ports.js";
import { readingVerbsOf, timeoutsIn, troubleOr, type ReadingVerbs } from "./reading.js";
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
import { runEnded } from "./verbs/run-ended.js";
import { stop, type StopOutcome } from "./verbs/stop.js";
import type { VerbTools } from "./verbs/verb-tools.js";
import type { PodHandle, TicketRef } from "../machines/launch.types.js";

/** What can be done to claims without a launch: what needs no machine, and so does not load one. */
export interface LauncherVerbs extends ReadingVerbs {
  /** Stops the ticket's Pod, claimed or not, and proves it gone. The claim is kept. */
  stop(ticket: TicketRef): Promise<StopOutcome>;
  /** The work is over: ends the claim into history. */
  release(ticket: TicketRef, options?: ReleaseOptions): Promise<EndOutcome>;
  /** Ends a claim that is not live, by compare-and-delete on its launch id. */
  reclaim(ticket: TicketRef, options: ReclaimOptions): Promise<EndOutcome>;
  /** Everything that is not as it should be; with `fix`, mends what cannot lose anything. */
  doctor(options?: { readonly fix?: boolean }): Promise<Diagnosis>;
  /** Adds a ticket to the role session of a Pod, durably, once. Claims nothing. */
  linkSession(pod: string, ticket: TicketRef): Promise<LinkOutcome>;
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

/** Each with the timeouts of the configuration as it is then. */
export function verbsOf(opened: OpenWorkspace): LauncherVerbs {
  const { workspace } = opened;
  const config = () => troubleOr(() => readConfig(workspace.root));
  const timeouts = () => timeoutsIn(config());
  const tools = (): VerbTools<PodHandle> => ({ ...opened, timeouts: timeouts() });
  return {
    ...readingVerbsOf(opened, timeouts),
    stop: async (ticket) => await stop(checkTicket(ticket), tools()),
    release: async (ticket, ending = {}) => await release(checkTicket(ticket), ending, tools()),
    reclaim: async (ticket, ending) => await reclaim(checkTicket(ticket), ending, tools()),
    doctor: async ({ fix = false } = {}) =>
      withTrouble(await doctor({ fix }, tools()), config().trouble, workspace),
    linkSession: async (pod, ticket) => await linkSession({ pod, ticket: checkTicket(ticket) }, tools()),
    runEnded: async (ticket, { launchId, signal = new AbortController().signal } = {}) =>
      await runEnded(checkTicket(ticket), { launchId, signal }, tools()),
  };
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
