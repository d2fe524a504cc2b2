import { LaunchClaimError } from "../errors.js";
import type {
  CallContext,
  ClaimEnding,
  ClaimRegistry,
  CommitAnswer,
  LaunchLock,
  LockContext,
  PodRecord,
  ReadBackAnswer,
  ReplaceAnswer,
  RoleSession,
} from "../ports.js";
import type { Claim, TicketRef } from "../../machines/launch.types.js";

/**
 * The registry of one launch without a ticket. What would commit a claim writes the role session alone: the machine, its order and
 * its ends stay what they are, and no claim can come of it, because nothing here ever writes one. All else is the registry's.
 */
export class UnticketedRegistry implements ClaimRegistry {
  readonly #inner: ClaimRegistry;
  #writing: Promise<void> | undefined;
  #givenUp = false;
  /** As the machine knows it; never stored. */
  #unwritten: Claim | undefined;
  #session: RoleSession | undefined;

  constructor(inner: ClaimRegistry) {
    this.#inner = inner;
  }

  /** Durable, once it is there. */
  get session(): RoleSession | undefined {
    return this.#session;
  }

  async commit(
    lock: LaunchLock,
    { claim, session }: { readonly claim: Claim; readonly session: RoleSession },
    { signal }: CallContext,
  ): Promise<CommitAnswer> {
    const known = await this.#find(claim.launchId);
    // The same turn from here to the write: what was given up by now writes nothing.
    if (signal.aborted || this.#givenUp) {
      throw new LaunchClaimError("aborted", "the commit was given up before the role session was written");
    }
    if (!lock.held) throw new LaunchClaimError("lock_lost", "the launch lock is not held by this launch");
    this.#unwritten = claim;
    // One that is there already may have been linked to tickets since.
    const written = known ?? { ...session, origin: "pre_ticket_intake" as const, tickets: [] };
    this.#writing = this.#inner.writeSession(written);
    await this.#writing;
    this.#session = written;
    return { kind: "committed", claim };
  }

  /** A write that is under way settles first: whatever it brings is there by then, or never will be. */
  async readBack(_: LaunchLock, launchId: string): Promise<ReadBackAnswer> {
    this.#givenUp = true;
    await this.#writing?.catch(() => undefined);
    const session = await this.#find(launchId);
    if (session === undefined || this.#unwritten === undefined) return { kind: "absent" };
    // It may have got its name and not be durable: nobody is told BEFORE it is.
    await this.#inner.writeSession(session);
    this.#session = session;
    return { kind: "ours", claim: this.#unwritten };
  }

  /** Only a claim can be restored. */
  async replace(): Promise<ReplaceAnswer> {
    throw new LaunchClaimError("restore_unsupported", "a Pod without a ticket has no claim to be restored");
  }

  async #find(launchId: string): Promise<RoleSession | undefined> {
    return (await this.#inner.sessions()).find((session) => session.launchId === launchId);
  }

  // ── As it is ──

  lockLaunch = (ticket: TicketRef, context: LockContext) => this.#inner.lockLaunch(ticket, context);
  lockPod = (lock: LaunchLock, context: CallContext) => this.#inner.lockPod(lock, context);
  probeLocks = (ticket: TicketRef) => this.#inner.probeLocks(ticket);
  read = (ticket: TicketRef) => this.#inner.read(ticket);
  list = () => this.#inner.list();
  end = (lock: LaunchLock, ending: ClaimEnding) => this.#inner.end(lock, ending);
  history = (ticket?: TicketRef) => this.#inner.history(ticket);
  writeSession = (session: RoleSession) => this.#inner.writeSession(session);
  removeSession = (pod: string, launchId: string) => this.#inner.removeSession(pod, launchId);
  sessions = () => this.#inner.sessions();
  writePod = (record: PodRecord) => this.#inner.writePod(record);
  pods = (ticket?: TicketRef) => this.#inner.pods(ticket);
  examine = (options: { readonly fix: boolean }) => this.#inner.examine(options);
}
