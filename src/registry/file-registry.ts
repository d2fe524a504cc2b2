import { LaunchClaimError } from "../errors.js";
import type {
  CallContext,
  ClaimEnding,
  ClaimRegistry,
  CommitAnswer,
  EndResult,
  Finding,
  HistoryEntry,
  LaunchLock,
  LockContext,
  LockState,
  PodLock,
  PodRecord,
  ReadBackAnswer,
  ReplaceAnswer,
  RoleSession,
  StoredClaim,
  StoredPod,
} from "../ports.js";
import type { Claim, TicketRef } from "../../machines/launch.types.js";
import { ClaimStore } from "./claim-store.js";
import { ensurePrivateDirectory, refuseSharedFileSystem } from "./directories.js";
import { createDurablyNow, DurableWrites, isThere, readTextIfThere, type Sync } from "./durable.js";
import { Layout } from "./layout.js";
import { probeLockFile, takeLockFile } from "./locks.js";
import { printable } from "../text.js";
import { nativeLocks } from "./native-locks.js";
import { PodStore } from "./pod-store.js";
import { parseRecord, serializeRecord } from "./records.js";
import { SessionStore } from "./session-store.js";
import type { Workspace } from "./workspace.js";

export interface FileRegistryOptions {
  readonly workspace: Workspace;
  /** The time that history entries carry. Default: the system's. */
  readonly now?: () => Date;
  /** How bytes reach stable storage. Default: fsync. */
  readonly sync?: Sync;
}

/** The registry in files: one workspace, one kernel. */
export class FileRegistry implements ClaimRegistry {
  readonly #layout: Layout;
  readonly #claims: ClaimStore;
  readonly #sessions: SessionStore;
  readonly #pods: PodStore;
  readonly #now: () => Date;
  /** The commits that are under way, by launch id. */
  readonly #commits = new Map<string, AbortController>();

  /**
   * Opens the workspace's registry, or creates it.
   *
   * @throws LaunchClaimError `directory_unsafe` | `workspace_unwritable` | `filesystem_unsupported` | `registry_newer` |
   *   `registry_foreign` | `record_damaged` | `native_module_missing` | `platform_unsupported`
   */
  constructor({ workspace, now = () => new Date(), sync }: FileRegistryOptions) {
    nativeLocks();
    this.#layout = new Layout(workspace.directory);
    const { root, registry, directories } = this.#layout;
    for (const directory of [...workspace.parents, root]) ensurePrivateDirectory(directory);
    refuseSharedFileSystem(root);
    // Refused, if it is not ours to use, BEFORE anything in it is touched.
    identify(registry, workspace);
    for (const directory of directories) ensurePrivateDirectory(directory);
    const writes = new DurableWrites(sync);
    this.#claims = new ClaimStore(this.#layout, writes);
    this.#sessions = new SessionStore(this.#layout, writes);
    this.#pods = new PodStore(this.#layout, writes);
    this.#now = now;
  }

