import fs from "node:fs";
import { join } from "node:path";
import { LaunchClaimError } from "../errors.js";
import type {
  CallContext,
  LaunchInfo,
  PodProcess,
  PodRecord,
  PodRuntime,
  RestoreInfo,
  Run,
  StartContext,
  StopAnswer,
  StopContext,
} from "../ports.js";
import { podRecordOf } from "../pod-records.js";
import { identityOf, lifeOf } from "../processes.js";
import { PodConnection } from "../protocol/connection.js";
import { MAX_LINE_BYTES } from "../protocol/lines.js";
import type { PodEvent, Snapshot } from "../protocol/messages.js";
import type { PodSnapshot, RunResult, TicketRef } from "../../machines/launch.types.js";
import { GuardianPod } from "./guardian-pod.js";
import { GuardianProbe } from "./guardian-probe.js";
import type { GuardianRegistry } from "./guardian-registry.js";
import { socketPathFor } from "./sockets.js";
import type { Specification } from "./specification.js";
import {
  restoredEnvironment,
  specify,
  hintFor,
  spawnGuardian,
  type GuardianProcess,
  type GuardianProgram,
} from "./start-guardian.js";
import { AGENTS_SHARE, stopGuardian } from "./stop-guardian.js";

const IDLE_STOP_MS = 30 * 60_000;
const LIMITS = { maxLineBytes: MAX_LINE_BYTES, maxLogBytes: 1024 * 1024 };

export interface GuardianRuntimeOptions extends GuardianProgram {
  readonly registry: GuardianRegistry;
  readonly workspace: Specification["workspace"];
}

/** What ties this process to a Pod until `detach`. */
interface Ties {
  guardian?: GuardianProcess;
  identity?: PodProcess;
  connection?: PodConnection;
}

/** The built-in runtime: every Pod is an agent and its guardian, a small detached process of ours. */
export class GuardianRuntime extends GuardianProbe implements PodRuntime<GuardianPod> {
  readonly #options: GuardianRuntimeOptions;
  /** Apart from the Pods themselves, which are data: they are compared, stored and shown to inspectors. */
  readonly #ties = new WeakMap<GuardianPod, Ties>();

  constructor(options: GuardianRuntimeOptions) {
    super(options.registry);
    this.#options = options;
  }

  locatorOf({ podName }: LaunchInfo): GuardianPod["locator"] {
    return { pod: podName };
  }

  async start(launch: LaunchInfo, context: StartContext<GuardianPod>): Promise<GuardianPod> {
    return await this.#start(launch, {}, context);
  }

  async restore(
    { restores, ...launch }: RestoreInfo,
    context: StartContext<GuardianPod>,
  ): Promise<GuardianPod> {
    const sessionId = restores.session?.id;
    if (sessionId === undefined) {
      throw new LaunchClaimError("session_not_loaded", `the claim of Pod ${restores.pod} names no session`);
    }
    return await this.#start(launch, { restores: { sessionId } }, context);
  }

