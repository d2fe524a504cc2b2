import { v7 as newLaunchId } from "uuid";
import { DEFAULT_TIMEOUTS } from "../../config/defaults.js";
import { LaunchClaimError } from "../../errors.js";
import type {
  CallContext,
  ClaimRegistry,
  LaunchInfo,
  LaunchLock,
  PodLock,
  PodReference,
  PodRuntime,
  Probe,
  Run,
  StartContext,
  StopContext,
} from "../../ports.js";
import type {
  Acceptance,
  Claim,
  LaunchPlan,
  PodHandle,
  RunResult,
  SessionInfo,
  TicketRef,
} from "../../../machines/launch.types.js";
import { runResultSchema } from "../../launch/answers.js";
import {
  nextMillisecond,
  endingOf,
  eventually,
  expectEqual,
  expectThat,
  shown,
  within,
  type Ending,
} from "../contract.js";

/**
 * How a Pod behaves: `accepts` its first run, `rejects` it, starts and is `neverReady`, or accepts it and `leavesProcesses` that
 * neither end with it nor by a polite signal. `cannotLoad`: accepts it, and says of its session that it can be loaded again, which
 * then fails. Whatever else accepts should be restorable, where the runtime restores.
 */
export type PodBehaviour = "accepts" | "rejects" | "neverReady" | "leavesProcesses" | "cannotLoad";

/** A runtime for one case, and what only its maker knows of it. */
export interface OpenRuntime<Pod extends PodHandle> {
  readonly runtime: PodRuntime<Pod>;
  /** Gives the locks. A file registry, wherever Pods are processes: the kernel's word is part of the contract. */
  readonly registry: ClaimRegistry;
  /** Another instance, with nothing of this one's memory: as another process would have it. */
  reopen(): Promise<PodRuntime<Pod>>;
  /** What runs of this launch, measured past the runtime: the pids. None for Pods that are no processes. */
  processesOf(launchId: string): Promise<readonly number[]>;
  /** How many prompts the agent of this launch was given, measured past the runtime. */
  promptsSeen(launchId: string): Promise<number>;
  /** Called for each launch before it starts; what is returned is started. For a plan that the runtime needs. */
  prepare?(launch: LaunchInfo): LaunchInfo;
  /** For Pods that keep their own record: writes the one that the launcher writes BEFORE it starts anything. */
  writeRecord?(launch: LaunchInfo): Promise<void>;
  /** The name of a peer that can be told of a Pod; often `another`, a ready Pod of another ticket. */
  reachablePeer?(another: Pod): string;
  /** The name of a peer that cannot be told. */
  readonly unreachablePeer?: string;
  /**
   * Starts a Pod from another process, which is killed once the Pod is ready or has accepted the run whose id is the launch id.
   * Resolves with the Pod's locator when that process is dead.
   */
  launcherDies?(launch: LaunchInfo, when: "ready" | "accepted"): Promise<Pod["locator"]>;
  /** No call takes longer, in milliseconds. Default 10,000. */
  readonly limitMs?: number;
  /** Called once at the end of each case. Ends whatever still runs. */
  close(): Promise<void>;
}

/** Cases by title. */
export type RuntimeCases = Readonly<
  Record<string, <Pod extends PodHandle>(bench: RuntimeBench<Pod>) => Promise<void>>
>;

/** The context of a call that nobody gives up. */
export const patient: CallContext = { signal: new AbortController().signal };

/** As `patient`, for a stop. */
export const patientStop: StopContext = { ...patient, withinMs: 8_000 };

const LIMIT_MS = 10_000;
const PROMPT = "The prompt of the contract suite: it stands in no record.";
/** A fork elsewhere may hold a copy of a free lock for a moment. */
const FORK_WINDOW_MS = 500;

/** The runtime of one case, and the launches that were begun with it. */
export class RuntimeBench<Pod extends PodHandle> {
  readonly open: OpenRuntime<Pod>;
  readonly runtime: PodRuntime<Pod>;
  readonly #launches: TestLaunch<Pod>[] = [];

  constructor(open: OpenRuntime<Pod>) {
    this.open = open;
    this.runtime = open.runtime;
  }

  /** A launch that has begun and holds its launch lock. */
  async launch(ticket: TicketRef = { id: `contract/${newLaunchId()}` }): Promise<TestLaunch<Pod>> {
    const lock = await this.open.registry.lockLaunch(ticket, patient);
    expectThat(
      lock !== undefined,
      `the registry should give the free launch lock of ${ticket.id}, but did not`,
    );
    return this.launchUnder(lock);
  }

