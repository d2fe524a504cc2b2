import type { Acceptance, AgentInfo, SessionInfo, Trouble, WhenDone } from "./launch.types.js";

/** What a Pod's agent is, once it can take a run. */
export interface PodReady {
  readonly agent: AgentInfo;
  readonly session?: SessionInfo;
}

/** A run that was sent to the Pod. */
export interface PodRun {
  readonly runId: string;
  readonly text: string;
}

/** How a run ended. */
export type RunEnding =
  | { readonly kind: "done"; readonly stopReason: string }
  | { readonly kind: "failed"; readonly code: string; readonly message: string };

export interface PodInput {
  readonly whenDone: WhenDone;
  /** 0: never. */
  readonly idleStopMs: number;
  /** True if the agent's session was loaded again for a claim that stands: no first run is awaited. Default false. */
  readonly restored?: boolean;
}

/** Why a Pod is ending. */
export type DrainCause =
  "notReady" | "launcherGone" | "stopped" | "idle" | "whenDone" | "agentGone" | "defect";

export interface PodContext extends PodInput {
  /** False once the end of the control channel was seen. */
  readonly launcherPresent: boolean;
  /** True once the agent's own process has ended. */
  readonly agentGone: boolean;
  /** True once a first run's receipt was durable; of a restored Pod once the claim was seen to be its own. */
  readonly accepted: boolean;
  readonly run?: PodRun;
  readonly acceptance?: Acceptance | undefined;
  /** How the run that is under way has ended, while its receipt is still being written. */
  readonly ending?: RunEnding | undefined;
  readonly lastEnding?: RunEnding;
  readonly cause?: DrainCause;
  readonly trouble?: Pick<Trouble, "code" | "message"> | undefined;
}

export type PodMachineEvent =
  | { readonly type: "RUN"; readonly run: PodRun }
  /** The agent has begun the run: what counts was judged by its driver. */
  | { readonly type: "EVIDENCE"; readonly acceptance: Acceptance }
  | { readonly type: "ENDED"; readonly end: RunEnding }
  | { readonly type: "LAUNCHER_GONE" }
  | { readonly type: "AGENT_GONE" }
  | { readonly type: "STOP" };

/** What the guardian tells its clients, in this order, as the machine enters it. */
export type PodTold =
  | {
      readonly type: "runAccepted";
      readonly runId: string;
      readonly acceptance: Acceptance;
      readonly first: boolean;
    }
  | { readonly type: "runRejected"; readonly runId: string; readonly code: string; readonly message: string }
  | { readonly type: "runEnded"; readonly runId: string; readonly ending: RunEnding };

export interface ReceiptInput {
  readonly run: PodRun;
  readonly acceptance: Acceptance;
  /** Only the first run's acceptance is a receipt that adoption relies on. */
  readonly first: boolean;
}

/** Whether the claim on disk carries the launch id of this Pod. */
export interface ConfirmResult {
  readonly kind: "ours" | "notOurs";
}

export interface SettleInput {
  readonly release: boolean;
  readonly ending: RunEnding | undefined;
}

export interface EndAgentInput {
  readonly accepted: boolean;
  readonly cause: DrainCause;
}

/** `left`: processes that could not be ended. */
export type EndAgentResult =
  { readonly kind: "gone" } | { readonly kind: "left"; readonly pids: readonly number[] };
