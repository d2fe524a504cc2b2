import { createActor, fromPromise, type Actor } from "xstate";
import { podMachine, type PodMachine } from "../../machines/pod.machine.js";
import type {
  ConfirmResult,
  EndAgentInput,
  EndAgentResult,
  PodReady,
  ReceiptInput,
} from "../../machines/pod.types.js";
import { LaunchClaimError, messageOf } from "../errors.js";
import { NotReady } from "./agents/driver.js";
import type { ControlChannel } from "./control-channel.js";
import { endAgent } from "./end-agent.js";
import type { GuardianRegistry } from "./guardian-registry.js";
import type { PodLog } from "./pod-log.js";
import { PodRecorder } from "./pod-recorder.js";
import { PodServer } from "./pod-server.js";
import { PodService } from "./pod-service.js";
import { settleClaim } from "./settle-claim.js";
import type { ControlEvent, Specification } from "./specification.js";
import { startAgentOf, type StartedAgent } from "./start-agent-of.js";

/** How long the notices to peers may take on the way out, of the time that the end of the agent may take. */
const PEERS_SHARE = 0.1;

export interface GuardianParts {
  readonly specification: Specification;
  readonly control: ControlChannel;
  readonly registry: GuardianRegistry;
  readonly log: PodLog;
  /** ISO 8601, UTC. */
  readonly now: () => string;
  /** Aborts when this process was asked to end. */
  readonly asked: AbortSignal;
}

/**
 * Leads one Pod from the start of its agent to the proof that nothing of it is left. Resolves when it has ended; whoever runs this
 * then ends its process, and with it the Pod lock.
 */
export async function guard(parts: GuardianParts): Promise<void> {
  await new Guardian(parts).run();
}

class Guardian {
  readonly #parts: GuardianParts;
  readonly #recorder: PodRecorder;
  readonly #service: PodService;
  readonly #server: PodServer;
  readonly #actor: Actor<PodMachine>;
  /** Set the moment that a start is under way: whoever ends the Pod waits for what it brings. */
  #starting: Promise<StartedAgent> | undefined;

  constructor(parts: GuardianParts) {
    const { specification, control, registry, now } = parts;
    const { record, limits, whenDone, idleStopMs } = specification;
    const { ticket, launchId } = record;
    const launcherGone = new Promise<void>((resolve) => control.whenGone(resolve));
    this.#parts = parts;
    this.#recorder = new PodRecorder(record, { registry, now });
    this.#actor = createActor(
      podMachine.provide({
        actors: {
          bootAgent: fromPromise<PodReady, null>(({ signal }) => this.#boot(signal)),
          confirmClaim: fromPromise<ConfirmResult, null>(() => this.#confirmClaim()),
          writeReceipt: fromPromise<null, ReceiptInput>(({ input }) => this.#writeReceipt(input)),
          settleClaim: fromPromise(({ input, signal }) =>
            settleClaim(input, { registry, ticket, launchId, launcherGone, signal }),
          ),
          endAgent: fromPromise<EndAgentResult, EndAgentInput>(({ input }) => this.#endAgent(input)),
        },
      }),
      { input: { whenDone, idleStopMs, restored: specification.restores !== undefined } },
    );
    this.#service = new PodService(specification, {
      actor: this.#actor,
      log: parts.log,
      pods: () => registry.pods(),
      launcherIsGone: () => control.launcherIsGone,
      broadcast: (event) => this.#server.broadcast(event),
      recordPermissions: (open) => {
        this.#recorder
          .waitsFor(open)
          .catch((error: unknown) => parts.log.write("guardian", messageOf(error)));
      },
      now,
    });
    this.#server = new PodServer(this.#service, { maxLineBytes: limits.maxLineBytes });
    void launcherGone.then(() => this.#actor.send({ type: "LAUNCHER_GONE" }));
  }

  async run(): Promise<void> {
    const { asked, control, log } = this.#parts;
    const ended = new Promise<void>((resolve) => {
      this.#actor.subscribe({
        complete: resolve,
        // A defect of the machine: nothing may be left because of it.
        error: (error) => {
          log.write("guardian", `the Pod's machine failed: ${messageOf(error)}`);
          const { accepted } = this.#actor.getSnapshot().context;
          void this.#endAgent({ accepted, cause: "defect" }).finally(resolve);
        },
      });
    });
    const stop = () => this.#actor.send({ type: "STOP" });
    asked.addEventListener("abort", stop, { once: true });
    this.#actor.start();
    if (asked.aborted) stop();
    await ended;
    (await this.#started())?.driver.close();
    // AFTER the proof: nothing that a peer does, or does not do, keeps the Pod's end from being known.
    await this.#service.peersTold(PEERS_SHARE * this.#parts.specification.stopMs);
    await this.#server.close();
    control.close();
    log.write("guardian", "stopped");
    log.close();
  }

  /** @param signal aborts when the Pod is ending: what is not running by then must not run any more */
  async #boot(signal: AbortSignal): Promise<PodReady> {
    try {
      return await this.#bootAgent(signal);
    } catch (error) {
      const told = notReadyOf(error);
      this.#parts.log.write("guardian", `not ready: ${told.data.message}`);
      this.#parts.control.tell(told);
      throw error;
    }
  }