  /** Another launch under the same lock: a restore, or what a defect elsewhere would have to bring about. */
  launchUnder(lock: LaunchLock, restores?: Claim): TestLaunch<Pod> {
    const launch = new TestLaunch(this.open, lock, restores);
    this.#launches.push(launch);
    return launch;
  }

  /** A Pod that is ready for its run. */
  async ready(): Promise<{ readonly launch: TestLaunch<Pod>; readonly pod: Pod }> {
    const launch = await this.launch();
    return { launch, pod: await launch.start() };
  }

  /** A Pod that has accepted its run. */
  async accepted() {
    const { launch, pod } = await this.ready();
    const { session } = await this.settled("connect", this.runtime.connect(pod, patient));
    const result = await launch.requestRun(pod);
    expectThat(result.kind === "accepted", `the run should be accepted, but the answer is ${shown(result)}`);
    // An acceptance that is told again must not be a new one.
    await nextMillisecond();
    return { launch, pod, acceptance: result.acceptance, session };
  }

  /** A restore that has begun, of a Pod that was stopped. Undefined where the runtime, or this agent, restores nothing. */
  async restore(): Promise<TestLaunch<Pod> | undefined> {
    if (!this.runtime.restore) return undefined;
    const { launch, pod, acceptance, session } = await this.accepted();
    await launch.stop(pod);
    this.runtime.detach?.(pod);
    return session?.restorable
      ? this.launchUnder(launch.lock, launch.claimOf(pod, { acceptance, session }))
      : undefined;
  }

  get limitMs(): number {
    return this.open.limitMs ?? LIMIT_MS;
  }

  async settled<Value>(what: string, call: Promise<Value>): Promise<Value> {
    return await within(this.limitMs, what, call);
  }

  async close(): Promise<void> {
    // Best effort: the case has said already what it found, and the harness ends the rest.
    for (const launch of this.#launches) await endingOf(launch.end());
    await this.open.close();
  }
}

/** One launch as a launcher leads it: it holds the lock, gives the context of the start, and owns what is published. */
export class TestLaunch<Pod extends PodHandle> {
  readonly info: LaunchInfo;
  readonly lock: LaunchLock;
  /** What was published, in its order. */
  readonly owned: Pod[] = [];
  /** Called in the turn in which a Pod is published. */
  onOwn: () => void = () => undefined;
  readonly #open: OpenRuntime<Pod>;
  readonly #restores: Claim | undefined;
  #podLock: PodLock | undefined;
  #locked = false;
  #starting: Promise<Ending<Pod>> | undefined;

  /** @param restores the claim whose session its Pod is to load */
  constructor(open: OpenRuntime<Pod>, lock: LaunchLock, restores?: Claim) {
    this.#open = open;
    this.#restores = restores;
    this.lock = lock;
    const launchId = newLaunchId();
    const plan: LaunchPlan = { role: "coder", prompt: PROMPT, peers: [], cwd: process.cwd() };
    const environment = { LAUNCH_CLAIM_LAUNCH_ID: launchId };
    const podName = `coder-${launchId}`;
    const info = { ticket: lock.ticket, launchId, podName, plan, timeouts: DEFAULT_TIMEOUTS, environment };
    this.info = open.prepare?.(info) ?? info;
  }

  /** Whether the runtime has asked for the Pod lock: one of remote Pods does not. */
  get locks(): boolean {
    return this.#locked;
  }

  /** Begins the start, and does not wait for it. */
  begin(signal: AbortSignal): Promise<Ending<Pod>> {
    const context = {
      signal,
      own: (pod: Pod) => {
        this.owned.push(pod);
        this.onOwn();
      },
      lockPod: () => this.#takePodLock(signal),
    };
    this.#starting = endingOf(this.#recordAndStart(context)).finally(() => this.#closePodLock());
    return this.#starting;
  }

  async #recordAndStart(context: StartContext<Pod>): Promise<Pod> {
    const { runtime } = this.#open;
    await this.#open.writeRecord?.(this.info);
    const restores = this.#restores;
    if (restores && runtime.restore) return await runtime.restore({ ...this.info, restores }, context);
    return await runtime.start(this.info, context);
  }

