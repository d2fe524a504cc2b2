import fs from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type {
  CallContext,
  LaunchInfo,
  PodReference,
  PodRuntime,
  PodSnapshot,
  Probe,
  ProbeContext,
  Run,
  RunResult,
  StartContext,
  StopAnswer,
  TicketRef,
} from "launch-claim";
import { OwnPodError } from "./errors.js";
import { POD_FILE, readFile, RECEIPT_FILE, SOCKET_FILE } from "./files.js";
import { podFileSchema, receiptSchema, type PodEvent, type Snapshot } from "./messages.js";
import { OwnPod } from "./own-pod.js";
import { isAlive, processesOf } from "./processes.js";
import { assign, spawnPod, type PodProcess } from "./start.js";
import { endPod } from "./stop.js";
import { checkSocketPath, PodConnection, tell } from "./wire.js";

export interface OwnPodsOptions {
  /** Where every Pod has a directory for its record, its receipt and its socket. Short: a socket's path has 107 bytes at most. */
  readonly directory: string;
  /** The Pod program. Default: the `pod.js` next to this file. */
  readonly program?: string;
  /** What a Pod runs as if the launch names no agent. Default `project:intake`. */
  readonly profile?: string;
  /** From the first polite word to the proof, in milliseconds; shorter than the launch's `stopMs`. Default 2000. */
  readonly stopGraceMs?: number;
}

/** What ties this process to a Pod until `detach`. */
interface Ties {
  process?: PodProcess;
  connection?: PodConnection;
}

/** The host's own Pods: child processes that outlive their launcher once they have accepted a run. */
export class OwnPods implements PodRuntime<OwnPod> {
  readonly kind = "own-pods";
  readonly #directory: string;
  readonly #program: string;
  readonly #profile: string;
  readonly #stopGraceMs: number;
  /** Apart from the Pods themselves, which are data: they are compared, stored and shown to inspectors. */
  readonly #ties = new WeakMap<OwnPod, Ties>();

  constructor({ directory, program, profile = "project:intake", stopGraceMs = 2_000 }: OwnPodsOptions) {
    this.#directory = resolve(directory);
    this.#program = program ?? fileURLToPath(new URL("pod.js", import.meta.url));
    this.#profile = profile;
    this.#stopGraceMs = stopGraceMs;
  }

  podAt(reference: PodReference): OwnPod {
    const { kind } = reference.runtime;
    if (kind === this.kind) return OwnPod.from(reference);
    throw new Error(`"${kind}" is another runtime's kind, not "${this.kind}"`);
  }

  async start(launch: LaunchInfo, context: StartContext<OwnPod>): Promise<OwnPod> {
    const { podName: name, launchId, ticket, plan, environment } = launch;
    const { signal } = context;
    if (basename(name) !== name) {
      throw new OwnPodError("pod_not_started", `"${name}" cannot name a directory`);
    }
    const directory = join(this.#directory, name);
    const socket = checkSocketPath(join(directory, SOCKET_FILE));
    const lock = await context.lockPod();
    // Given up meanwhile: nothing exists yet, and nothing must come into being.
    signal.throwIfAborted();
    fs.mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    fs.mkdirSync(directory, { mode: 0o700 });
    const where = { cwd: plan.cwd, environment, lockFd: lock.fd };
    const process = await spawnPod(this.#program, where).catch((error: unknown) => {
      fs.rmdirSync(directory);
      throw error;
    });
    const pod = new OwnPod(name, launchId, { directory, socket, ...process.id });
    this.#tiesOf(pod).process = process;
    // The Pod exists: published BEFORE anything can go wrong with it.
    context.own(pod);

    const profile = plan.agent ?? this.#profile;
    await assign(process, { name, launchId, ticketId: ticket.id, directory, socket, profile }, signal);
    return pod;
  }

  async connect(pod: OwnPod, { signal }: CallContext): Promise<PodSnapshot> {
    const { connection, snapshot } = await PodConnection.open(pod.socket, signal);
    const ties = this.#tiesOf(pod);
    ties.connection?.close();
    ties.connection = connection;
    return snapshotOf(snapshot);
  }

