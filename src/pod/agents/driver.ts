import type { Readable, Writable } from "node:stream";
import type { Acceptance, AgentInfo, AgentRecipe, SessionInfo } from "../../../machines/launch.types.js";

/** How the agent's own process ended. Exactly one of the two is set. */
export interface AgentExit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** What a driver needs of the process that it drives. The process stands still until `open` lets it run. */
export interface DrivenProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Lets the program run: its pid is in the Pod record by now. Once; twice is harmless. */
  open(): void;
  /** Resolves when the agent's own process has ended (others of its group may live on). Never rejects. */
  readonly exited: Promise<AgentExit>;
  /** The last lines of its stderr so far, oldest first, bounded; as they came, not yet made legible. */
  stderrTail(): readonly string[];
}

/** What a driver is made with. */
export interface DriverContext {
  readonly recipe: AgentRecipe;
  /** The agent's name, for people. */
  readonly name: string;
  readonly process: DrivenProcess;
  /** Where the agent works, absolute. */
  readonly cwd: string;
  /** A session of the agent to be loaded again, instead of a new one. */
  readonly restores?: { readonly sessionId: string };
  /** A private file for the prompt, where the recipe asks for one. */
  readonly promptFile: string;
  /** A longer line from the agent ends the boot or the run. Default 16 MiB. */
  readonly maxLineBytes?: number;
  readonly events: DriverEvents;
  /** ISO 8601, UTC. */
  readonly now: () => string;
}

/** What a driver tells, in the order in which it happens. It never calls after `close`. */
export interface DriverEvents {
  /** The agent's own update, unaltered. */
  update(update: unknown): void;
  permissionRequested(request: PermissionRequest): void;
  /** Answered, or without an answer over: `cancelled`. Once for each request. */
  permissionResolved(requestId: string, outcome: PermissionOutcome): void;
  /** The run counts as taken, by the recipe's evidence. Once a run at most, and never after its `ended`. */
  evidence(acceptance: Acceptance): void;
  /** The run is over. Once for each run. Before any evidence: it was refused, or came to nothing. */
  ended(end: RunEnd): void;
  /** Something for the log: noise on stdout, an unknown message. Already bounded. */
  log(line: string): void;
}

export interface PermissionRequest {
  readonly requestId: string;
  /** The agent's own request, unaltered. */
  readonly request: unknown;
}

/** As ACP has it; `cancelled` if nobody chose. */
export type PermissionOutcome =
  { readonly outcome: "selected"; readonly optionId: string } | { readonly outcome: "cancelled" };

export type RunEnd =
  | { readonly kind: "done"; readonly stopReason: string }
  /** `stderrTail`: the agent's last words, where it died or they explain it. */
  | {
      readonly kind: "failed";
      readonly code: string;
      readonly message: string;
      readonly stderrTail: readonly string[];
    };

export interface DriverReady {
  readonly agent: AgentInfo;
  /** `restorable`: the agent says that it can load this session again. */
  readonly session?: SessionInfo;
}

/** The agent cannot take a run: it exited, refused, or speaks another protocol. */
export class NotReady extends Error {
  override readonly name = "NotReady";
  readonly code: string;
  readonly stderrTail: readonly string[];
  constructor(code: string, message: string, stderrTail: readonly string[] = []) {
    super(message);
    this.code = code;
    this.stderrTail = stderrTail;
  }
}

/** One agent, spoken to. The guardian owns the process; the driver only talks. No method rejects but `boot`, none throws. */
export interface AgentDriver {
  /**
   * Lets the process run and brings it to where it can take a run.
   *
   * @throws NotReady
   */
  boot(): Promise<DriverReady>;
  /** Sends a run. One at a time; the next only after `ended`. What becomes of it is told by events. */
  prompt(text: string): void;
  /** Asks the agent to end the run that is under way. */
  cancel(): void;
  /** The first answer counts; what was resolved already is left as it is. */
  answerPermission(requestId: string, outcome: PermissionOutcome): void;
  /**
   * Hands a peer's name to an agent that is a Pod itself, and so can tell its peers more than we can. Absent where the agent is none.
   * Rejects with the reason if it was not told; the signal bounds it.
   */
  registerPeer?(name: string, signal: AbortSignal): Promise<void>;
  /**
   * The polite part of an end: cancels what is under way, and where nothing was accepted deletes the session if the agent offers
   * that. Resolves when the agent has answered or the signal aborts; never rejects.
   */
  farewell(options: { readonly accepted: boolean; readonly signal: AbortSignal }): Promise<void>;
  /** Nothing is told any more, and every pending request is let go. */
  close(): void;
}
