import type { ClientConnection } from "@agentclientprotocol/sdk";
import type { AcpEvidence } from "../../../machines/launch.types.js";
import { messageOf } from "../../errors.js";
import { legible } from "../../text.js";
import { AcpStream } from "./acp-stream.js";
import { lossBy, refusalOf, shown, type Loss, type Trouble } from "./acp-words.js";
import { agentErrorOf } from "./agent-error.js";
import { DepartureWatch } from "./departure.js";
import {
  NotReady,
  type AgentDriver,
  type DriverContext,
  type DriverReady,
  type PermissionOutcome,
} from "./driver.js";
import { RunEvidence } from "./evidence.js";
import { fieldOf, isRecord } from "./json.js";
import { Permissions, UNASKED, type PermissionAnswer } from "./permissions.js";
import { settleClock } from "./settle-clock.js";

const PROTOCOL_VERSION = 1;

/** It is stored in the claim and sent with every run. */
const LONGEST_SESSION_ID = 1_024;

/** A run that is under way, and the promise of its end. */
interface Run {
  readonly evidence: RunEvidence;
  readonly over: Promise<void>;
  readonly end: () => void;
}

/** How the agent offers to load a session again. `load` first: it is the older one, and what real agents were measured with. */
function waysToLoad(initialized: unknown): readonly ("session/load" | "session/resume")[] {
  const capabilities = fieldOf(initialized, "agentCapabilities");
  const resumes = isRecord(fieldOf(fieldOf(capabilities, "sessionCapabilities"), "resume"));
  return [
    ...(fieldOf(capabilities, "loadSession") === true ? (["session/load"] as const) : []),
    ...(resumes ? (["session/resume"] as const) : []),
  ];
}

export function createAcpDriver(context: DriverContext): AgentDriver {
  const { recipe } = context;
  if (recipe.driver !== "acp") throw new TypeError(`the recipe is for the driver ${recipe.driver}, not acp`);
  return new AcpDriver(context, recipe.evidence);
}

/** Speaks the Agent Client Protocol, version 1, to a process. It has no timeouts: those of a launch are the launcher's. */
class AcpDriver implements AgentDriver {
  readonly #context: DriverContext;
  readonly #rules: AcpEvidence;
  readonly #stream: AcpStream;
  readonly #departure: DepartureWatch;
  readonly #permissions: Permissions;
  #connection: ClientConnection | undefined;
  #sessionId: string | undefined;
  #canDelete = false;
  #run: Run | undefined;
  #promptId: unknown;
  #loss: Loss | undefined;
  #closed = false;
  #failBoot: (error: NotReady) => void = () => undefined;