  async start(): Promise<Pod> {
    const end = await within(this.#limitMs, "start", this.begin(patient.signal));
    if (end.kind === "resolved") return end.value;
    throw new Error("start should bring a Pod, but has rejected", { cause: end.error });
  }

  /** Sends the first run; in an adoption asks for it. Everything about the answer is checked but which of the two it is. */
  async requestRun(pod: Pod, { runtime = this.#open.runtime, adopted = false } = {}): Promise<RunResult> {
    const answer = await within(
      this.#limitMs,
      "requestRun",
      runtime.requestRun(pod, this.run(adopted), patient),
    );
    const parsed = runResultSchema.safeParse(answer);
    expectThat(
      parsed.success,
      `the answer to the run should be accepted or rejected, but is ${shown(answer)}`,
    );
    return answer;
  }

  run(adopted = false): Run {
    const { launchId, plan } = this.info;
    const input = adopted ? [] : [{ kind: "text", content: plan.prompt } as const];
    return { runId: launchId, launchId, input, adopted };
  }

  /** What a record keeps of a Pod: read back as JSON. */
  referenceTo({ name, launchId, locator }: PodHandle): PodReference {
    const { kind } = this.#open.runtime;
    const reference = { ticket: this.info.ticket, pod: name, launchId, runtime: { kind, locator } };
    return JSON.parse(JSON.stringify(reference)) as PodReference;
  }

  /** The claim that a launch would have written of this Pod. */
  claimOf(
    pod: PodHandle,
    { acceptance, session }: { readonly acceptance: Acceptance; readonly session: SessionInfo },
  ): Claim {
    const claimedAt = acceptance.at;
    const { role } = this.info.plan;
    return { ...this.referenceTo(pod), role, claimedAt, adopted: false, acceptance, session };
  }

  async probe(pod: PodHandle, runtime: PodRuntime<Pod> = this.#open.runtime): Promise<Probe> {
    const { pod: podLock } = await this.#open.registry.probeLocks(this.info.ticket);
    const context = { ...patient, podLock };
    const answer = await within(this.#limitMs, "probe", runtime.probe(this.referenceTo(pod), context));
    return typeof answer === "string" ? answer : answer.probe;
  }

  async stop(pod: Pod, runtime: PodRuntime<Pod> = this.#open.runtime): Promise<void> {
    const answer = await within(this.#limitMs, "stop", runtime.stop(pod, patientStop));
    expectThat(answer.stopped, `stop should prove the Pod gone, but says ${shown(answer)}`);
  }

  /** Ends the launch as one that failed: every Pod is stopped, also one whose start was given up. */
  async end(): Promise<void> {
    this.#closePodLock();
    try {
      // Only while nothing was published may the start still bring a Pod: that is why it must settle then.
      if (this.owned.length === 0 && this.#starting) {
        await within(this.#limitMs, "a start that was given up and has published nothing", this.#starting);
      }
      for (const pod of this.owned) await this.stop(pod);
    } finally {
      for (const pod of this.owned) this.#open.runtime.detach?.(pod);
      this.lock.close();
    }
  }

  async expectPodLock(expected: "held" | "free", when: string): Promise<void> {
    if (!this.#locked) return;
    await eventually(FORK_WINDOW_MS, `the Pod lock should be ${expected} ${when}`, async () => {
      const { pod } = await this.#open.registry.probeLocks(this.info.ticket);
      return pod === expected ? undefined : `it is ${pod}`;
    });
  }

  /** Nothing of this launch runs, and nobody finds anything of it. */
  async expectGone(when: string): Promise<void> {
    const { launchId, ticket } = this.info;
    expectEqual(await this.#open.processesOf(launchId), [], `the processes of the launch ${when}`);
    await this.expectPodLock("free", when);
    for (const runtime of [this.#open.runtime, await this.#open.reopen()]) {
      const found = await within(
        this.#limitMs,
        "findAccepted",
        Promise.resolve(runtime.findAccepted?.(ticket, patient)),
      );
      expectThat(found === undefined, `findAccepted should find nothing ${when}, but found ${shown(found)}`);
      for (const pod of this.owned) {
        const probe = await this.probe(pod, runtime);
        expectThat(
          probe === "gone" || probe === "restorable",
          `probe should say "gone" ${when}, but says "${probe}"`,
        );
      }
    }
  }

  get #limitMs(): number {
    return this.#open.limitMs ?? LIMIT_MS;
  }

  async #takePodLock(signal: AbortSignal): Promise<PodLock> {
    const lock = await this.#open.registry.lockPod(this.lock, { signal });
    if (lock === undefined) {
      throw new LaunchClaimError("lock_busy", `another Pod holds the Pod lock of ${this.info.ticket.id}`);
    }
    this.#locked = true;
    this.#podLock = lock;
    return lock;
  }

  #closePodLock(): void {
    this.#podLock?.close();
    this.#podLock = undefined;
  }
}
