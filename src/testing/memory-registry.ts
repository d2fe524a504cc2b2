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
import { continuesItself, hasEndedBefore } from "../registry/continuation.js";

export interface MemoryRegistryOptions {
  /** The time that history entries carry. Default: the system's. */
  readonly now?: () => Date;
}

/**
 * A registry in memory, for tests: it excludes within this process only, and nothing in it outlives the process. It keeps every
 * other sentence of the contract; what is durable in a file registry is merely there in this one.
 */
export class MemoryRegistry implements ClaimRegistry {
  readonly #now: () => Date;
  readonly #locked = new Set<string>();
  readonly #claims = new Map<string, Claim>();
  readonly #history: HistoryEntry[] = [];
  readonly #sessions = new Map<string, RoleSession>();
  readonly #pods = new Map<string, PodRecord>();
  /** The commits that may still put a claim there. One that was read back is taken out, and then finds itself missing. */
  readonly #underWay = new Map<object, string>();

  constructor({ now = () => new Date() }: MemoryRegistryOptions = {}) {
    this.#now = now;
  }

  // One attempt, however patient the caller: no fork in another process can make a free lock look busy here.
  async lockLaunch(ticket: TicketRef, { signal }: LockContext): Promise<LaunchLock | undefined> {
    const lock = this.#take(`launch ${ticket.id}`, signal);
    return (
      lock && {
        ticket,
        get held() {
          return lock.held;
        },
        close: () => lock.close(),
      }
    );
  }

  async lockPod({ ticket }: LaunchLock, { signal }: CallContext): Promise<PodLock | undefined> {
    const lock = this.#take(`pod ${ticket.id}`, signal);
    if (lock === undefined) return undefined;
    let kept = false;
    return {
      fd: -1,
      keep: () => {
        kept = true;
        return { close: () => lock.close() };
      },
      close: () => {
        if (!kept) lock.close();
      },
    };
  }

