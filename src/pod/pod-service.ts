import type { Actor, SnapshotFrom } from "xstate";
import type { PodMachine } from "../../machines/pod.machine.js";
import type { DrainCause, PodReady, RunEnding } from "../../machines/pod.types.js";
import { LaunchClaimError, messageOf } from "../errors.js";
import type { StoredPod } from "../ports.js";
import type { Method, PodEvent, PodStatus, RunParams, Snapshot } from "../protocol/messages.js";
import { legible } from "../text.js";
import { forTicket } from "../unticketed.js";
import type { AgentDriver, DriverEvents, RunEnd } from "./agents/driver.js";
import { withLastWords } from "./last-words.js";
import { Notices } from "./notices.js";
import { Peers } from "./peers.js";
import { PermissionDesk, type DeskSurroundings } from "./permission-desk.js";
import type { PodLog } from "./pod-log.js";
import { isUnconfirmed, snapshotOf, statusOf } from "./pod-snapshot.js";
import type { Client, ServerEvents } from "./pod-server.js";
import { RunAnswers } from "./run-answers.js";
import { RunHistory } from "./run-history.js";
import type { Specification } from "./specification.js";

const AGENT_TELLS_WITHIN_MS = 3_000;

interface Surroundings {
  readonly actor: Actor<PodMachine>;
  readonly log: PodLog;
  readonly pods: () => Promise<readonly StoredPod[]>;
  readonly launcherIsGone: () => boolean;
  readonly broadcast: (event: PodEvent) => void;
  readonly recordPermissions: DeskSurroundings["record"];
  /** ISO 8601, UTC. */
  readonly now: () => string;
}

type ResponseParams = Extract<Method, { method: "permission_response" }>["params"];
type FirstRun = NonNullable<Snapshot["run"]>;

/** What a Pod says to its clients: it hands their methods to machine and driver, and tells what the machine decides. */
export class PodService implements ServerEvents {
  /** Set once the agent was started; before that the Pod is not ready, and nobody sends a run. */
  driver: AgentDriver | undefined;
  readonly #specification: Specification;
  readonly #around: Surroundings;
  readonly #answers = new RunAnswers();
  readonly #peers: Peers;
  readonly #permissions: PermissionDesk;
  readonly #history = new RunHistory();
  readonly #notices = new Notices();
  #ready: PodReady | undefined;
  #status: PodStatus = "idle";
  #isUnconfirmed = false;
  #firstRun: FirstRun | undefined;
  /** A run was sent to the agent, and neither refused nor ended. */
  #isUnderWay = false;