  constructor(context: DriverContext, rules: AcpEvidence) {
    this.#context = context;
    this.#rules = rules;
    this.#permissions = new Permissions({
      permissionRequested: (request) => context.events.permissionRequested(request),
      permissionResolved: (requestId, outcome) => {
        if (!this.#closed) context.events.permissionResolved(requestId, outcome);
      },
    });
    this.#departure = new DepartureWatch(context.process, () => this.#run?.evidence.doubt());
    this.#stream = new AcpStream(
      context.process,
      {
        requestSent: (method, id) => this.#requestSent(method, id),
        response: (id, message) => this.#response(id, message),
        sessionUpdate: (params) => this.#sessionUpdate(params),
        permissionRequest: (params) => this.#run?.evidence.permission(params),
        log: (line) => context.events.log(line),
        broken: (error) =>
          this.#lose({
            code: "agent_line_too_long",
            message: () => `the agent's output is broken: ${error.message}`,
          }),
        outputEnded: () => this.#departure.outputEnded(),
        inputLost: () => this.#departure.inputLost(),
      },
      context.maxLineBytes,
    );
    void this.#departure.departed.then((departure) => this.#lose(lossBy(departure)));
  }

  boot(): Promise<DriverReady> {
    const lost = new Promise<never>((_resolve, reject) => {
      this.#failBoot = reject;
    });
    // The agent boots while the SDK is loaded: that takes 101 ms.
    this.#context.process.open();
    const booted = Promise.race([lost, this.#handshake()]);
    // Whoever has given up on it meanwhile must not be told by a crash.
    booted.catch(() => undefined);
    if (this.#loss)
      this.#failBoot(this.#notReady({ code: this.#loss.code, message: this.#loss.message("boot") }));
    return booted;
  }

  prompt(text: string): void {
    if (this.#closed) return;
    const { events, now } = this.#context;
    const sessionId = this.#sessionId;
    let end: () => void = () => undefined;
    const over = new Promise<void>((resolve) => (end = resolve));
    const evidence = new RunEvidence({
      rules: this.#rules,
      sessionId: sessionId ?? "",
      clock: settleClock,
      now,
      listener: {
        accepted: (acceptance) => events.evidence(acceptance),
        done: (stopReason) => {
          this.#endRun();
          events.ended({ kind: "done", stopReason });
        },
        failed: (code, message) => {
          this.#endRun();
          events.ended({ kind: "failed", code, message, stderrTail: this.#tail() });
        },
      },
    });
    this.#run = { evidence, over, end };
    if (this.#departure.hasBegun) evidence.doubt();
    const agent = this.#connection?.agent;
    if (this.#loss) {
      evidence.fail(this.#loss.code, this.#loss.message("run"));
    } else if (!agent || sessionId === undefined) {
      evidence.fail("agent_not_ready", "the agent was given a run before it was ready");
    } else {
      // Judged where it is read, in one order with the updates; what is rejected here was judged there, or is our own `close`.
      agent.request("session/prompt", { sessionId, prompt: [{ type: "text", text }] }).catch(() => undefined);
    }
  }

  cancel(): void {
    if (this.#run && this.#sessionId !== undefined) {
      this.#run.evidence.cancelling();
      this.#connection?.agent.notify("session/cancel", { sessionId: this.#sessionId }).catch(() => undefined);
      // The protocol wants it: nobody will choose any more.
      this.#permissions.cancelAll();
    }
  }

  answerPermission(requestId: string, outcome: PermissionOutcome): void {
    this.#permissions.answer(requestId, outcome);
  }

  async farewell({ accepted, signal }: { accepted: boolean; signal: AbortSignal }): Promise<void> {
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    const run = this.#run;
    this.cancel();
    if (run) await Promise.race([run.over, aborted]);
    const sessionId = this.#sessionId;
    const agent = this.#connection?.agent;
    if (accepted || !this.#canDelete || this.#loss || signal.aborted || !agent || sessionId === undefined)
      return;
    // What no run was accepted in would stay in the agent's own store for ever.
    const deleted = agent.request("session/delete", { sessionId }).catch((error: unknown) => {
      if (!this.#closed) this.#context.events.log(`session/delete failed: ${agentErrorOf(error).message}`);
    });
    await Promise.race([deleted, this.#departure.departed, aborted]);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#run?.evidence.close();
    this.#endRun();
    this.#departure.close();
    this.#stream.close();
    this.#connection?.close();
    this.#failBoot(new NotReady("driver_closed", "the driver was closed before the agent was ready"));
  }

  async #handshake(): Promise<DriverReady> {
    const { client } = await import("@agentclientprotocol/sdk").catch((error: unknown) => {
      throw this.#notReady({
        code: "driver_failed",
        message: `the ACP library cannot be loaded: ${messageOf(error)}`,
      });
    });
    if (this.#closed || this.#loss) return new Promise(() => undefined); // The race is lost already.
    this.#connection = client({ name: "launch-claim" })
      .onRequest(
        "session/request_permission",
        (params) => params,
        ({ params, signal }) => this.#ask(params, signal),
      )
      .connect(this.#stream.stream);
    const { agent } = this.#connection;

    const initialized: unknown = await agent
      .request("initialize", { protocolVersion: PROTOCOL_VERSION, clientCapabilities: {} })
      .catch((error: unknown) => {
        throw this.#notReady(refusalOf("initialize", error, undefined));
      });
    const version = fieldOf(initialized, "protocolVersion");
    if (version !== PROTOCOL_VERSION) {
      throw this.#notReady({
        code: "agent_protocol_mismatch",
        message: `the agent speaks ACP version ${shown(version)}, not ${PROTOCOL_VERSION}`,
      });
    }
    const { restores, cwd } = this.#context;
    if (restores) {
      await this.#load(agent, { initialized, sessionId: restores.sessionId });
      return this.#ready(initialized, restores.sessionId);
    }
    const created: unknown = await agent
      .request("session/new", { cwd, mcpServers: [] })
      .catch((error: unknown) => {
        throw this.#notReady(refusalOf("session/new", error, fieldOf(initialized, "authMethods")));
      });
    return this.#ready(initialized, fieldOf(created, "sessionId"));
  }

  /** What it replays meanwhile is told to nobody, and counts for nothing: the session is not ours yet. */
  async #load(
    agent: ClientConnection["agent"],
    { initialized, sessionId }: { readonly initialized: unknown; readonly sessionId: string },
  ): Promise<void> {
    const method = waysToLoad(initialized)[0];
    if (method === undefined) {
      throw this.#notReady({
        code: "session_not_loaded",
        message: "the agent does not offer to load a session again",
      });
    }
    const { cwd } = this.#context;
    await agent.request(method, { sessionId, cwd, mcpServers: [] }).catch((error: unknown) => {
      const { code, message } = refusalOf(method, error, fieldOf(initialized, "authMethods"));
      throw this.#notReady({ code: code === "agent_auth_required" ? code : "session_not_loaded", message });
    });
  }

  #ready(initialized: unknown, sessionId: unknown): DriverReady {
    if (typeof sessionId !== "string" || sessionId.trim() === "" || sessionId.length > LONGEST_SESSION_ID) {
      throw this.#notReady({
        code: "agent_session_empty",
        message: "the agent opened a session without a usable id",
      });
    }
    this.#sessionId = sessionId;
    const offers = fieldOf(fieldOf(initialized, "agentCapabilities"), "sessionCapabilities");
    // Never one that was there before: it holds what an earlier Pod has done.
    this.#canDelete = isRecord(fieldOf(offers, "delete")) && this.#context.restores === undefined;
    const offered = waysToLoad(initialized).length > 0;
    const { name, recipe, cwd } = this.#context;
    // Some offer it and fail: whoever relied on that would be told to keep a claim that nobody can restore.
    const restorable = offered && !(recipe.driver === "acp" && recipe.restorable === false);
    return {
      agent: { driver: "acp", name, command: recipe.command, cwd },
      session: { id: sessionId, restorable },
    };
  }

  #requestSent(method: string, id: unknown): void {
    if (method !== "session/prompt") return;
    this.#promptId = id;
    this.#run?.evidence.sent();
  }

  #response(id: unknown, message: Readonly<Record<string, unknown>>): void {
    if (id !== this.#promptId) return;
    this.#promptId = undefined;
    if ("error" in message) this.#run?.evidence.refused(agentErrorOf(message["error"]));
    else this.#run?.evidence.answered(message["result"]);
  }

  #sessionUpdate(params: unknown): void {
    if (this.#closed) return;
    // Told first: who hears that the run was accepted has seen by what.
    if (fieldOf(params, "sessionId") === this.#sessionId)
      this.#context.events.update(fieldOf(params, "update"));
    this.#run?.evidence.update(params);
  }

  #ask(params: unknown, signal: AbortSignal): Promise<PermissionAnswer> {
    const isOurs = this.#run !== undefined && fieldOf(params, "sessionId") === this.#sessionId;
    return isOurs ? this.#permissions.ask(params, signal) : Promise.resolve(UNASKED);
  }

  #endRun(): void {
    const run = this.#run;
    this.#run = undefined;
    this.#permissions.cancelAll();
    run?.end();
  }

  #lose(loss: Loss): void {
    if (this.#loss || this.#closed) return;
    this.#loss = loss;
    this.#run?.evidence.fail(loss.code, loss.message("run"));
    this.#failBoot(this.#notReady({ code: loss.code, message: loss.message("boot") }));
  }

  #notReady({ code, message }: Trouble): NotReady {
    return new NotReady(code, message, this.#tail());
  }

  #tail(): readonly string[] {
    return this.#context.process.stderrTail().map((line) => legible(line));
  }
}
