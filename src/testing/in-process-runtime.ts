import { v7 as newLaunchId } from "uuid";
import { LaunchClaimError } from "../errors.js";
import type {
  CallContext,
  ClaimRegistry,
  LaunchInfo,
  PodLock,
  PodReference,
  PodRuntime,
  Probe,
  ProbeContext,
  RestoreInfo,
  Run,
  StartContext,
  StopAnswer,
} from "../ports.js";
import type {
  Acceptance,
  PodHandle,
  PodSnapshot,
  RunResult,
  TicketRef,
} from "../../machines/launch.types.js";
import { play, type PodScript } from "./pod-script.js";

export type { PodScript } from "./pod-script.js";

/** A Pod of this process. */
export interface InProcessPod extends PodHandle {
  readonly locator: { readonly inProcess: string };
}

interface PodState {
  readonly pod: InProcessPod;
  readonly ticket: TicketRef;
  readonly agent: string;
  readonly lock: { close(): void };
  /** Aborted when the Pod ends: whoever waits for it is told. */
  readonly life: AbortController;
  readonly prompts: string[];
  readonly peers: string[];
  run?: { readonly runId: string; result?: RunResult };
}

/** Where an accepted Pod gets its lock: from the launch that would have started it, or from the registry. */
export type LockSource = { readonly lock: PodLock } | { readonly registry: ClaimRegistry };

/**
 * Pods that are objects of this process, for tests: each holds its Pod lock for as long as it lives, takes one run, and
 * misbehaves as its ticket's script says. It passes the contract suite, so that a fake stands for what other runtimes do.
 */
export class InProcessRuntime implements PodRuntime<InProcessPod> {
  readonly kind = "in-process";
  /** By launch id, the dead too: what they were given is still asked for. */
  readonly #pods: Map<string, PodState>;
  readonly #scripts: Map<string, PodScript>;
  readonly #tied = new Set<string>();

  /** @param sharing an instance whose Pods and scripts this one finds, as one in another process would */
  constructor(sharing?: InProcessRuntime) {
    this.#pods = sharing ? sharing.#pods : new Map<string, PodState>();
    this.#scripts = sharing ? sharing.#scripts : new Map<string, PodScript>();
  }

  /** Says how the Pods of this ticket behave from now on, the living ones too. Replaces what was said before. */
  script(ticketId: string, script: PodScript): void {
    this.#scripts.set(ticketId, script);
  }