  async probeLocks({ id }: TicketRef): Promise<{ launch: LockState; pod: LockState }> {
    const stateOf = (name: string): LockState => (this.#locked.has(`${name} ${id}`) ? "held" : "free");
    return { launch: stateOf("launch"), pod: stateOf("pod") };
  }

  async read({ id }: TicketRef): Promise<StoredClaim | undefined> {
    return this.#standing(id);
  }

  async list(): Promise<readonly StoredClaim[]> {
    return [...this.#claims.keys()].sort().flatMap((id) => this.#standing(id) ?? []);
  }

  async commit(
    lock: LaunchLock,
    { claim, session }: { readonly claim: Claim; readonly session: RoleSession },
    { signal }: CallContext,
  ): Promise<CommitAnswer> {
    const { ticket, launchId } = claim;
    return await this.#write(lock, { claim, session, signal }, () => {
      const standing = this.#standing(ticket.id);
      if (standing && standing.claim.launchId !== launchId) return { kind: "standing", standing };
      if (!standing) this.#claims.set(ticket.id, structuredClone(claim));
      return { kind: "committed", claim: structuredClone(claim) };
    });
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
    if (claim.launchId === expect) throw continuesItself(expect);
    return await this.#write(lock, { claim, session, signal }, () => {
      const standing = this.#standing(claim.ticket.id);
      const known = standing?.claim.launchId;
      if (known !== expect && known !== claim.launchId) return { kind: "standing", standing };
      this.#claims.set(claim.ticket.id, structuredClone(claim));
      return { kind: "replaced", claim: structuredClone(claim) };
    });
  }

  /** @param write in one turn: nothing comes between the last checks and the claim */
  async #write<Answer>(
    lock: LaunchLock,
    what: { readonly claim: Claim; readonly session: RoleSession; readonly signal: AbortSignal },
    write: () => Answer,
  ): Promise<Answer> {
    const { claim, session, signal } = what;
    const { ticket, launchId } = claim;
    requireHeld(lock, ticket);
    const attempt = {};
    this.#underWay.set(attempt, launchId);
    try {
      await this.writeSession(session);
      requireHeld(lock, ticket);
      if (signal.aborted || !this.#underWay.has(attempt)) {
        throw new LaunchClaimError("aborted", `the commit of launch ${launchId} was given up`);
      }
      if (this.#entryOf(ticket.id, launchId)) throw hasEndedBefore(claim);
      return write();
    } finally {
      this.#underWay.delete(attempt);
    }
  }

  async readBack(lock: LaunchLock, launchId: string): Promise<ReadBackAnswer> {
    requireHeld(lock, lock.ticket);
    for (const [attempt, of] of this.#underWay) if (of === launchId) this.#underWay.delete(attempt);
    const ended = this.#entryOf(lock.ticket.id, launchId);
    if (ended) return { kind: "ours", claim: structuredClone(ended.claim) };
    const standing = this.#standing(lock.ticket.id);
    if (standing === undefined) return { kind: "absent" };
    const { claim } = standing;
    return claim.launchId === launchId ? { kind: "ours", claim } : { kind: "standing", standing };
  }

  async end(lock: LaunchLock, { expect, how, reason, by }: ClaimEnding): Promise<EndResult> {
    requireHeld(lock, lock.ticket);
    const { id } = lock.ticket;
    const standing = this.#standing(id);
    if (standing === undefined) return { kind: "absent" };
    const { claim } = standing;
    if (claim.launchId !== expect) return { kind: "mismatch", standing };
    const entry: HistoryEntry = { claim, endedAt: this.#now().toISOString(), how, reason, by };
    this.#history.unshift(structuredClone(entry));
    this.#claims.delete(id);
    return { kind: "ended", entry, file: `memory:history/${encodeURIComponent(id)}/${expect}` };
  }

  async history(ticket?: TicketRef): Promise<readonly HistoryEntry[]> {
    return structuredClone(this.#history.filter(({ claim }) => !ticket || claim.ticket.id === ticket.id));
  }

  async writeSession(session: RoleSession): Promise<void> {
    this.#sessions.set(session.pod, structuredClone({ ...this.#sessions.get(session.pod), ...session }));
  }

  async removeSession(pod: string, launchId: string): Promise<void> {
    if (this.#sessions.get(pod)?.launchId === launchId) this.#sessions.delete(pod);
  }

  async sessions(): Promise<readonly RoleSession[]> {
    return structuredClone([...this.#sessions.values()]);
  }

  async writePod(record: PodRecord): Promise<void> {
    const key = JSON.stringify([record.ticket.id, record.pod]);
    this.#pods.set(key, structuredClone({ ...this.#pods.get(key), ...record }));
  }

  async pods(ticket?: TicketRef): Promise<readonly StoredPod[]> {
    return [...this.#pods.values()]
      .filter((record) => !ticket || record.ticket.id === ticket.id)
      .sort((a, b) => (a.startedAt === b.startedAt ? 0 : a.startedAt > b.startedAt ? -1 : 1))
      .map((record) => ({ kind: "pod", record: structuredClone(record) }));
  }

  /** Nothing in memory can be damaged, half written or left behind. */
  async examine(): Promise<readonly Finding[]> {
    return [];
  }

  #take(name: string, signal: AbortSignal): { readonly held: boolean; close(): void } | undefined {
    if (signal.aborted) throw new LaunchClaimError("aborted", `gave up waiting for the lock "${name}"`);
    if (this.#locked.has(name)) return undefined;
    this.#locked.add(name);
    let held = true;
    return {
      get held() {
        return held;
      },
      close: () => {
        if (held) this.#locked.delete(name);
        held = false;
      },
    };
  }

  #standing(id: string): Extract<StoredClaim, { kind: "claim" }> | undefined {
    const claim = this.#claims.get(id);
    return claim && { kind: "claim", claim: structuredClone(claim) };
  }

  #entryOf(id: string, launchId: string): HistoryEntry | undefined {
    return this.#history.find(({ claim }) => claim.ticket.id === id && claim.launchId === launchId);
  }
}

function requireHeld(lock: LaunchLock, ticket: TicketRef): void {
  if (lock.held && lock.ticket.id === ticket.id) return;
  throw new LaunchClaimError(
    "lock_lost",
    `the launch lock of ticket ${ticket.id} is not held by this launch`,
  );
}
