import { LaunchClaimError } from "../errors.js";
import type { ClaimRegistry, LaunchLock, PodLock, PodRecord, PodRuntime } from "../ports.js";
import type { LaunchTimeouts, PodHandle } from "../../machines/launch.types.js";
import { identityOf, lifeOf } from "../processes.js";
import { podRecordOf } from "../pod-records.js";
import { isDeeperThan } from "../shape.js";

/** What every actor of a launch works with. */
export interface LaunchTools<Pod extends PodHandle> {
  readonly registry: ClaimRegistry;
  readonly runtime: PodRuntime<Pod>;
  /** ISO 8601, UTC. */
  readonly now: () => string;
  /** The only limits there are. */
  readonly timeouts: LaunchTimeouts;
}

/**
 * What one launch owns: lock, Pods, records. Everything is published here the moment it exists, not when the actor that got it
 * succeeds; an actor that was left by a timeout still owns what it acquires later, and `stopPod` works from here.
 */
export class LaunchScope<Pod extends PodHandle> {
  readonly launchId: string;
  readonly #tools: LaunchTools<Pod>;
  readonly #abandoned = new AbortController();
  #closed = false;
  readonly #owned = new Map<Pod, "running" | "stopped">();
  #adopted: Pod | undefined;
  #lock: LaunchLock | undefined;
  #podLock: PodLock | undefined;
  #start: Promise<unknown> | undefined;
  #endedUnresolved = false;
  #record: PodRecord | undefined;
  /** Writes of one record, one after the other. */
  #recording: Promise<void> = Promise.resolve();
  #committing = false;

  constructor(launchId: string, tools: LaunchTools<Pod>) {
    this.launchId = launchId;
    this.#tools = tools;
  }

  /** Aborted at the launch's end at the latest: an actor's own signal does not abort if the machine itself fails. */
  get signal(): AbortSignal {
    return this.#abandoned.signal;
  }

  // ── What is acquired ──