  /** The Pods that live. */
  pods(): readonly InProcessPod[] {
    return [...this.#pods.values()].filter(lives).map(({ pod }) => pod);
  }

  /** The Pods, living or not, that were started or dialed through this instance and not detached since. */
  tied(): readonly InProcessPod[] {
    return [...this.#pods.values()].map(({ pod }) => pod).filter(({ launchId }) => this.#tied.has(launchId));
  }

  /** The prompts that the Pod of this launch was given, in their order. */
  prompts(launchId: string): readonly string[] {
    return this.#pods.get(launchId)?.prompts ?? [];
  }

  /** The peers that were told of the Pod of this launch. */
  peers(launchId: string): readonly string[] {
    return this.#pods.get(launchId)?.peers ?? [];
  }

  /**
   * A living Pod that has accepted its first run and has no claim: what a launcher leaves that dies in between.
   *
   * @throws LaunchClaimError `lock_busy` if the registry's lock is held by another
   */
  async acceptedPod(ticket: TicketRef, from: LockSource, launchId = newLaunchId()): Promise<InProcessPod> {
    const lock = "lock" in from ? from.lock : await podLockFrom(from.registry, ticket);
    const state = this.#create({ ticket, launchId, name: `accepted-${launchId}`, agent: "scripted" }, lock);
    state.prompts.push("the prompt of the launch that died");
    state.run = { runId: launchId, result: accepted() };
    return state.pod;
  }

  podAt({ pod: name, launchId, runtime }: PodReference): InProcessPod {
    const { inProcess } = runtime.locator;
    if (runtime.kind !== this.kind || inProcess !== launchId) {
      throw new LaunchClaimError(
        "runtime_failed",
        `${JSON.stringify(runtime)} locates no Pod of launch ${launchId}`,
      );
    }
    return { name, launchId, locator: { inProcess } };
  }

  async start(launch: LaunchInfo, context: StartContext<InProcessPod>): Promise<InProcessPod> {
    return await this.#start(launch, this.#scriptOf(launch.ticket).start, context);
  }

  /**
   * A restored Pod that waits for no run: what it was told it still knows. One of this process cannot outlive its launcher, and so
   * never asks whether the claim is its own.
   */
  async restore(restore: RestoreInfo, context: StartContext<InProcessPod>): Promise<InProcessPod> {
    if (restore.restores.session === undefined) {
      throw new LaunchClaimError(
        "session_not_loaded",
        `the claim of Pod ${restore.restores.pod} names no session`,
      );
    }
    return await this.#start(restore, this.#scriptOf(restore.ticket).restore, context);
  }

  async #start(
    launch: LaunchInfo,
    readiness: PodScript["start"],
    context: StartContext<InProcessPod>,
  ): Promise<InProcessPod> {
    const { ticket, launchId, podName: name, plan } = launch;
    const { create, deaf = false } = this.#scriptOf(ticket);
    const lock = await context.lockPod();
    await play(create, { signal: deaf ? never : context.signal });
    // In one turn with the Pod's creation: what was given up before it exists must not come into being.
    if (!deaf) context.signal.throwIfAborted();
    const state = this.#create({ ticket, launchId, name, agent: plan.agent ?? "scripted" }, lock);
    this.#tied.add(launchId);
    context.own(state.pod);
    await play(readiness, { signal: this.#patienceOf(state, context) });
    return state.pod;
  }

  async connect(pod: InProcessPod, context: CallContext): Promise<PodSnapshot> {
    const state = this.#living(pod);
    const { connect, session } = this.#scriptOf(state.ticket);
    const answer = await play(connect, { signal: this.#patienceOf(state, context) });
    const { agent, run } = this.#living(pod);
    this.#tied.add(pod.launchId);
    const acceptance = run?.result?.kind === "accepted" ? run.result.acceptance : undefined;
    return {
      protocol: 1,
      pod: pod.name,
      launchId: pod.launchId,
      status: acceptance ? "running" : "idle",
      ...(run && acceptance && { run: { runId: run.runId, acceptance } }),
      ...(session && { session }),
      agent: { driver: this.kind, name: agent },
      ...(typeof answer === "object" && answer),
    };
  }

  async registerPeer(pod: InProcessPod, name: string, context: CallContext): Promise<void> {
    const state = this.#living(pod);
    const signal = this.#patienceOf(state, context);
    await play(this.#scriptOf(state.ticket).registerPeer, { signal, argument: name });
    this.#living(pod).peers.push(name);
  }

  async requestRun(pod: InProcessPod, run: Run, context: CallContext): Promise<RunResult> {
    const state = this.#living(pod);
    if (run.launchId !== pod.launchId) return rejected(`this Pod belongs to launch ${pod.launchId}`);
    if (!state.run && run.adopted) return rejected("no run was accepted that could be adopted");
    // The prompt is delivered once, and counts from here on, whatever becomes of this call.
    if (!state.run) state.prompts.push(run.input.map(({ content }) => content).join("\n"));
    const known = (state.run ??= { runId: run.runId });
    if (known.runId !== run.runId) return rejected(`run ${known.runId} came first`);

    const signal = this.#patienceOf(state, context);
    const answer = await play(this.#scriptOf(state.ticket).requestRun, { signal, argument: run });
    this.#living(pod);
    if (answer !== "reject") return (known.result ??= accepted());
    const refusal = rejected("the agent has refused the run");
    known.result ??= refusal;
    return refusal;
  }

  async stop(pod: InProcessPod, context: CallContext): Promise<StopAnswer> {
    const state = this.#pods.get(pod.launchId);
    if (!state || !lives(state)) return { stopped: true };
    const { stop, survivors = [], deaf = false } = this.#scriptOf(state.ticket);
    const answer = await play(stop, { signal: deaf ? never : context.signal });
    if (answer === "unproven") return { stopped: false, pids: survivors };
    // The lock first: whoever is told that the Pod has ended may start another at once.
    state.lock.close();
    state.life.abort(new LaunchClaimError("runtime_failed", `Pod ${pod.name} has ended`));
    return { stopped: true };
  }

  async probe(
    { ticket, launchId, session }: PodReference,
    { podLock, signal }: ProbeContext,
  ): Promise<Probe> {
    const answer = await play(this.#scriptOf(ticket).probe, { signal });
    if (answer !== undefined) return answer;
    const state = this.#pods.get(launchId);
    const gone = session?.restorable ? "restorable" : "gone";
    if (state) return lives(state) ? "live" : gone;
    // A lock that none of our Pods holds is held by another process, and so may this Pod be there.
    return podLock === "held" && this.#livingOf(ticket).length === 0 ? "unknown" : gone;
  }

  async findAccepted(ticket: TicketRef): Promise<InProcessPod | undefined> {
    return this.#livingOf(ticket).find(({ run }) => run?.result?.kind === "accepted")?.pod;
  }

  detach({ launchId }: InProcessPod): void {
    this.#tied.delete(launchId);
  }

  #create(
    {
      name,
      launchId,
      ...who
    }: Pick<PodState, "ticket" | "agent"> & { readonly name: string; readonly launchId: string },
    lock: PodLock,
  ): PodState {
    const pod = { name, launchId, locator: { inProcess: launchId } };
    const state = { ...who, pod, lock: lock.keep(), life: new AbortController(), prompts: [], peers: [] };
    this.#pods.set(launchId, state);
    return state;
  }

  #scriptOf(ticket: TicketRef): PodScript {
    return this.#scripts.get(ticket.id) ?? {};
  }

  #livingOf({ id }: TicketRef): PodState[] {
    return [...this.#pods.values()].filter((state) => state.ticket.id === id && lives(state));
  }

  #living(pod: InProcessPod): PodState {
    const state = this.#pods.get(pod.launchId);
    if (state && lives(state)) return state;
    throw new LaunchClaimError("runtime_failed", `Pod ${pod.name} is gone`);
  }

  /** What ends the waiting of a call to a Pod: that it is given up, and the Pod's end. */
  #patienceOf({ ticket, life }: PodState, { signal }: CallContext): AbortSignal {
    return this.#scriptOf(ticket).deaf ? life.signal : AbortSignal.any([signal, life.signal]);
  }
}

const never = new AbortController().signal;

function lives({ life }: PodState): boolean {
  return !life.signal.aborted;
}

function accepted(): RunResult {
  const acceptance: Acceptance = { level: "progress", kind: "scripted", at: new Date().toISOString() };
  return { kind: "accepted", acceptance };
}

function rejected(message: string): RunResult {
  return { kind: "rejected", code: "scripted", message };
}

async function podLockFrom(registry: ClaimRegistry, ticket: TicketRef): Promise<PodLock> {
  const launchLock = await registry.lockLaunch(ticket, { signal: never });
  try {
    const lock = launchLock && (await registry.lockPod(launchLock, { signal: never }));
    if (lock) return lock;
    throw new LaunchClaimError("lock_busy", `the locks of ticket ${ticket.id} are held by another`);
  } finally {
    launchLock?.close();
  }
}
