/**
 * The vocabulary of a launch. Declared at the bottom layer, because the machine speaks it, the registry stores it and
 * every runtime answers in it; the words are those of the README's table.
 */

/** Plain JSON, as it is stored. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined;
}

/** The unit of work. launch-claim names it and never writes it. */
export interface TicketRef {
  /** Printable text, 1 to 1,024 bytes of UTF-8. Ids that differ in case are two tickets. */
  readonly id: string;
  /** A short readable name; used in the Pod's name and shown to people. */
  readonly slug?: string;
}

/** A Pod as its runtime knows it: enough to find it again from another process, and nothing that only lives in memory. */
export interface PodHandle {
  /** Unique for each launch, so that a failed launch never poisons a name for its retry. */
  readonly name: string;
  /** The launch that started this Pod: the fence that every record carries and every removal compares. */
  readonly launchId: string;
  /** Stored in the Pod record and the claim; given back to the runtime's `podAt`. No secrets. */
  readonly locator: JsonObject;
  /** Process ids, for people and for the proof that nothing survives; empty or absent for a Pod without a process here. */
  readonly pids?: readonly number[];
}

/** The evidence that the first run was taken, and how strong it is. */
export interface Acceptance {
  /** `progress`: the agent began this run. `ack`: its transport confirmed it. The rest belong to plain commands. */
  readonly level: "progress" | "ack" | "exit" | "output" | "alive";
  /** What was seen, in the words of the Pod's protocol, for example `agent_message_chunk`. */
  readonly kind: string;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** The program that does the work, as the Pod reported it. */
export interface AgentInfo {
  readonly driver: string;
  readonly name: string;
  readonly command?: readonly string[];
  /** Where it works, absolute: its session is loaded again there. */
  readonly cwd?: string;
}

/** The agent's own session, and whether it was proven that it can be loaded again. */
export interface SessionInfo {
  readonly id: string;
  readonly restorable: boolean;
}

/** What a Pod says of itself on connect. */
export interface PodSnapshot {
  /** The version of the Pod protocol; anything but 1 is refused. */
  readonly protocol: number;
  readonly pod: string;
  readonly launchId: string;
  readonly status: string;
  /** The run that was accepted, if one was. */
  readonly run?: { readonly runId: string; readonly acceptance: Acceptance };
  readonly session?: SessionInfo;
  readonly agent?: AgentInfo;
}

/** The durable record "ticket T is worked on by Pod P, launch L". At most one a ticket. */
export interface Claim {
  readonly ticket: TicketRef;
  readonly role: string;
  readonly pod: string;
  readonly launchId: string;
  /** ISO 8601, UTC. */
  readonly claimedAt: string;
  /** True if the launch that accepted the run was not the one that committed the claim. */
  readonly adopted: boolean;
  readonly acceptance: Acceptance;
  readonly agent?: AgentInfo;
  readonly session?: SessionInfo;
  readonly runtime: { readonly kind: string; readonly locator: JsonObject };
  /** The launch ids that this claim continues, the oldest first: each restore gives a claim a new one. */
  readonly restoredFrom?: readonly string[];
  /** When it was restored last. ISO 8601, UTC. */
  readonly restoredAt?: string;
}

/** Who a process is. A pid alone is reused; a pid with start time, boot and namespace is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; equal for the same process only. */
  readonly startTime: string;
  readonly bootId: string;
  readonly pidNamespace: string;
}

/** What stands in the way of a launch. */
export type BlockedBy = "live" | "lingering" | "restorable" | "stale" | "unknown" | "unreadable" | "inFlight";

/** Why a launch was not admitted, with the evidence a person needs to judge it. */
export interface Block {
  readonly by: BlockedBy;
  /** One sentence: what stands, and how that is known. */
  readonly reason: string;
  /** The claim that stands; absent for an unclaimed Pod, a launch in flight, and a record that cannot be read. */
  readonly claim?: Claim;
  /** The Pod that stands without a claim. */
  readonly pod?: { readonly name: string; readonly launchId: string };
  /** The processes that stand, where they are known. */
  readonly pids?: readonly number[];
  /** `inFlight`: who holds the launch lock, where a record tells. Evidence for people, never the test itself. */
  readonly holder?: ProcessIdentity & { readonly since: string };
  /** `unreadable`: the damaged file, and what `reclaim` must be told to expect. */
  readonly file?: string;
  readonly expect?: string;
}