  ownLock(lock: LaunchLock): void {
    // A lock that arrives after the end is closed on arrival.
    if (this.#closed) lock.close();
    else this.#lock = lock;
  }

  /** The launch lock, which every state from `admitting` on holds. */
  get lock(): LaunchLock {
    if (this.#lock) return this.#lock;
    throw new LaunchClaimError("lock_lost", "the launch lock is not held by this launch");
  }

  ownPodLock(lock: PodLock): void {
    this.#podLock = lock;
  }

  /**
   * The start has settled: the Pod has inherited the lock, or never will, and our copy would keep it held beyond the Pod. Not
   * before, not even at the launch's end: a start that is still under way could pass on a descriptor that is another's by then.
   */
  closePodLock(): void {
    this.#podLock?.close();
  }

  /** Whether a Pod of this launch may have inherited the Pod lock. */
  get tookPodLock(): boolean {
    return this.#podLock !== undefined;
  }

  /** Whether the Pod lock, if it is held, is held by this launch's Pod. */
  get podLockIsOurs(): boolean {
    return this.tookPodLock || this.isAdoption;
  }

  /** The processes of this launch's Pods, as far as their runtime told. */
  get pids(): readonly number[] {
    return [...this.#owned.keys(), this.#adopted].flatMap((pod) => pod?.pids ?? []);
  }

  /**
   * As `pids`, with what a Pod that keeps its own record has written: a guardian's handle tells of the guardian alone, one that was
   * adopted of nobody, and its agent runs as well. Never rejects.
   */
  async livingPids(): Promise<readonly number[]> {
    // What cannot be read names nobody: the record still stands, and so does the block.
    const recorded = this.#tools.runtime.recordsPods
      ? await this.#lastRecord().catch(() => undefined)
      : undefined;
    const alive = (recorded?.processes ?? []).filter((one) => lifeOf(one) !== "gone").map(({ pid }) => pid);
    return [...new Set([...this.pids, ...alive])];
  }

  /** A Pod that another launch started: claimed by this one, never stopped by it. */
  adopt(pod: Pod, record: PodRecord | undefined): void {
    this.#adopted = pod;
    this.#record = record;
  }

  /** Publishes a Pod. One that comes after the launch has ended is stopped at once. */
  own(pod: Pod): void {
    if (this.#owned.has(pod)) return;
    this.#owned.set(pod, "running");
    if (this.#closed) {
      void this.#stopLate(pod);
      return;
    }
    // A Pod that writes its own record has a better one by now, or will have.
    if (this.#tools.runtime.recordsPods) return;
    void this.recordPod({
      state: "started",
      runtime: { kind: this.#tools.runtime.kind, ...(isPlain(pod.locator) && { locator: pod.locator }) },
      processes: (pod.pids ?? []).flatMap((pid) => identityOf(pid) ?? []),
    });
  }

  get ownedPods(): readonly Pod[] {
    return [...this.#owned.keys()];
  }

  /** The Pods that still have to be stopped; one that is published meanwhile is among them. */
  *runningPods(): Generator<Pod> {
    for (const [pod, state] of this.#owned) if (state === "running") yield pod;
  }

  markStopped(pod: Pod): void {
    this.#owned.set(pod, "stopped");
  }

  get isAdoption(): boolean {
    return this.#adopted !== undefined;
  }

  /** The Pod that the machine knows by its handle. */
  podOf(handle: PodHandle): Pod {
    const pod = [...this.#owned.keys(), this.#adopted].find((candidate) => candidate?.name === handle.name);
    if (pod === undefined) throw new LaunchClaimError("internal", `Pod ${handle.name} is not of this launch`);
    return pod;
  }

  /** A start that is under way may bring a Pod even after it was abandoned. */
  trackStart(start: Promise<unknown>): void {
    const settled = () => {
      this.#start = undefined;
    };
    this.#start = start.then(settled, settled);
  }

  /** Settles when the start has, whichever way; at once if there was none. Never rejects. */
  async startSettled(): Promise<void> {
    await this.#start;
  }

  // ── What is recorded ──

  /** Durable BEFORE anything is started. */
  async openRecord(record: PodRecord): Promise<void> {
    this.#record = record;
    await this.recordPod({});
  }

  /** Changes the Pod's record; settles when it is durable. */
  recordPod(change: Partial<Pick<PodRecord, "state" | "runtime" | "processes">>): Promise<void> {
    if (this.#record === undefined) return Promise.resolve();
    const written = this.#recording.then(() => this.#writeRecord(change));
    this.#recording = written.catch(() => undefined);
    // Whoever relies on it awaits it; nobody else may be disturbed by its failure.
    written.catch(() => undefined);
    return written;
  }

  async #writeRecord(change: Partial<PodRecord>): Promise<void> {
    const { registry, now } = this.#tools;
    const known = this.#record;
    if (known === undefined) return;
    this.#record = { ...known, ...(await this.#lastRecord()), ...change, updatedAt: now() };
    await registry.writePod(this.#record);
  }

  /** As it was written last: a Pod that keeps its own record has a better one than its launch. */
  async #lastRecord(): Promise<PodRecord | undefined> {
    const { registry, runtime } = this.#tools;
    return runtime.recordsPods && this.#record ? await podRecordOf(this.#record, registry) : this.#record;
  }

  beginCommit(): void {
    this.#committing = true;
  }

  /** The Pod of which a claim may be on disk: a commit was begun. */
  get claimant(): Pod | undefined {
    return this.#committing ? (this.#adopted ?? this.ownedPods[0]) : undefined;
  }

  // ── The end ──

  /** Could not be proven: whoever comes next must find the processes by name. Durable before the lock is given up. */
  async markUnresolved(pids: readonly number[]): Promise<void> {
    this.#endedUnresolved = true;
    const recorded = await this.#lastRecord();
    if (this.#tools.runtime.recordsPods && recorded?.state === "starting" && this.#mayStillRecord) return;
    // As they were recorded, where they were: who of them is the guardian is what a stop goes by. Who is gone is kept as well: the
    // agent's group is found by its leader.
    const known = recorded?.processes ?? [];
    const others = pids.filter((pid) => known.every((one) => one.pid !== pid));
    await this.recordPod({
      state: "unresolved",
      processes: [...known, ...others.flatMap((pid) => identityOf(pid) ?? [])],
    });
  }

  /**
   * Whether a Pod that keeps its own record may be about to write down whom it starts. A write of ours that meets this one would
   * lose them, and no stop would find an agent that has cleared its mark. The Pod lock, which it holds, blocks the ticket as well.
   * What it writes later it says again with each of its writes.
   */
  get #mayStillRecord(): boolean {
    const isGone = ({ pids = [] }: Pod) =>
      pids.length > 0 && pids.every((pid) => identityOf(pid) === undefined);
    return this.#start !== undefined || !this.ownedPods.every(isGone);
  }

  /** Tells every actor that is still at work that nobody waits for it. */
  abandonActors(): void {
    this.#abandoned.abort(new LaunchClaimError("aborted", "the launch no longer waits for this"));
  }

  /** Gives everything up that ties this process to the launch. No Pod is ended by it. */
  close(): void {
    this.#closed = true;
    this.abandonActors();
    for (const pod of [...this.#owned.keys(), this.#adopted]) if (pod !== undefined) this.#detach(pod);
    this.#lock?.close();
  }

  #detach(pod: Pod): void {
    try {
      this.#tools.runtime.detach?.(pod);
    } catch {
      // A defect of the host's: it must not keep the lock, nor change how the launch has ended.
    }
  }

  async #stopLate(pod: Pod): Promise<void> {
    try {
      const answer = await this.#tools.runtime.stop(pod, {
        signal: new AbortController().signal,
        withinMs: this.#tools.timeouts.stopMs,
      });
      // The record of a claimed Pod is not this one's to close.
      if (answer.stopped && this.#endedUnresolved) await this.recordPod({ state: "ended" });
      this.#detach(pod);
    } catch {
      // The launch ended as unresolved, and its record says so: the ticket stays blocked.
    }
  }
}

/** Records that nest deeper than 200 levels are damaged, and a locator lies some levels down in them. */
const MAX_LOCATOR_DEPTH = 100;

/** What a record can hold as a locator. */
export function isPlain(locator: unknown): boolean {
  if (typeof locator !== "object" || locator === null || Array.isArray(locator)) return false;
  try {
    return !isDeeperThan(MAX_LOCATOR_DEPTH, JSON.parse(JSON.stringify(locator)));
  } catch {
    return false;
  }
}
