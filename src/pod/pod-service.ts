import type { Actor, SnapshotFrom } from "xstate";
import type { PodMachine } from "../../machines/pod.machine.js";
import type { PodReady, RunEnding } from "../../machines/pod.types.js";
import { LaunchClaimError, messageOf } from "../errors.js";
import type { StoredPod } from "../ports.js";
import {
  PROTOCOL_VERSION,
  type Method,
  type PodEvent,
  type PodStatus,
  type RunParams,
} from "../protocol/messages.js";
import { legible } from "../text.js";
import { forTicket, podOfKey } from "../unticketed.js";
import type { AgentDriver, DriverEvents, RunEnd } from "./agents/driver.js";
import { withLastWords } from "./last-words.js";
import { Peers } from "./peers.js";
import type { PodLog } from "./pod-log.js";
import type { Client, ServerEvents } from "./pod-server.js";
import { RunAnswers } from "./run-answers.js";
import type { Specification } from "./specification.js";

interface Surroundings {
  readonly actor: Actor<PodMachine>;
  readonly log: PodLog;
  readonly pods: () => Promise<readonly StoredPod[]>;
  readonly launcherIsGone: () => boolean;
  readonly broadcast: (event: PodEvent) => void;
}

type FirstRun = NonNullable<Extract<PodEvent, { event: "snapshot" }>["data"]["run"]>;

/** What a Pod says to its clients: it hands their methods to machine and driver, and tells what the machine decides. */
export class PodService implements ServerEvents {
  /** Set once the agent was started; before that the Pod is not ready, and nobody sends a run. */
  driver: AgentDriver | undefined;
  readonly #specification: Specification;
  readonly #around: Surroundings;
  readonly #answers = new RunAnswers();
  readonly #peers: Peers;
  /** What the agent waits to be permitted; a client that comes later is told, too. */
  readonly #permissions = new Map<string, PodEvent>();
  #ready: PodReady | undefined;
  #status: PodStatus = "idle";
  #firstRun: FirstRun | undefined;

  constructor(specification: Specification, around: Surroundings) {
    this.#specification = specification;
    this.#around = around;
    this.#peers = new Peers(specification.record.pod, around.pods);
    const { actor } = around;
    actor.on("runAccepted", ({ runId, acceptance, first }) => {
      const data = { run_id: runId, evidence: acceptance };
      if (first) this.#firstRun = data;
      around.log.write("guardian", `the run was accepted: ${legible(acceptance.kind, 60)}`);
      this.#answer(runId, { event: "run_accepted", data });
    });
    actor.on("runRejected", ({ runId, code, message }) => {
      around.log.write("guardian", `the run was not taken (${code}): ${firstLineOf(message)}`);
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
    const { actor, log, broadcast } = this.#around;
    return {
      update: (update) => broadcast({ event: "update", data: update }),
      permissionRequested: ({ requestId, request }) => {
        const event: PodEvent = { event: "permission_request", data: { request_id: requestId, request } };
        this.#permissions.set(requestId, event);
        broadcast(event);
      },
      evidence: (acceptance) => actor.send({ type: "EVIDENCE", acceptance }),
      ended: (end) => {
        this.#permissions.clear();
        actor.send({ type: "ENDED", end: endingOf(end) });
      },
      log: (line) => log.write("agent", line),
    };
  }

  // ── What clients ask ──

  greet(client: Client): void {
    client.send(this.#snapshot());
    for (const request of this.#permissions.values()) client.send(request);
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
        this.#permissions.delete(message.params.request_id);
        this.driver?.answerPermission(message.params.request_id, message.params.outcome);
        break;
      case "notify":
        this.#around.broadcast({ event: "notify", data: message.params });
        break;
      case "status":
        client.send({ event: "status", data: { status: this.#status } });
        break;
      case "shutdown":
        this.#around.actor.send({ type: "STOP" });
        break;
    }
  }

  #run(client: Client, { run_id: runId, launch_id: launchId, input }: RunParams): void {
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
    const refusal = this.#refusalOf(launchId, text);
    if (refusal) {
      client.send({ event: "run_rejected", data: { run_id: runId, ...refusal } });
      return;
    }
    this.#answers.begin(runId);
    this.#around.actor.send({ type: "RUN", run: { runId, text } });
    this.driver?.prompt(text);
  }

  /** Why a run is not even sent to the agent. */
  #refusalOf(launchId: string, text: string): { code: string; message: string } | undefined {
    const { record } = this.#specification;
    if (launchId !== record.launchId) {
      return { code: "pod_mismatch", message: `this Pod belongs to launch ${record.launchId}` };
    }
    if (text.trim() === "") {
      return { code: "invalid_request", message: "no such run was accepted here, and the input is empty" };
    }
    const snapshot = this.#around.actor.getSnapshot();
    if (snapshot.can({ type: "RUN", run: { runId: "", text } })) return undefined;
    return { code: "already_running", message: `the Pod takes no run now: it is ${this.#status}` };
  }

  async #registerPeer(client: Client, name: string): Promise<void> {
    const { pod, ticket, role } = this.#specification.record;
    const message = `Pod ${pod} (${role}) was launched ${forTicket(ticket)} and hands off to you`;
    try {
      await this.#peers.register(name, message);
      client.send({ event: "peer_registered", data: { name } });
    } catch (error) {
      const code = LaunchClaimError.is(error) ? error.code : "internal";
      client.send({ event: "error", data: { code, message: messageOf(error), peer: name } });
    }
  }

  // ── What clients are told ──

  #answer(runId: string, event: PodEvent): void {
    this.#answers.answer(runId, event);
    this.#around.broadcast(event);
  }

  #ended(runId: string, ending: RunEnding): void {
    const reason = ending.kind === "done" ? ending.stopReason : `failed: ${ending.message}`;
    const event: PodEvent = { event: "run_ended", data: { run_id: runId, stop_reason: reason } };
    if (this.#firstRun?.run_id === runId) this.#firstRun = { ...this.#firstRun, stop_reason: reason };
    this.#around.log.write("guardian", `the run has ended: ${firstLineOf(reason)}`);
    this.#answers.end(runId, event);
    this.#around.broadcast(event);
    const { pod, ticket } = this.#specification.record;
    void this.#peers.notify(`the run of Pod ${pod} ${forTicket(ticket)} has ended: ${legible(reason, 200)}`);
  }

  #tellStatus(snapshot: SnapshotFrom<PodMachine>): void {
    const status = statusOf(snapshot);
    if (status === this.#status) return;
    this.#status = status;
    this.#around.broadcast({ event: "status", data: { status } });
  }

  #snapshot(): PodEvent {
    const { record, agent, title } = this.#specification;
    const { ticket, pod, launchId, role } = record;
    const known = this.#ready?.agent ?? { driver: agent.recipe.driver, name: agent.name };
    return {
      event: "snapshot",
      data: {
        protocol: PROTOCOL_VERSION,
        pod,
        launch_id: launchId,
        ...(podOfKey(ticket) === undefined && {
          ticket: { ...ticket, ...(title !== undefined && { title }) },
        }),
        role,
        status: this.#status,
        launcher: this.#around.launcherIsGone() ? "gone" : "present",
        ...(this.#firstRun && { run: this.#firstRun }),
        ...(this.#ready?.session && { session: this.#ready.session }),
        agent: known,
      },
    };
  }
}

function statusOf(snapshot: SnapshotFrom<PodMachine>): PodStatus {
  if (snapshot.matches("running")) return "running";
  return snapshot.matches("draining") || snapshot.matches("stopped") ? "draining" : "idle";
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
