import type {
  Acceptance,
  AgentInfo,
  Claim,
  JsonObject,
  LaunchPlan,
  LaunchTimeouts,
  PodHandle,
  PodSnapshot,
  ProcessIdentity,
  RunResult,
  SessionInfo,
  TicketRef,
} from "../machines/launch.types.js";

// ── PodRuntime: how a host starts, reaches and ends its Pods ────────────────────────────────────────────────────────

/** What a runtime is told of the launch. The assignment travels here and in the first run, never by look-up. */
export interface LaunchInfo {
  readonly ticket: TicketRef;
  readonly launchId: string;
  /** The name the Pod must answer to. */
  readonly podName: string;
  readonly plan: LaunchPlan;
  /** The launch's own limits. The launcher keeps them; a Pod that stops by itself takes `stopMs` for it. */
  readonly timeouts: LaunchTimeouts;
  /** Put these into the Pod's environment: they mark its processes, so that survivors can be found. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface CallContext {
  /** Aborted when the launch no longer waits for this call. What the call acquires after that, it must give back. */
  readonly signal: AbortSignal;
}

export interface StartContext<Pod extends PodHandle> extends CallContext {
  /**
   * Publish the Pod the moment it exists, BEFORE waiting for it to become ready: from then on the launch stops it if
   * anything goes wrong, even if `start` never settles.
   */
  readonly own: (pod: Pod) => void;
  /**
   * Takes the ticket's Pod lock. A runtime on this machine hands its `fd` to the Pod process as a low descriptor (3 to 15);
   * the Pod is live exactly while it holds it. The launcher closes its own copy when `start` has settled. A runtime whose
   * Pods live in this process calls `keep` and closes the lock itself. A runtime of remote Pods does not call this at all.
   *
   * @throws LaunchClaimError `lock_busy` if a Pod of this ticket still holds it.
   */
  readonly lockPod: () => Promise<PodLock>;
}

export interface StopContext extends CallContext {
  /** How long the caller waits for the proof, in milliseconds, from this call on. */
  readonly withinMs: number;
}

export interface ProbeContext extends CallContext {
  /** The kernel's word, read just before: `held` while some Pod of this ticket holds the Pod lock. */
  readonly podLock: LockState;
}

/** What a runtime is told of a restore: as of a launch, with the claim whose session is to be loaded again. `plan` has no prompt. */
export interface RestoreInfo extends LaunchInfo {
  readonly restores: Claim;
}

/** The first run of a Pod. */
export interface Run {
  /** Stable for the launch. The same id again must be answered with what is known, never sent to the agent twice. */
  readonly runId: string;
  readonly launchId: string;
  readonly input: readonly Segment[];
  /** True if the run was accepted already and only its acceptance is asked for; `input` is then empty. */
  readonly adopted: boolean;
}

export interface Segment {
  readonly kind: "text";
  readonly content: string;
}

/** What a runtime says of a Pod that may have been started by another process, long ago. */
export type Probe = "live" | "restorable" | "lingering" | "gone" | "unknown";

/** A probe that also names the processes that are left. */
export interface ProbedProcesses {
  readonly probe: Probe;
  readonly pids: readonly number[];
}

/** Enough of a claim or a Pod record to ask a runtime about its Pod. Every `Claim` is one. */
export type PodReference = Pick<Claim, "ticket" | "pod" | "launchId" | "runtime"> & {
  readonly session?: SessionInfo;
};

export type StopAnswer =
  | { readonly stopped: true; readonly proof?: "kernel" | "scan" }
  | { readonly stopped: false; readonly pids: readonly number[] };

/**
 * How a host brings its own Pods. `launch-claim/testing` has the contract suite that every implementation must pass.
 *
 * Any method may reject: the launch then ends as its machine says for that state, and the Pod is stopped. A `code`, `message` and
 * `hint` of what was thrown reach the outcome. Any method may be
 * abandoned (its `signal` aborts) and may settle late without harm. None is called twice at the same time for one Pod,
 * except that `stop` may overtake a call that was abandoned.
 */
