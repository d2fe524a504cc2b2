export { createLauncher } from "./launcher.js";
export type { InFlight, Launcher } from "./launcher.js";
export type { LauncherOptions, LaunchRequest } from "./requests.js";
export type { RestoreRequest, SessionEntry, UnticketedRequest } from "./requests.js";
export type { UnticketedOutcome } from "./unticketed-launch.js";
export type { Launch } from "./launch/launch.js";
export type { Inspector, LaunchClock } from "./launch/follow.js";
export type { Restore } from "./restore/restore.js";
export type { LaunchStep } from "./launch/steps.js";
export type { Outcome, RestoreOutcome } from "./outcome.js";
export { LaunchClaimError, type LaunchClaimCode } from "./errors.js";

// The words that everything else is said in.
export type { Acceptance, AgentInfo, Block, Claim, JsonObject } from "../machines/launch.types.js";
export type { LaunchPlan, LaunchTimeouts, LaunchWarning, PodHandle } from "../machines/launch.types.js";
export type { PodSnapshot, RunResult, SessionInfo, TicketRef } from "../machines/launch.types.js";

// For a host that brings its own Pods.
export type { CallContext, LaunchInfo, PodReference, PodRuntime, Probe, ProbeContext } from "./ports.js";
export type { RestoreInfo, Run, Segment, StartContext, StopAnswer } from "./ports.js";

// For a host that brings its own registry, or opens ours.
export type { ClaimEnding, ClaimRegistry, CommitAnswer, EndResult, Finding, HistoryEntry } from "./ports.js";
export type { LaunchLock, LockContext, LockState, PodLock, PodRecord, ReadBackAnswer } from "./ports.js";
export type { ReplaceAnswer, RoleSession, StoredClaim, StoredPod } from "./ports.js";
export { FileRegistry, type FileRegistryOptions } from "./registry/file-registry.js";
export { findWorkspace, type Workspace } from "./registry/workspace.js";

// What the launcher's verbs answer.
export type { ClaimState, Evidence, Judgement } from "./registry/judge.js";
export type { Diagnosis } from "./verbs/doctor.js";
export type { EndOutcome, ReclaimOptions, ReleaseOptions } from "./verbs/end-claim.js";
export type { ClaimStatus } from "./verbs/status.js";
export type { LinkOutcome } from "./verbs/link-session.js";
export type { SessionStatus } from "./verbs/sessions.js";
export type { TicketAction, TicketBoard, TicketStatus } from "./verbs/tickets.js";
export type { StopOutcome } from "./verbs/stop.js";
export type { Refused } from "./verbs/verb-tools.js";
