/** The agent and its reaper, in the place of `src/pod/start-agent-of.ts`: objects that behave as the run's manners say. */
import { PassThrough, Writable } from "node:stream";
import { LaunchClaimError } from "../../../../src/errors.js";
import type { AgentDriver, AgentExit } from "../../../../src/pod/agents/driver.js";
import type { startAgentOf as startReal } from "../../../../src/pod/start-agent-of.js";
import type { PodProcess } from "../../../../src/ports.js";
import { identityOf } from "../../../../src/processes.js";
import { sharingOf } from "./locks.js";
import { world, type Process } from "./world.js";

type StartAgentOf = typeof startReal;
type Context = Parameters<StartAgentOf>[1];
type Specification = Parameters<StartAgentOf>[0];

export const startAgentOf: StartAgentOf = async (specification, context) => {
  const { hidden } = world().manners;
  const { ticket } = specification.record;
  const lock = hidden
    ? undefined
    : await context.registry.lockAgent(ticket, { signal: new AbortController().signal });
  if (!hidden && lock === undefined) {
    throw new LaunchClaimError("lock_busy", "something of an earlier agent of this ticket still runs");
  }
  const processes = new Processes(world().running, specification.record.launchId);
  if (lock && processes.reaper) sharingOf(lock.fd).join(processes.reaper);
  lock?.close();
  return { agent: processes.asStarted(), driver: driverOf(processes, specification, context) };
};

/** Agent and reaper as the kernel has them. */
class Processes {
  readonly guardian: Process;
  readonly reaper: Process | undefined;
  readonly agent: Process;
  readonly exited: Promise<AgentExit>;
  readonly gone: Promise<void>;
  #isProvenGone = false;

  constructor(guardian: Process, launchId: string) {
    const here = world();
    const { hidden } = here.manners;
    const of = guardian.name.replace("guardian", "");
    this.guardian = guardian;
    this.reaper = hidden
      ? undefined
      : here.create({
          kind: "reaper",
          name: `reaper${of}`,
          mark: launchId,
          parent: guardian,
          leadsGroup: false,
        });
    const parent = this.reaper ?? guardian;
    this.agent = here.create({
      kind: "agent",
      name: `agent${of}`,
      mark: hidden ? undefined : launchId,
      parent,
    });
    this.agent.launchId = launchId;
    this.exited = this.#endOf(this.agent, "the agent has exited").then(() => ({ code: 0, signal: null }));
    this.gone = this.reaper
      ? this.#endOf(this.reaper, "the reaper has exited").then(() => {
          this.#isProvenGone = !this.agent.alive;
        })
      : this.exited.then(() => undefined);
    // The guardian's death is the end of what the agent reads.
    guardian.atEnd.add(() => this.stdinEnds());
    if (this.reaper) this.#reap(this.reaper);
  }

  #endOf(process: Process, what: string): Promise<void> {
    return new Promise((resolve) => {
      process.atEnd.add(() => world().deliver(this.guardian, what, resolve));
    });
  }

  /** It ends when nothing is left, and is asked by SIGTERM to end all. */
  #reap(reaper: Process): void {
    const here = world();
    this.agent.atEnd.add(() => here.deliver(reaper, "nothing is left", () => here.end(reaper)));
    reaper.signalled = (signal) => {
      if (signal === "SIGTERM") here.deliver(reaper, "ends all of it", () => here.end(this.agent));
    };
  }

  /** Behind its gate it exits; once it runs, if it is polite. */
  stdinEnds(): void {
    const here = world();
    if (!this.agent.runs) here.end(this.agent);
    else if (!here.manners.stubborn) {
      here.deliver(this.agent, "exits at the end of its input", () => here.end(this.agent));
    }
  }

  asStarted(): Awaited<ReturnType<StartAgentOf>>["agent"] {
    const recorded = (process: Process, as: "reaper" | "agent"): PodProcess[] => {
      const identity = identityOf(process.pid);
      return identity ? [{ ...identity, as }] : [];
    };
    const stdin = new Writable({
      final: (done) => {
        this.stdinEnds();
        done();
      },
    });
    return {
      stdin,
      stdout: new PassThrough(),
      open: () => undefined,
      exited: this.exited,
      gone: this.gone,
      stderrTail: () => [],
      proof: this.reaper ? "kernel" : "scan",
      processes: [...(this.reaper ? recorded(this.reaper, "reaper") : []), ...recorded(this.agent, "agent")],
      isProvenGone: () => this.#isProvenGone,
      execFailure: () => undefined,
    };
  }
}

function driverOf(
  { agent, guardian, exited }: Processes,
  { record, restores }: Specification,
  { events, now }: Context,
): AgentDriver {
  const here = world();
  const { launchId } = record;
  let isClosed = false;
  let runs = false;
  const tell = (what: string, act: () => void) =>
    here.deliver(guardian, what, () => {
      if (!isClosed) act();
    });
  const end = (code: string) => {
    if (!runs) return;
    runs = false;
    events.ended({ kind: "failed", code, message: code, stderrTail: [] });
  };
  const endWell = () => {
    if (runs) events.ended({ kind: "done", stopReason: "end_turn" });
    runs = false;
  };
  void exited.then(() => end("agent_exited"));
  return {
    boot: async () => {
      agent.runs = agent.alive;
      await here.park("the agent boots");
      const id = restores?.sessionId ?? `session-of-${launchId}`;
      return { agent: { driver: "command", name: "simulated" }, session: { id, restorable: true } };
    },
    prompt: () => {
      here.facts.prompts.set(launchId, (here.facts.prompts.get(launchId) ?? 0) + 1);
      runs = true;
      if (here.manners.refuses) tell("the agent refuses", () => end("agent_refused"));
      else {
        const acceptance = { level: "progress", kind: "agent_message_chunk", at: now() } as const;
        tell("the agent begins", () => {
          if (!runs || !agent.alive) return;
          events.evidence(acceptance);
          if (here.manners.ends) tell("the agent's run ends", endWell);
        });
      }
    },
    cancel: () => undefined,
    answerPermission: () => undefined,
    farewell: async () => undefined,
    close: () => {
      isClosed = true;
    },
  };
}