  async lockLaunch(ticket: TicketRef, context: LockContext): Promise<LaunchLock | undefined> {
    const lock = await takeLockFile(this.#layout.launchLock(ticket), context);
    if (lock === undefined) return undefined;
    try {
      // Whoever comes next finishes what a crash has left half ended: the claim's file would stand in the way of a commit.
      await this.#claims.finishEnding(ticket);
    } catch (error) {
      lock.close();
      throw error;
    }
    return {
      ticket,
      get held() {
        return lock.held;
      },
      close: () => lock.close(),
    };
  }

  async lockPod({ ticket }: LaunchLock, context: CallContext): Promise<PodLock | undefined> {
    const lock = await takeLockFile(this.#layout.podLock(ticket), context);
    if (lock === undefined) return undefined;
    let kept = false;
    return {
      fd: lock.fd,
      keep: () => {
        kept = true;
        return { close: () => lock.close() };
      },
      close: () => {
        if (!kept) lock.close();
      },
    };
  }

  /** As `lockPod`, for the agent lock: held by the reaper of a Pod's agent for as long as anything of it runs. */
  async lockAgent(ticket: TicketRef, context: CallContext): Promise<PodLock | undefined> {
    const lock = await takeLockFile(this.#layout.agentLock(ticket), context);
    return lock && { fd: lock.fd, keep: () => lock, close: () => lock.close() };
  }

  probeAgentLock(ticket: TicketRef): LockState {
    return probeLockFile(this.#layout.agentLock(ticket));
  }

  /** Where a Pod's record and log are. */
  podDirectory(ticket: TicketRef, pod: string): string {
    return this.#layout.pod(ticket, pod);
  }

  async probeLocks(ticket: TicketRef): Promise<{ launch: LockState; pod: LockState }> {
    return {
      launch: probeLockFile(this.#layout.launchLock(ticket)),
      pod: probeLockFile(this.#layout.podLock(ticket)),
    };
  }

  probePodLock(ticket: TicketRef): LockState {
    return probeLockFile(this.#layout.podLock(ticket));
  }

  async read(ticket: TicketRef): Promise<StoredClaim | undefined> {
    return this.#claims.read(ticket);
  }

  async list(): Promise<readonly StoredClaim[]> {
    return this.#claims.list();
  }

  async commit(
    lock: LaunchLock,
    { claim, session }: { readonly claim: Claim; readonly session: RoleSession },
    { signal }: CallContext,
  ): Promise<CommitAnswer> {
    return await this.#write(lock, { claim, session, signal }, (requireAllowed) =>
      this.#claims.commit(claim, requireAllowed),
    );
  }

  async replace(
    lock: LaunchLock,
    {
      expect,
      claim,
      session,
    }: { readonly expect: string; readonly claim: Claim; readonly session: RoleSession },
    { signal }: CallContext,
  ): Promise<ReplaceAnswer> {
    return await this.#write(lock, { claim, session, signal }, (requireAllowed) =>
      this.#claims.replace(claim, expect, requireAllowed),
    );
  }

  /** The session, and then the claim; given up when the signal aborts, or when it is read back. */
  async #write<Answer>(
    lock: LaunchLock,
    what: { readonly claim: Claim; readonly session: RoleSession; readonly signal: AbortSignal },
    write: (requireAllowed: () => void) => Promise<Answer>,
  ): Promise<Answer> {
    const { claim, session, signal } = what;
    requireHeld(lock, claim.ticket);
    const { launchId } = claim;
    const attempt = new AbortController();
    const givenUp = AbortSignal.any([signal, attempt.signal]);
    this.#commits.set(launchId, attempt);
    try {
      const requireAllowed = () => {
        requireHeld(lock, claim.ticket);
        if (!givenUp.aborted) return;
        throw new LaunchClaimError("aborted", "the commit was given up before the claim was there");
      };
      // The session first: a claim whose session is missing would mislead, a session without a claim is swept.
      await this.#sessions.write(session, requireAllowed);
      return await write(requireAllowed);
    } finally {
      if (this.#commits.get(launchId) === attempt) this.#commits.delete(launchId);
    }
  }

  async readBack(lock: LaunchLock, launchId: string): Promise<ReadBackAnswer> {
    requireHeld(lock, lock.ticket);
    // A commit that is still under way could link after we have looked.
    this.#commits.get(launchId)?.abort();
    return this.#claims.readBack(lock.ticket, launchId);
  }

  async end(lock: LaunchLock, ending: ClaimEnding): Promise<EndResult> {
    requireHeld(lock, lock.ticket);
    return this.#claims.end(lock.ticket, ending, this.#now().toISOString());
  }

  async history(ticket?: TicketRef): Promise<readonly HistoryEntry[]> {
    return this.#claims.history(ticket);
  }

  async writeSession(session: RoleSession): Promise<void> {
    await this.#sessions.write(session);
  }

  async removeSession(pod: string, launchId: string): Promise<void> {
    await this.#sessions.remove(pod, launchId);
  }

  async sessions(): Promise<readonly RoleSession[]> {
    return this.#sessions.list();
  }

  async writePod(record: PodRecord): Promise<void> {
    await this.#pods.write(record);
  }

  async pods(ticket?: TicketRef): Promise<readonly StoredPod[]> {
    return this.#pods.list(ticket);
  }

  async examine(options: { readonly fix: boolean }): Promise<readonly Finding[]> {
    // Of use to the doctor alone, and so no other command loads it.
    const { examine } = await import("./examine.js");
    return examine({ layout: this.#layout, claims: this.#claims, pods: this.#pods }, options);
  }
}

/** Says to whom the registry belongs, once; refuses that of another workspace and of a newer program. */
function identify(file: string, workspace: Workspace): void {
  if (!isThere(file)) createDurablyNow(file, serializeRecord("registry", { workspace: workspace.main }));
  const json = readTextIfThere(file);
  if (json === undefined)
    throw new LaunchClaimError("record_damaged", `${file} was removed while it was created`);
  const owner = ownerIn(json, file);
  if (owner === workspace.main) return;
  throw new LaunchClaimError(
    "registry_foreign",
    `${workspace.directory} is the registry of ${printable(owner, 200)}, not of ${workspace.main}`,
    { hint: "Set LAUNCH_CLAIM_HOME to another directory; a registry cannot be copied or moved." },
  );
}

function ownerIn(json: string, file: string): string {
  try {
    return parseRecord("registry", json, file).workspace;
  } catch (error) {
    if (!LaunchClaimError.is(error) || error.code !== "record_newer") throw error;
    throw new LaunchClaimError("registry_newer", error.message, { hint: error.hint, cause: error });
  }
}

function requireHeld(lock: LaunchLock, ticket: TicketRef): void {
  if (lock.held && lock.ticket.id === ticket.id) return;
  throw new LaunchClaimError(
    "lock_lost",
    `the launch lock of ${printable(ticket.id)} is not held by this launch`,
  );
}
