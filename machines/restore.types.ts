import type {
  Block,
  Claim,
  LaunchEvent,
  LaunchInput,
  LaunchPlan,
  LaunchTimeouts,
  PodHandle,
  PodSnapshot,
  Proof,
  TicketRef,
  Trouble,
} from "./launch.types.js";

/** The phase in which a restore ended: a top-level state of the machine that was in flight. */
export type RestorePhase =
  "idle" | "judging" | "endingSurvivors" | "starting" | "connecting" | "replacingClaim" | "stopping";

export type RestoreEvent = Exclude<LaunchEvent, { type: "LAUNCH" }> | { readonly type: "RESTORE" };

export type JudgeClaimResult =
  /** The session can be loaded again; `claim` is the one that stands, and will be replaced. */
  | { readonly kind: "restorable"; readonly plan: LaunchPlan; readonly claim: Claim }
  | { readonly kind: "blocked"; readonly block: Block };

export type ReplaceClaimResult =
  | { readonly kind: "replaced"; readonly claim: Claim }
  /** The claim is not the one any more that was to be restored. */
  | { readonly kind: "taken"; readonly block: Block };

/** Why a restore ends without a Pod; the claim is as it was. Kept while the Pod is being stopped. */
export interface RestoreEnding extends Trouble<RestorePhase> {
  readonly kind: "failed" | "timedOut" | "cancelled" | "lost";
  /** `timedOut`: the delay that ran out, in milliseconds. */
  readonly afterMs?: number;
}

export interface RestoreContext extends LaunchInput {
  readonly plan?: LaunchPlan;
  /** The claim that stood when the restore was admitted. */
  readonly restores?: Claim;
  readonly pod?: PodHandle;
  readonly snapshot?: PodSnapshot;
  readonly claim?: Claim;
  readonly block?: Block;
  readonly ending?: RestoreEnding;
  readonly proof?: Proof;
  /** Why it could not be proven how the restore ended. */
  readonly doubt?: Trouble<RestorePhase> & { readonly pids: readonly number[] };
}

export type RestoreInput = LaunchInput;
export type RestoreDelay = Exclude<keyof LaunchTimeouts, "peerMs" | "runAckMs">;

export interface JudgeClaimInput {
  readonly ticket: TicketRef;
}
export interface EndSurvivorsInput {
  readonly restores: Claim;
}
export interface RestorePodInput {
  readonly plan: LaunchPlan;
  readonly restores: Claim;
}
export interface ConnectRestoredInput {
  readonly pod: PodHandle;
  readonly restores: Claim;
}
export interface ReplaceClaimInput {
  readonly restores: Claim;
  readonly pod: PodHandle;
  readonly snapshot: PodSnapshot;
}