/** When an ACP agent's run counts as accepted. The traps that these rules are for were measured on real agents. */
export interface AcpEvidence {
  /** `progress`: the agent has begun this run. `ack`: it has echoed the prompt, which is enough. */
  readonly level: "progress" | "ack";
  /** How long a sign of progress must stand without an error following, in milliseconds. 0: it counts at once. Default 400. */
  readonly settleMs: number;
  /** Only chunks with a `messageId` count: for agents whose adapters send notices as chunks without one. Default false. */
  readonly requireMessageId: boolean;
  /** An `end_turn` without any sign of progress is a rejection: for agents that end failed turns so. Default false. */
  readonly endTurnNeedsProgress: boolean;
}

/** When the run of a plain command counts as accepted. There is no default. */
export type CommandEvidence =
  /** It ran, and exited with 0. */
  | { readonly kind: "exit" }
  /** It printed a line that matches this regular expression. */
  | { readonly kind: "output"; readonly pattern: string }
  /** It was still alive after this time, in milliseconds. */
  | { readonly kind: "alive"; readonly afterMs: number };

/** How an agent is run, as the request or the configuration says. Only the built-in runtime reads it. */
export type AgentRecipe = {
  /**
   * Program and arguments; never parsed by a shell. `{promptFile}` stands for a file with the prompt (driver `command`). To the
   * upstream Pod's program (driver `yoi`) its own arguments are added.
   */
  readonly command: readonly string[];
  /** Added to the host's environment. Stored nowhere. */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * How long it needs to end by itself after the end of its stdin, in milliseconds: no signal before that, as far as `stopMs` allows.
   * Default: what every agent is given, a quarter of `stopMs`.
   */
  readonly stdinEndMs?: number;
} & (
  | {
      readonly driver: "acp";
      readonly evidence: AcpEvidence;
      /** False: its sessions cannot be loaded again, whatever it offers. Default: what it offers. */
      readonly restorable?: boolean;
    }
  | { readonly driver: "command"; readonly accept: CommandEvidence }
  /** A Pod that speaks the upstream Pod protocol. It confirms what it has taken, so that there is nothing to choose. */
  | {
      readonly driver: "yoi";
      /** The upstream profile, such as `project:intake`. Default: upstream's own. */
      readonly profile?: string;
    }
);

/** What a Pod does when its run has ended: stay for the next message, stop, or end the claim and then stop. */
export type WhenDone = "keep" | "stop" | "release";

/**
 * What becomes of an agent's permission requests: they wait for a client that answers, are granted once each, or are refused.
 */
export type PermissionPolicy = "ask" | "allow" | "deny";

/** What a launch will do, settled at admission, before anything is started. */
export interface LaunchPlan {
  readonly role: string;
  /** The agent's name in the configuration, or one that only the runtime knows. */
  readonly agent?: string;
  /** The ticket's title, where the workspace's tickets have it: nobody who meets the Pod need look it up. */
  readonly title?: string;
  /** The first run's text. Never stored in a record. */
  readonly prompt: string;
  /** Pods that are told of this one before its first run. */
  readonly peers: readonly string[];
  /** The directory the agent works in, absolute. */
  readonly cwd: string;
  /** How the agent is run; absent where only the host's own runtime knows. */
  readonly recipe?: AgentRecipe;
  /** Read by the built-in runtime. Default `keep`. */
  readonly whenDone?: WhenDone;
  /** How long a Pod without a run stays before it stops by itself, in milliseconds. Default 30 minutes. */
  readonly idleStopMs?: number;
  /** Read by the built-in runtime. Default `ask`. */
  readonly permissions?: PermissionPolicy;
}

export type AdmitResult =
  | { readonly kind: "admitted"; readonly plan: LaunchPlan }
  | { readonly kind: "adoptable"; readonly plan: LaunchPlan; readonly pod: PodHandle }
  | { readonly kind: "blocked"; readonly block: Block };

export type RunResult =
  | { readonly kind: "accepted"; readonly acceptance: Acceptance; readonly session?: SessionInfo }
  | { readonly kind: "rejected"; readonly code: string; readonly message: string; readonly hint?: string };