export interface PodRuntime<Pod extends PodHandle = PodHandle> {
  /** Names the runtime in claims. A claim is judged only by the runtime whose kind it carries. */
  readonly kind: string;
  /**
   * The locator that the Pod of this launch will have, where that is known before it starts: a launcher that dies in the middle of
   * a start then leaves a record by which the runtime can be asked.
   */
  locatorOf?(launch: LaunchInfo): JsonObject;
  /**
   * True if the Pods write their own Pod record from their start on. The launcher then writes it before the start and after
   * the Pod is gone, and never in between: two writers would lose each other's words.
   */
  readonly recordsPods?: boolean;
  /** The Pod that a locator of this runtime names. No I/O. Throws if the locator is not one of its own. */
  podAt(reference: PodReference): Pod;
  /**
   * Starts the Pod and waits until it is ready for a run. On return the Pod exists and was published by `own`. If the
   * launcher dies before the Pod accepts its first run, the Pod must end by itself.
   */
  start(launch: LaunchInfo, context: StartContext<Pod>): Promise<Pod>;
  /**
   * As `start`, with the agent's session of an earlier claim loaded again: on return it was, and nothing was sent to the agent. A
   * session that cannot be loaded is a rejection, never a fresh one. If the launcher goes away, the Pod stays only if the claim on
   * disk carries its launch id. Its presence makes restoring possible.
   */
  restore?(restore: RestoreInfo, context: StartContext<Pod>): Promise<Pod>;
  /** Dials the Pod and reads what it says of itself. The connection may stay open until `detach`. */
  connect(pod: Pod, context: CallContext): Promise<PodSnapshot>;
  /** Tells the peer of this name who the Pod is. A rejection is a warning, never the end of a launch. */
  registerPeer(pod: Pod, name: string, context: CallContext): Promise<void>;
  /**
   * Sends the first run and waits for evidence that it was taken. BEFORE this resolves as accepted, the acceptance is
   * durable wherever `findAccepted` looks for it. A refusal is a value, not an exception.
   */
  requestRun(pod: Pod, run: Run, context: CallContext): Promise<RunResult>;
  /**
   * Ends the Pod and proves it gone; an aborted `signal` says to hurry, not to leave it. May be called again, also for a Pod that is gone already, from any process, and
   * instead of `connect`. `{ stopped: true }` is a promise that nothing of the Pod runs any more.
   */
  stop(pod: Pod, context: StopContext): Promise<StopAnswer>;
  /**
   * Whether the Pod lives, as far as can be told from here. `unknown` blocks like `live`. Changes nothing. Asked only of Pods
   * that were published: one whose launcher died before that ends by itself.
   */
  probe(reference: PodReference, context: ProbeContext): Promise<Probe | ProbedProcesses>;
  /** A living Pod of this ticket that has accepted its first run. Its presence makes adoption possible. */
  findAccepted?(ticket: TicketRef, context: CallContext): Promise<Pod | undefined>;
  /** Resolves when the Pod's first run has ended, with the agent's reason, also if the Pod is gone by then. Rejects if it ends before. */
  runEnded?(pod: Pod, context: CallContext): Promise<string>;
  /**
   * The launch has ended, with whatever outcome: close what ties this process to the Pod (connection, control channel).
   * Called once for each Pod that was owned or adopted. Must not end the Pod, must not throw.
   */
  detach?(pod: Pod): void;
}

/** As much of a runtime as says how its Pods stand. */
export type PodJudge = Pick<PodRuntime, "kind" | "recordsPods" | "probe">;

// ── ClaimRegistry: what is durable, and what excludes ───────────────────────────────────────────────────────────────

export type LockState = "held" | "free";

/** Held by whoever changes the ticket's claim. Dies with its holder. */
export interface LaunchLock {
  readonly ticket: TicketRef;
  readonly held: boolean;
  /** Given up by closing, never by unlocking. Closing twice is harmless. */
  close(): void;
}

/** Held by the Pod for as long as it lives. */
export interface PodLock {
  /** A descriptor to inherit. -1 where the registry has no files. */
  readonly fd: number;
  /** Takes the lock out of the launch's hands, for a Pod that lives in this process: the caller closes it when the Pod ends. */
  keep(): { close(): void };
  /** The launch's own copy. Without effect once the lock was kept. */
  close(): void;
}

/** What stands in a claim's place: the claim, or a file that cannot be read as one. */
export type StoredClaim =
  | { readonly kind: "claim"; readonly claim: Claim }
  | {
      readonly kind: "unreadable";
      /** Known when the record or the file name still tells it. */
      readonly ticket?: TicketRef;
      readonly file: string;
      readonly reason: string;
      /** What `reclaim` must be told to expect: `sha256:…` of the file's bytes. */
      readonly expect: string;
    };