  /** Starts the agent, still standing; records it; only THEN lets it run. */
  async #bootAgent(signal: AbortSignal): Promise<PodReady> {
    const { specification, control, log, registry, now } = this.#parts;
    const { record, socket } = specification;
    await this.#server.listen(socket);
    signal.throwIfAborted();
    const events = this.#service.driverEvents();
    this.#starting = startAgentOf(specification, { registry, log, now, events });
    const { agent, driver } = await this.#starting;
    this.#service.driver = driver;
    void agent.exited.then(({ code, signal: killedBy }) => {
      log.write("guardian", `the agent's process ended (${killedBy ?? `code ${code ?? "unknown"}`})`);
      this.#actor.send({ type: "AGENT_GONE" });
    });
    await this.#recorder.started(agent, specification);
    signal.throwIfAborted();
    const own = agent.processes.find((one) => one.as === "agent");
    if (own) control.tell({ event: "spawned", data: { pid: own.pid, start: own.startTime } });
    const ready = await driver.boot();
    await this.#recorder.ready(ready);
    this.#service.ready(ready);
    log.write("guardian", `ready: ${ready.agent.name}; its end is proven by ${agent.proof}`);
    control.tell({ event: "ready", data: { pod: record.pod, socket, agent: ready.agent.name } });
    return ready;
  }

  /** Whoever restored this Pod has let go of it: a replacement of the claim can no longer come. */
  async #confirmClaim(): Promise<ConfirmResult> {
    const { registry, specification, log } = this.#parts;
    const { ticket, launchId } = specification.record;
    const stored = await registry.read(ticket);
    const isOurs = stored?.kind === "claim" && stored.claim.launchId === launchId;
    if (!isOurs) log.write("guardian", "the claim was not replaced by that of this Pod");
    return { kind: isOurs ? "ours" : "notOurs" };
  }

  /** The receipt is durable BEFORE the run counts as accepted: a launch relies on it that finds this Pod unclaimed. */
  async #writeReceipt({ acceptance, first }: ReceiptInput): Promise<null> {
    if (!first) return null;
    try {
      await this.#recorder.accepted(acceptance);
    } catch (cause) {
      const message = `the receipt could not be written: ${messageOf(cause)}`;
      throw new LaunchClaimError("io_failed", message, { cause });
    }
    return null;
  }

  async #endAgent({ accepted, cause }: EndAgentInput): Promise<EndAgentResult> {
    const { specification, log } = this.#parts;
    log.write("guardian", `ending (${cause})`);
    this.#service.leaving(cause);
    const started = await this.#started();
    const result: EndAgentResult = started
      ? await endAgent(started.agent, {
          withinMs: specification.stopMs,
          farewell: (signal) => started.driver.farewell({ accepted, signal }),
          launchId: specification.record.launchId,
          stdinEndMs: specification.agent.recipe.stdinEndMs ?? 0,
          log: (line) => log.write("guardian", line),
        })
      : { kind: "gone" };
    if (result.kind === "left") log.write("guardian", `processes are left: ${result.pids.join(", ")}`);
    // Best effort: whoever comes next finds out by locks and processes what this would have told it. BEFORE the socket goes: whoever
    // waits for the end of the run finds its reason at one of the two.
    const { stopReason } = this.#service;
    await this.#recorder
      .ended(result, stopReason)
      .catch((error: unknown) => log.write("guardian", messageOf(error)));
    return result;
  }

  /** Undefined if none was started, or none could be. */
  async #started(): Promise<StartedAgent | undefined> {
    return await this.#starting?.catch(() => undefined);
  }
}

function notReadyOf(error: unknown): Extract<ControlEvent, { event: "not_ready" }> {
  const code =
    error instanceof NotReady ? error.code : LaunchClaimError.is(error) ? error.code : "pod_not_started";
  const stderr_tail = error instanceof NotReady ? error.stderrTail : [];
  return { event: "not_ready", data: { code, message: messageOf(error), stderr_tail } };
}