  constructor(specification: Specification, around: Surroundings) {
    this.#specification = specification;
    this.#around = around;
    const { actor, log } = around;
    const logged = (line: string) => log.write("guardian", line);
    this.#peers = new Peers(specification.record.pod, { pods: around.pods, log: logged });
    this.#permissions = new PermissionDesk({
      policy: specification.permissions,
      tell: (event) => this.#tell(event),
      answer: (requestId, outcome) => this.driver?.answerPermission(requestId, outcome),
      record: around.recordPermissions,
      log: logged,
      now: around.now,
    });
    actor.on("runAccepted", ({ runId, acceptance, first }) => {
      const data = { run_id: runId, evidence: acceptance };
      if (first) this.#firstRun = data;
      this.#notices.read();
      log.write("guardian", `the run was accepted: ${legible(acceptance.kind, 60)}`);
      this.#answer(runId, { event: "run_accepted", data });
    });
    actor.on("runRejected", ({ runId, code, message }) => {
      this.#isUnderWay = false;
      log.write("guardian", `the run was not taken (${code}): ${firstLineOf(message)}`);
      this.#answer(runId, { event: "run_rejected", data: { run_id: runId, code, message } });
    });
    actor.on("runEnded", ({ runId, ending }) => this.#ended(runId, ending));
    actor.subscribe({ next: (snapshot) => this.#tellStatus(snapshot), error: () => undefined });
  }

  ready(ready: PodReady): void {
    this.#ready = ready;
  }

  /** Of the first run, once it has ended. */
  get stopReason(): string | undefined {
    return this.#firstRun?.stop_reason;
  }

  /** What the agent's driver tells goes to the machine, to the clients, or into the log. */
  driverEvents(): DriverEvents {
    const { actor, log } = this.#around;
    return {
      update: (update) => this.#tell({ event: "update", data: update }),
      permissionRequested: (request) => this.#permissions.requested(request),
      permissionResolved: (requestId, outcome) => this.#permissions.resolved(requestId, outcome),
      evidence: (acceptance) => actor.send({ type: "EVIDENCE", acceptance }),
      ended: (end) => actor.send({ type: "ENDED", end: endingOf(end) }),
      log: (line) => log.write("agent", line),
    };
  }

  // ── What clients ask ──

  greet(client: Client): void {
    const snapshot = snapshotOf(this.#specification, {
      status: this.#status,
      launcherIsGone: this.#around.launcherIsGone(),
      firstRun: this.#firstRun,
      ready: this.#ready,
    });
    client.send({ event: "snapshot", data: snapshot });
    for (const request of this.#permissions.open) client.send(request);
  }

  method(client: Client, message: Exclude<Method, { method: "updates" }>): void {
    switch (message.method) {
      case "run":
        this.#run(client, message.params);
        break;
      case "cancel":
        if (this.#around.actor.getSnapshot().context.run?.runId === message.params.run_id)
          this.driver?.cancel();
        break;
      case "register_peer":
        void this.#registerPeer(client, message.params.name);
        break;
      case "permission_response":
        this.#respond(client, message.params);
        break;
      case "notify":
        this.#notices.add(message.params.from, message.params.message);
        this.#tell({ event: "notify", data: message.params });
        break;
      case "history":
        client.send(this.#history.told(this.#status));
        for (const request of this.#permissions.open) client.send(request);
        break;
      case "status":
        client.send({ event: "status", data: { status: this.#status } });
        break;
      case "shutdown":
        this.#around.actor.send({ type: "STOP" });
        break;
    }
  }

  #run(client: Client, params: RunParams): void {
    const { run_id: runId, launch_id: launchId, input } = params;
    // BEFORE anything is told of the run: it may have the name of another launch's.
    const isOurs = launchId === this.#specification.record.launchId;
    const known = isOurs && this.#answers.known(runId);
    if (known) {
      for (const event of known) client.send(event);
      return;
    }
    // Under way: the answer is told to everybody.
    if (isOurs && this.#answers.isPending(runId)) return;
    const text = input.map(({ content }) => content).join("\n");
    const refusal = this.#refusalOf(params, text);
    if (refusal) {
      client.send({ event: "run_rejected", data: { run_id: runId, ...refusal } });
      return;
    }
    this.#answers.begin(runId);
    this.#isUnderWay = true;
    this.#history.begin();
    this.#tell({ event: "user_message", data: { run_id: runId, segments: input } });
    this.#around.actor.send({ type: "RUN", run: { runId, text } });
    this.driver?.prompt(this.#notices.before(text));
  }

  /** Why a run is not even sent to the agent. */
  #refusalOf(
    { run_id: runId, launch_id: launchId }: RunParams,
    text: string,
  ): { code: string; message: string } | undefined {
    const { record } = this.#specification;
    if (launchId !== record.launchId) {
      return { code: "pod_mismatch", message: `this Pod belongs to launch ${record.launchId}` };
    }
    if (text.trim() === "") {
      return { code: "invalid_request", message: "no such run was accepted here, and the input is empty" };
    }
    const snapshot = this.#around.actor.getSnapshot();
    if (isUnconfirmed(snapshot)) {
      return { code: "not_confirmed", message: "the Pod has not yet seen that its restored claim stands" };
    }
    // Taken for the launch's, its receipt would make a Pod adoptable that has never heard of its assignment.
    if (!snapshot.context.accepted && runId !== launchId) {
      return { code: "not_accepted", message: "the Pod has not accepted the first run of its launch yet" };
    }
    if (snapshot.can({ type: "RUN", run: { runId: "", text } })) return undefined;
    return { code: "already_running", message: `the Pod takes no run now: it is ${this.#status}` };
  }

  #respond(client: Client, { request_id, outcome }: ResponseParams): void {
    const refusal = this.#permissions.respond(request_id, outcome);
    if (refusal) client.send({ event: "error", data: { ...refusal, request_id } });
  }

  async #registerPeer(client: Client, name: string): Promise<void> {
    const { pod, ticket, role } = this.#specification.record;
    const message = `Pod ${pod} (${role}) was launched ${forTicket(ticket)} and hands off to you`;
    try {
      await this.#tellPeer(name, message);
      client.send({ event: "peer_registered", data: { name } });
    } catch (error) {
      const code = LaunchClaimError.is(error) ? error.code : "internal";
      client.send({ event: "error", data: { code, message: messageOf(error), peer: name } });
    }
  }

  /** An agent that is a Pod itself may know peers that we do not, and we some that it does not: one way of telling them will do. */
  async #tellPeer(name: string, message: string): Promise<void> {
    const own = this.#peers.register(name, message);
    const byAgent = this.driver?.registerPeer?.(name, AbortSignal.timeout(AGENT_TELLS_WITHIN_MS));
    if (byAgent) await Promise.any([own, byAgent]).catch(() => own);
    else await own;
  }

  // ── What clients are told ──

  /** What belongs to the run is kept for whoever comes later. */
  #tell(event: PodEvent): void {
    this.#history.add(event);
    this.#around.broadcast(event);
  }

  #answer(runId: string, event: PodEvent): void {
    this.#answers.answer(runId, event);
    this.#tell(event);
  }

  #ended(runId: string, ending: RunEnding): void {
    this.#isUnderWay = false;
    const reason = ending.kind === "done" ? ending.stopReason : `failed: ${ending.message}`;
    const event: PodEvent = { event: "run_ended", data: { run_id: runId, stop_reason: reason } };
    if (this.#firstRun?.run_id === runId) this.#firstRun = { ...this.#firstRun, stop_reason: reason };
    this.#around.log.write("guardian", `the run has ended: ${firstLineOf(reason)}`);
    this.#answers.end(runId, event);
    this.#tell(event);
    const { pod, ticket } = this.#specification.record;
    this.#peers.notify(`the run of Pod ${pod} ${forTicket(ticket)} has ended: ${legible(reason, 200)}`);
  }

  /** The Pod is ending. Peers that still wait for the end of a run are told that it will not come. */
  leaving(cause: DrainCause): void {
    const isWaitedFor = this.stopReason === undefined || this.#isUnderWay;
    const { pod, ticket } = this.#specification.record;
    if (isWaitedFor) this.#peers.notify(`Pod ${pod} ${forTicket(ticket)} ends before its run has: ${cause}`);
  }

  /** Resolves when the peers were told, or it has taken too long. */
  async peersTold(withinMs: number): Promise<void> {
    await this.#peers.told(withinMs);
  }

  #tellStatus(snapshot: SnapshotFrom<PodMachine>): void {
    const status = statusOf(snapshot);
    // Idle before as after it; but from now on it takes runs, and some were refused for that.
    const isConfirmed = this.#isUnconfirmed && !isUnconfirmed(snapshot);
    this.#isUnconfirmed = isUnconfirmed(snapshot);
    if (status === this.#status && !isConfirmed) return;
    this.#status = status;
    this.#around.broadcast({ event: "status", data: { status } });
  }
}

/** For the log, which has the agent's last words already. */
function firstLineOf(message: string): string {
  return legible(message.split("\n", 1)[0] ?? "", 500);
}

function endingOf(end: RunEnd): RunEnding {
  if (end.kind === "done") return end;
  const { code, message, stderrTail } = end;
  return { kind: "failed", code, message: withLastWords(message, stderrTail) };
}