/** The durable record "Pod P ran role R, session S, for these tickets". */
export interface RoleSession {
  readonly pod: string;
  readonly role: string;
  readonly launchId: string;
  readonly origin: "launch" | "pre_ticket_intake";
  readonly sessionId?: string;
  readonly tickets: readonly TicketRef[];
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** A process of a Pod. */
export interface PodProcess extends ProcessIdentity {
  /** What it is to the Pod, where its runtime tells. */
  readonly as?: "guardian" | "reaper" | "agent";
}

/** The record of a Pod, written BEFORE anything is started, so that whoever comes later knows what to look for. */
export interface PodRecord {
  readonly ticket: TicketRef;
  readonly role: string;
  readonly pod: string;
  readonly launchId: string;
  readonly runtime: { readonly kind: string; readonly locator?: JsonObject };
  readonly launcher: ProcessIdentity;
  /**
   * `starting`: nothing is known but that it was begun. `started`: the runtime published the Pod. `unresolved`: the launch
   * ended and it could not be proven that nothing survives. `ended`: proven gone.
   */
  readonly state: "starting" | "started" | "unresolved" | "ended";
  /** The Pod's processes, as far as its runtime told. */
  readonly processes: readonly PodProcess[];
  readonly startedAt: string;
  readonly updatedAt: string;
  /** The receipt that adoption relies on, where the Pod writes its own record. */
  readonly acceptance?: Acceptance;
  /** Where the Pod serves its protocol. */
  readonly socket?: string;
  /** By what its end can be proven. */
  readonly proof?: "kernel" | "scan";
  readonly session?: SessionInfo;
  readonly agent?: AgentInfo;
  /** The agent's reason for the end of its first run, once the Pod has ended: nobody can be asked any more then. */
  readonly stopReason?: string;
  /** What its agent waits to be permitted. Means something only while the Pod lives. */
  readonly permissions?: readonly AwaitedPermission[];
}

/** A permission that an agent has asked for, and that nobody has answered yet. */
export interface AwaitedPermission {
  readonly requestId: string;
  /** What it is about, in the agent's words: bounded and legible. */
  readonly title: string;
  /** Since when. ISO 8601, UTC. */
  readonly at: string;
}

export type StoredPod =
  | { readonly kind: "pod"; readonly record: PodRecord }
  | { readonly kind: "unreadable"; readonly pod: string; readonly file: string; readonly reason: string };

export interface HistoryEntry {
  readonly claim: Claim;
  readonly endedAt: string;
  readonly how: "released" | "reclaimed";
  readonly reason: string;
  /** Who ended it: `user@host`, or what the host says. */
  readonly by: string;
}

/** The claim is ours and durable, or another stands in its place. */
export type CommitAnswer =
  | { readonly kind: "committed"; readonly claim: Claim }
  | { readonly kind: "standing"; readonly standing: StoredClaim };

/** The claim is ours and durable, or it was not the one expected any more: another stands, or none. */
export type ReplaceAnswer =
  | { readonly kind: "replaced"; readonly claim: Claim }
  | { readonly kind: "standing"; readonly standing: StoredClaim | undefined };

export type ReadBackAnswer =
  | { readonly kind: "ours"; readonly claim: Claim }
  | { readonly kind: "absent" }
  | { readonly kind: "standing"; readonly standing: StoredClaim };

/** How a claim is to be ended. */
export interface ClaimEnding {
  /** The launch id (or `sha256:…` of an unreadable record) that must still stand: compare-and-delete. */
  readonly expect: string;
  readonly how: HistoryEntry["how"];
  readonly reason: string;
  readonly by: string;
}

export type EndResult =
  /** The history entry is durable, and the claim is gone. `entry` is absent for an unreadable record, kept as `file`. */
  | { readonly kind: "ended"; readonly entry?: HistoryEntry; readonly file: string }
  | { readonly kind: "absent" }
  /** Another claim stands than the one expected; nothing was changed. */
  | { readonly kind: "mismatch"; readonly standing: StoredClaim };

/** Something on disk that is not as it should be. */
export interface Finding {
  readonly severity: "error" | "warning" | "info";
  readonly code: string;
  readonly message: string;
  readonly ticket?: TicketRef;
  readonly file?: string;
  /** What mends it, as a sentence or a command. */
  readonly mend: string;
  /** True if it can be mended without losing anything; `mended` once it was. */
  readonly safe: boolean;
  readonly mended?: boolean;
}

export interface LockContext extends CallContext {
  /** False: one attempt. Default true: retried while a fork in another process may hold a copy of a free lock (150 ms). */
  readonly patient?: boolean;
}

/**
 * What is durable, and what excludes. `launch-claim/testing` has its contract suite.
 *
 * What changes a claim wants the ticket's launch lock as its first argument: a caller that does not hold it cannot even be
 * written. Every method rejects with a `LaunchClaimError`; unless stated otherwise, a rejection means that nothing changed.
 */
export interface ClaimRegistry {
  /**
   * Takes the launch lock, and finishes what a crash has left half ended. `undefined`: another holds it. Aborting `signal`
   * rejects with `aborted`, and nothing is held.
   */
  lockLaunch(ticket: TicketRef, context: LockContext): Promise<LaunchLock | undefined>;
  /** As `lockLaunch`, for the Pod lock. The caller holds the launch lock. */
  lockPod(lock: LaunchLock, context: CallContext): Promise<PodLock | undefined>;
  /** Whether somebody holds the ticket's locks. Disturbs no holder. */
  probeLocks(ticket: TicketRef): Promise<{ readonly launch: LockState; readonly pod: LockState }>;
  /** The Pod lock alone, where that is less work than both: the states of many claims are asked for one by one. */
  probePodLock?(ticket: TicketRef): LockState;