export type CommitResult =
  { readonly kind: "committed"; readonly claim: Claim } | { readonly kind: "taken"; readonly block: Block };

export type ReadBackResult =
  | { readonly kind: "ours"; readonly claim: Claim }
  | { readonly kind: "absent" }
  | { readonly kind: "taken"; readonly block: Block };

/**
 * How it was proven that nothing of a launch runs any more. `kernel`: a child subreaper saw no descendant left. `scan`: the
 * process table was searched. `host`: the host's own runtime says so. `nothingStarted`: no Pod was ever started.
 */
export type Proof = "kernel" | "scan" | "host" | "nothingStarted";

export type StopResult =
  | { readonly kind: "stopped"; readonly proof: Proof }
  | { readonly kind: "unproven"; readonly pids: readonly number[]; readonly reason: string };

/** The phase in which a launch ended: a top-level state of the machine that was in flight. */
export type LaunchPhase =
  "idle" | "spawning" | "connecting" | "awaitingRunAck" | "committingClaim" | "stopping";

/** Something that went wrong, told with a stable code. */
export interface Trouble<Phase = LaunchPhase> {
  readonly phase: Phase;
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  /** What was thrown, unaltered. */
  readonly cause?: unknown;
}

/** Why a launch ends without a claim; decided when it leaves its course, kept while its Pod is being stopped. */
export interface Ending extends Trouble {
  readonly kind: "failed" | "timedOut" | "cancelled" | "lost";
  /** `timedOut`: the delay that ran out, in milliseconds. */
  readonly afterMs?: number;
}

/** A failure that did not end the launch. */
export interface LaunchWarning {
  readonly code: string;
  readonly message: string;
}

/** The only timeouts of a launch, in milliseconds, one for each invoked actor. */
export interface LaunchTimeouts {
  /** Lock, judgement and plan. */
  readonly admitMs: number;
  /** From starting the Pod to its ready line. */
  readonly readyMs: number;
  /** From dialing to the snapshot. */
  readonly connectMs: number;
  /** All peers together; running out is a warning. */
  readonly peerMs: number;
  /** From sending the run to its acceptance. */
  readonly runAckMs: number;
  readonly commitMs: number;
  readonly verifyMs: number;
  /** From the first signal to the proof that nothing is left. */
  readonly stopMs: number;
}

export interface LaunchInput {
  readonly ticket: TicketRef;
  readonly launchId: string;
  readonly timeouts: LaunchTimeouts;
}

export interface LaunchContext extends LaunchInput {
  /** True once admission found an accepted, unclaimed, living Pod of this ticket. */
  readonly adopted: boolean;
  readonly plan?: LaunchPlan;
  readonly pod?: PodHandle;
  readonly snapshot?: PodSnapshot;
  readonly acceptance?: Acceptance;
  readonly session?: SessionInfo;
  readonly claim?: Claim;
  readonly block?: Block;
  readonly ending?: Ending;
  readonly proof?: Proof;
  /** Why it could not be proven how the launch ended. */
  readonly doubt?: Trouble & { readonly pids: readonly number[] };
  readonly warnings: readonly LaunchWarning[];
}

export type LaunchEvent = { readonly type: "LAUNCH" } | { readonly type: "CANCEL"; readonly reason?: string };

/** What each invoked actor is given: what the machine knows at that point, and nothing else. */
export interface AdmitInput {
  readonly ticket: TicketRef;
}
export interface StartPodInput {
  readonly plan: LaunchPlan;
}
export interface ConnectInput {
  readonly pod: PodHandle;
}
export interface RegisterPeersInput {
  readonly pod: PodHandle;
  readonly peers: readonly string[];
}
export interface RequestRunInput {
  readonly pod: PodHandle;
  readonly plan: LaunchPlan;
  readonly snapshot: PodSnapshot;
  readonly adopted: boolean;
}
export interface CommitClaimInput {
  readonly ticket: TicketRef;
  readonly plan: LaunchPlan;
  readonly pod: PodHandle;
  readonly snapshot: PodSnapshot;
  readonly acceptance: Acceptance;
  readonly session: SessionInfo | undefined;
  readonly adopted: boolean;
}
export interface ReadBackClaimInput {
  readonly ticket: TicketRef;
  readonly pod: PodHandle;
}
export interface StopPodInput {
  readonly adopted: boolean;
}
