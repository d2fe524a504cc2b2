import { v7 as newLaunchId } from "uuid";
import { LaunchClaimError } from "../../errors.js";
import type {
  CallContext,
  ClaimEnding,
  ClaimRegistry,
  LaunchLock,
  PodLock,
  PodRecord,
  RoleSession,
} from "../../ports.js";
import type { Claim, TicketRef } from "../../../machines/launch.types.js";
import { expectEqual, expectThat, nextMillisecond, within } from "../contract.js";

/** A registry for one case, empty, and what only its maker can do to it. */
export interface OpenRegistry {
  readonly registry: ClaimRegistry;
  /** The same registry, opened again as another process would. Absent where nothing outlives the process. */
  reopen?(): Promise<ClaimRegistry>;
  /** Puts the claim back that was just ended, as a crash between its history entry and its removal leaves it. */
  halfEnd?(claim: Claim): Promise<void>;
  /** Damages the file of this ticket's claim, so that it cannot be read any more. Absent where claims are no files. */
  damageClaim?(ticket: TicketRef): Promise<void>;
  /** Damages the record of this Pod. */
  damagePod?(ticket: TicketRef, pod: string): Promise<void>;
  /** Called once at the end of each case. */
  close(): Promise<void>;
}

/** Cases by title. */
export type RegistryCases = Readonly<Record<string, (bench: RegistryBench) => Promise<void>>>;

/** What a commit writes. */
export interface Records {
  readonly claim: Claim;
  readonly session: RoleSession;
}

/** No call of a registry takes this long. */
export const LIMIT_MS = 10_000;
export const T1: TicketRef = { id: "T-1", slug: "first" };
export const T2: TicketRef = { id: "T-2" };
/** The context of a call that nobody gives up. */
export const patient: CallContext = { signal: new AbortController().signal };

/** The registry of one case, and what the cases do with it over and over. */
export class RegistryBench {
  readonly open: OpenRegistry;
  readonly registry: ClaimRegistry;
  readonly #locks: { close(): void }[] = [];

  constructor(open: OpenRegistry) {
    this.open = open;
    this.registry = open.registry;
  }

  /** Takes a lock that must be free; closed at the end of the case at the latest. */
  async lock(ticket: TicketRef, registry = this.registry): Promise<LaunchLock> {
    const lock = await within(LIMIT_MS, `lockLaunch of ${ticket.id}`, registry.lockLaunch(ticket, patient));
    expectThat(
      lock !== undefined,
      `lockLaunch of ${ticket.id} should give the free lock, but gave undefined`,
    );
    this.#locks.push(lock);
    return lock;
  }

  async podLock(lock: LaunchLock): Promise<PodLock> {
    const podLock = await within(LIMIT_MS, "lockPod", this.registry.lockPod(lock, patient));
    expectThat(podLock !== undefined, `lockPod of ${lock.ticket.id} should give a lock, but gave undefined`);
    this.#locks.push(podLock);
    return podLock;
  }

  /** Tries to take a lock that another holds. */
  async expectBusy(attempt: Promise<{ close(): void } | undefined>, what: string): Promise<void> {
    const lock = await within(LIMIT_MS, what, attempt);
    lock?.close();
    expectThat(lock === undefined, `${what} should give undefined, but gave a lock`);
  }

  async expectLocks(
    ticket: TicketRef,
    expected: `launch ${string}, Pod ${string}`,
    when: string,
  ): Promise<void> {
    const { launch, pod } = await this.registry.probeLocks(ticket);
    expectEqual(`launch ${launch}, Pod ${pod}`, expected, `the state of the locks ${when}`);
  }

  async underLock<Value>(ticket: TicketRef, work: (lock: LaunchLock) => Promise<Value>): Promise<Value> {
    const lock = await this.lock(ticket);
    try {
      return await work(lock);
    } finally {
      lock.close();
    }
  }

  /** A claim that stands, and its lock given up. */
  async claimed(ticket: TicketRef, launchId = newLaunchId()): Promise<Records> {
    const records = recordsOf(ticket, launchId);
    const answer = await this.underLock(ticket, (lock) => this.registry.commit(lock, records, patient));
    expectEqual(answer, { kind: "committed", claim: records.claim }, "the answer to the commit");
    return records;
  }

  /** A claim that stood and was ended. */
  async ended(ticket: TicketRef, reason?: string): Promise<Records> {
    const records = await this.claimed(ticket);
    const ending = endingOfLaunch(records.claim.launchId, reason);
    const answer = await this.underLock(ticket, (lock) => this.registry.end(lock, ending));
    expectEqual(answer.kind, "ended", "the kind of the answer to end");
    // Two ends within one millisecond would have no order.
    await nextMillisecond();
    return records;
  }

  /** This registry, and the same as another process would see it. */
  async seenTwice(): Promise<ClaimRegistry[]> {
    const again = await this.open.reopen?.();
    return again ? [this.registry, again] : [this.registry];
  }

  async expectClaim(ticket: TicketRef, claim: Claim | undefined, when: string): Promise<void> {
    const stored = await this.registry.read(ticket);
    expectEqual(stored, claim && { kind: "claim", claim }, `what stands for ${ticket.id} ${when}`);
  }

  async close(): Promise<void> {
    for (const lock of this.#locks) lock.close();
    await this.open.close();
  }
}

export function recordsOf(ticket: TicketRef, launchId = newLaunchId()): Records {
  const at = new Date().toISOString();
  const pod = `coder-${launchId}`;
  const claim: Claim = {
    ticket,
    role: "coder",
    pod,
    launchId,
    claimedAt: at,
    adopted: false,
    acceptance: { level: "progress", kind: "agent_message_chunk", at },
    agent: { driver: "acp", name: "scripted", command: ["scripted", "--flag", "värde"] },
    session: { id: `ses_${launchId}`, restorable: true },
    runtime: { kind: "contract", locator: { pod, nested: { list: [1, null, "two"] } } },
  };
  return { claim, session: sessionOf(claim) };
}

export function sessionOf({ pod, role, launchId, ticket, claimedAt: at }: Claim): RoleSession {
  return { pod, role, launchId, origin: "launch", tickets: [ticket], createdAt: at, updatedAt: at };
}

export function podRecordOf(ticket: TicketRef, pod: string, startedAt: string): PodRecord {
  const someProcess = { pid: 4242, startTime: "17", bootId: "boot", pidNamespace: "pid:[1]" };
  const runtime = { kind: "contract", locator: { pod } };
  const who = { ticket, role: "coder", pod, launchId: newLaunchId(), runtime, launcher: someProcess };
  return { ...who, state: "started", processes: [someProcess], startedAt, updatedAt: startedAt };
}

export function endingOfLaunch(expect: string, reason = "the work is over"): ClaimEnding {
  return { expect, how: "released", reason, by: "somebody@contract" };
}

/** The record with a field that a newer minor version might have added. */
export function withUnknown<Stored extends object>(stored: Stored): Stored {
  return { ...stored, addedLater: { by: ["a newer version"] } };
}

export function codeOf(error: unknown): string | undefined {
  return LaunchClaimError.is(error) ? error.code : undefined;
}