  /** The claim that stands. One that was ended by a history entry does not stand, even if its file is still there. */
  read(ticket: TicketRef): Promise<StoredClaim | undefined>;
  /** Every claim that stands, in the order of ticket ids. One damaged record hides no other. */
  list(): Promise<readonly StoredClaim[]>;
  /**
   * Writes the role session, then the claim. On `committed` both are durable, directories included. `standing`: another claim
   * stands; nothing of ours was written but the session. A rejection means that the outcome is unknown: read it back.
   * Once `signal` has aborted, no claim appears any more, however late this settles. The same launch id again is `committed`.
   *
   * @throws LaunchClaimError `launch_already_ended` if the launch id has a history entry: it is never committed again.
   */
  commit(
    lock: LaunchLock,
    records: { readonly claim: Claim; readonly session: RoleSession },
    context: CallContext,
  ): Promise<CommitAnswer>;
  /**
   * Replaces the claim that stands, if its launch id is still the one expected, by its continuation under another launch id; as
   * `commit`, the role session first. `standing`: another claim stands, or none. The claim that was replaced gets no history entry:
   * it goes on in the one that names it in `restoredFrom`.
   */
  replace(
    lock: LaunchLock,
    records: { readonly expect: string; readonly claim: Claim; readonly session: RoleSession },
    context: CallContext,
  ): Promise<ReplaceAnswer>;
  /** Makes sure that a commit or replacement of this launch can no longer happen, and then says whether it did. `ours` is durable. */
  readBack(lock: LaunchLock, launchId: string): Promise<ReadBackAnswer>;
  /** Ends the claim: history first, durable; THEN the claim is removed. */
  end(lock: LaunchLock, ending: ClaimEnding): Promise<EndResult>;
  /** Ended claims, the latest first; of one ticket, or of all. */
  history(ticket?: TicketRef): Promise<readonly HistoryEntry[]>;

  /** Durable on return. Replaces the Pod's record; fields it does not know survive. */
  writeSession(session: RoleSession): Promise<void>;
  /** Removes the session if this launch wrote it. */
  removeSession(pod: string, launchId: string): Promise<void>;
  sessions(): Promise<readonly RoleSession[]>;

  /** Durable on return. Replaces the record of the same Pod; fields it does not know survive. */
  writePod(record: PodRecord): Promise<void>;
  /** Every Pod record of the ticket, or of all tickets, the latest first. */
  pods(ticket?: TicketRef): Promise<readonly StoredPod[]>;
  /** Looks for what is not as it should be; with `fix`, mends what cannot lose anything. */
  examine(options: { readonly fix: boolean }): Promise<readonly Finding[]>;
}