  async #start(
    launch: LaunchInfo,
    continued: Pick<Specification, "restores">,
    context: StartContext<GuardianPod>,
  ): Promise<GuardianPod> {
    const { registry } = this.#options;
    const { podName, launchId, ticket, environment } = launch;
    const { signal } = context;
    const record = await podRecordOf({ ticket, launchId }, registry);
    if (record === undefined) {
      throw new LaunchClaimError("runtime_contract", `Pod ${podName} has no record to go on with`);
    }
    const specification = { ...this.#specify(launch, record), ...continued };
    const lock = await context.lockPod();
    // Given up meanwhile: nothing exists yet, and nothing must come into being.
    signal.throwIfAborted();
    const logFd = openLog(registry.podDirectory(ticket, podName));
    let guardian: GuardianProcess;
    try {
      guardian = spawnGuardian(this.#options, { lockFd: lock.fd, logFd, environment });
    } finally {
      fs.closeSync(logFd);
    }
    const pod = new GuardianPod(podName, launchId, ticket, [guardian.pid]);
    const identity = identityOf(guardian.pid);
    this.#ties.set(pod, { guardian, ...(identity && { identity: { ...identity, as: "guardian" } }) });
    // The Pod exists: published BEFORE anything can go wrong with it.
    context.own(pod);
    await specify(guardian, specification, signal);
    return pod;
  }

  async connect(pod: GuardianPod, { signal }: CallContext): Promise<PodSnapshot> {
    const record = await podRecordOf(pod, this.#options.registry);
    if (record?.socket === undefined) {
      throw new LaunchClaimError("pod_unreachable", `the record of Pod ${pod.name} names no socket`);
    }
    const { connection, snapshot } = await PodConnection.open(record.socket, signal);
    const ties = this.#tiesOf(pod);
    ties.connection?.close();
    ties.connection = connection;
    return snapshotOf(snapshot);
  }

  async registerPeer(pod: GuardianPod, name: string, { signal }: CallContext): Promise<void> {
    const answer = (event: PodEvent): { readonly refusal?: string } | undefined => {
      if (event.event === "peer_registered" && event.data.name === name) return {};
      if (event.event === "error" && event.data.peer === name) return { refusal: event.data.message };
      return undefined;
    };
    const method = { method: "register_peer", params: { name } } as const;
    const { refusal } = await this.#connectionOf(pod).request(method, answer, signal);
    if (refusal !== undefined) throw new LaunchClaimError("peer_not_registered", refusal);
  }

  async requestRun(pod: GuardianPod, run: Run, { signal }: CallContext): Promise<RunResult> {
    const { runId: run_id, launchId: launch_id, input } = run;
    const answer = (event: PodEvent): RunResult | undefined => {
      if (event.event === "run_accepted" && event.data.run_id === run_id) {
        return { kind: "accepted", acceptance: event.data.evidence };
      }
      if (event.event === "run_rejected" && event.data.run_id === run_id) {
        const { code, message } = event.data;
        const hint = hintFor(code);
        return { kind: "rejected", code, message, ...(hint !== undefined && { hint }) };
      }
      return undefined;
    };
    const params = { run_id, launch_id, input: [...input] };
    return await this.#connectionOf(pod).request({ method: "run", params }, answer, signal);
  }

  async stop(pod: GuardianPod, { signal, withinMs }: StopContext): Promise<StopAnswer> {
    const { registry } = this.#options;
    const { identity, connection } = this.#ties.get(pod) ?? {};
    connection?.close();
    return await stopGuardian(pod, { registry, started: identity, withinMs, signal });
  }

  async findAccepted(ticket: TicketRef): Promise<GuardianPod | undefined> {
    for (const stored of await this.#options.registry.pods(ticket)) {
      if (stored.kind !== "pod") continue;
      const { runtime, state, acceptance, processes, pod, launchId } = stored.record;
      if (runtime.kind !== this.kind || state === "ended" || acceptance === undefined) continue;
      const guardian = processes.find((one) => one.as === "guardian");
      if (guardian && lifeOf(guardian) === "gone") continue;
      return new GuardianPod(pod, launchId, ticket);
    }
    return undefined;
  }

  /** Asks the Pod, and its record if it does not answer: a Pod that ends writes the reason BEFORE its socket goes. */
  async runEnded(pod: GuardianPod, { signal }: CallContext): Promise<string> {
    const { registry } = this.#options;
    const record = await podRecordOf(pod, registry);
    if (record?.stopReason !== undefined) return record.stopReason;
    if (record?.socket === undefined) {
      throw new LaunchClaimError("pod_unreachable", `the record of Pod ${pod.name} names no socket`);
    }
    try {
      return await this.#askRunEnded(pod, record.socket, signal);
    } catch (error) {
      const stopReason = (await podRecordOf(pod, registry))?.stopReason;
      if (stopReason !== undefined) return stopReason;
      throw error;
    }
  }

  async #askRunEnded(pod: GuardianPod, socket: string, signal: AbortSignal): Promise<string> {
    const { connection, snapshot } = await PodConnection.open(socket, signal);
    try {
      if (snapshot.run?.stop_reason !== undefined) return snapshot.run.stop_reason;
      return await connection.next(
        (event) =>
          event.event === "run_ended" && event.data.run_id === pod.launchId
            ? event.data.stop_reason
            : undefined,
        signal,
      );
    } finally {
      connection.close();
    }
  }

  detach(pod: GuardianPod): void {
    const { guardian, connection } = this.#ties.get(pod) ?? {};
    this.#ties.delete(pod);
    connection?.close();
    // The end of the control channel: a Pod that has accepted nothing ends by it, one that has works on.
    guardian?.control.destroy();
    // The host may exit while the Pod lives.
    guardian?.child.unref();
  }

  #specify(launch: LaunchInfo, record: PodRecord): Specification {
    const { registry, workspace } = this.#options;
    const { plan, podName, ticket, timeouts } = launch;
    const { recipe } = plan;
    if (recipe === undefined) {
      throw new LaunchClaimError("request_invalid", "the launch names no agent that the guardian could run", {
        hint: "Name a configured agent, or give the agent's command.",
      });
    }
    const directory = registry.podDirectory(ticket, podName);
    return {
      workspace,
      record,
      socket: socketPathFor(podName, {
        registry: workspace.directory,
        data: workspace.parents[0] ?? directory,
      }),
      cwd: plan.cwd,
      ...(plan.title !== undefined && { title: plan.title }),
      agent: { name: plan.agent ?? recipe.command[0] ?? "agent", recipe },
      restored: restoredEnvironment(),
      whenDone: plan.whenDone ?? "keep",
      permissions: plan.permissions ?? "ask",
      idleStopMs: plan.idleStopMs ?? IDLE_STOP_MS,
      stopMs: AGENTS_SHARE * timeouts.stopMs,
      limits: LIMITS,
    };
  }

  #tiesOf(pod: GuardianPod): Ties {
    const ties = this.#ties.get(pod) ?? {};
    this.#ties.set(pod, ties);
    return ties;
  }

  #connectionOf(pod: GuardianPod): PodConnection {
    const connection = this.#ties.get(pod)?.connection;
    if (connection) return connection;
    throw new LaunchClaimError("pod_unreachable", `this process is not connected to Pod ${pod.name}`);
  }
}

/** What a guardian says before it has its own log, and the trace of a defect, goes here. */
function openLog(directory: string): number {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = fs.constants;
  return fs.openSync(join(directory, "pod.log"), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
}

function snapshotOf({ protocol, pod, launch_id, status, run, session, agent }: Snapshot): PodSnapshot {
  return {
    protocol,
    pod,
    launchId: launch_id,
    status,
    ...(run && { run: { runId: run.run_id, acceptance: run.evidence } }),
    ...(session && { session }),
    agent: {
      driver: agent.driver,
      name: agent.name,
      ...(agent.command && { command: agent.command }),
      ...(agent.cwd !== undefined && { cwd: agent.cwd }),
    },
  };
}