  async registerPeer(pod: OwnPod, name: string, { signal }: CallContext): Promise<void> {
    const answer = (event: PodEvent): { refusal?: string } | undefined => {
      if (event.event === "peer_registered" && event.data.result.peer === name) return {};
      if (event.event === "error" && event.data.peer === name) return { refusal: event.data.message };
      return undefined;
    };
    const connection = this.#connectionOf(pod);
    const { refusal } = await connection.request(
      { method: "register_peer", params: { name } },
      answer,
      signal,
    );
    if (refusal !== undefined) throw new OwnPodError("peer_not_registered", refusal);
  }

  async requestRun(pod: OwnPod, run: Run, { signal }: CallContext): Promise<RunResult> {
    const { runId: run_id, launchId: launch_id, input } = run;
    // Only what names our run is evidence: `status: running` comes before a run is judged, and others may send runs too.
    const answer = (event: PodEvent): RunResult | undefined => {
      if (event.event === "user_message" && event.data.run_id === run_id) {
        return { kind: "accepted", acceptance: event.data.acceptance };
      }
      if (event.event === "error" && event.data.run_id === run_id) {
        return { kind: "rejected", code: event.data.code, message: event.data.message };
      }
      return undefined;
    };
    const params = { run_id, launch_id, input: [...input] };
    return await this.#connectionOf(pod).request({ method: "run", params }, answer, signal);
  }

  async stop(pod: OwnPod, { signal }: CallContext): Promise<StopAnswer> {
    const ask = () => {
      // A Pod that has no assignment yet knows only its control channel; one of another launcher knows only its socket.
      this.#ties.get(pod)?.process?.control.end();
      tell(pod.socket, { method: "shutdown" });
    };
    return await endPod(pod, { ask, graceMs: this.#stopGraceMs, signal });
  }

  async probe(reference: PodReference, { podLock }: ProbeContext): Promise<Probe> {
    if (podLock === "held") return "live";
    return processesOf(reference.launchId, this.podAt(reference).leader).length > 0 ? "lingering" : "gone";
  }

  async findAccepted(ticket: TicketRef): Promise<OwnPod | undefined> {
    if (!fs.existsSync(this.#directory)) return undefined;
    for (const name of fs.readdirSync(this.#directory)) {
      const directory = join(this.#directory, name);
      const pod = readFile(podFileSchema, directory, POD_FILE);
      if (pod?.ticketId !== ticket.id || !isAlive(pod)) continue;
      if (readFile(receiptSchema, directory, RECEIPT_FILE) === undefined) continue;
      const { pid, startTime, socket } = pod;
      return new OwnPod(pod.name, pod.launchId, { directory, socket, pid, startTime });
    }
    return undefined;
  }

  detach(pod: OwnPod): void {
    const { process, connection } = this.#ties.get(pod) ?? {};
    this.#ties.delete(pod);
    connection?.close();
    // The end of the control channel: a Pod that has accepted nothing ends by it, one that has works on.
    process?.control.destroy();
    process?.said.destroy();
    // The host may exit while the Pod lives.
    process?.child.unref();
  }

  #tiesOf(pod: OwnPod): Ties {
    const ties = this.#ties.get(pod) ?? {};
    this.#ties.set(pod, ties);
    return ties;
  }

  #connectionOf(pod: OwnPod): PodConnection {
    const connection = this.#ties.get(pod)?.connection;
    if (connection) return connection;
    throw new Error(`this process is not connected to Pod ${pod.name}`);
  }
}

function snapshotOf({ protocol, launch_id, status, run, greeting }: Snapshot): PodSnapshot {
  return {
    protocol,
    pod: greeting.pod_name,
    launchId: launch_id,
    status,
    ...(run && { run: { runId: run.run_id, acceptance: run.acceptance } }),
    agent: { driver: "own-pods", name: greeting.profile },
  };
}
