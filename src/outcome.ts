import type { SnapshotFrom } from "xstate";
import type { LaunchMachine } from "../machines/launch.machine.js";
import type {
  Block,
  Claim,
  LaunchContext,
  LaunchPhase,
  LaunchWarning,
  Proof,
  TicketRef,
  Trouble,
} from "../machines/launch.types.js";
import type { RestoreMachine } from "../machines/restore.machine.js";
import type { RestorePhase } from "../machines/restore.types.js";

/** How a launch ended: the answer to "is this ticket taken or not?" */
export type Outcome =
  | {
      readonly status: "claimed";
      readonly claim: Claim;
      /** True if the Pod was started by an earlier launch: this call's prompt was not sent. */
      readonly adopted: boolean;
      readonly warnings: readonly LaunchWarning[];
    }
  | Unclaimed<LaunchPhase>;

/** How a restore ended. In every case but `restored`, and but for what `unresolved` leaves open, the claim is as it was. */
export type RestoreOutcome =
  | {
      readonly status: "restored";
      /** The claim that replaced the one that stood: `restoredFrom` names those that it continues. */
      readonly claim: Claim;
    }
  | Unclaimed<RestorePhase>;

/** The ends that a launch and a restore share. */
export type Unclaimed<Phase> =
  /** Something stands in the way. Nothing of this launch runs. */
  | ({ readonly status: "blocked"; readonly advice: string } & Block)
  /** Nothing of this launch runs, which was proven; there is no claim. */
  | {
      readonly status: "failed";
      readonly phase: Phase;
      readonly code: string;
      readonly message: string;
      readonly cause: unknown;
      readonly hint: string | undefined;
      readonly proof: Proof;
    }
  | {
      readonly status: "timedOut";
      readonly phase: Phase;
      readonly afterMs: number;
      readonly message: string;
      readonly proof: Proof;
    }
  | {
      readonly status: "cancelled";
      readonly phase: Phase;
      readonly message: string;
      readonly proof: Proof;
    }
  /** It could not be proven how the launch ended, or that nothing of it runs: the ticket stays blocked until it is. */
  | {
      readonly status: "unresolved";
      readonly phase: Phase;
      /** The processes that may still run, as far as they are known. */
      readonly pids: readonly number[];
      readonly message: string;
      readonly advice: string;
      /** Why the launch left its course before. */
      readonly because: EndingIn<Phase> | undefined;
    };

/** Why a launch or a restore left its course: the machines keep it alike. */
export interface EndingIn<Phase> extends Trouble<Phase> {
  readonly kind: "failed" | "timedOut" | "cancelled" | "lost";
  readonly afterMs?: number;
}

/** @param ofLaunch the processes that the launch knows of, should the machine's end name none */
export function outcomeOf(
  { value, context }: SnapshotFrom<LaunchMachine>,
  ofLaunch: readonly number[],
): Outcome {
  switch (value) {
    case "claimed":
      return claimed(context);
    case "blocked":
      return blocked(required(context.block));
    case "failed":
    case "timedOut":
    case "cancelled":
      return ended(required(context.ending), required(context.proof));
    case "unresolved":
      return unresolved(context, ofLaunch);
    default:
      throw new Error(`the launch has not ended: it is in ${JSON.stringify(value)}`);
  }
}

export function restoreOutcomeOf(
  { value, context }: SnapshotFrom<RestoreMachine>,
  ofRestore: readonly number[],
): RestoreOutcome {
  switch (value) {
    case "restored":
      return { status: "restored", claim: required(context.claim) };
    case "blocked":
      return blocked(required(context.block));
    case "failed":
    case "timedOut":
    case "cancelled":
      return ended(required(context.ending), required(context.proof));
    case "unresolved":
      return unresolved(context, ofRestore);
    default:
      throw new Error(`the restore has not ended: it is in ${JSON.stringify(value)}`);
  }
}

function claimed({ claim, adopted, warnings }: LaunchContext): Outcome {
  return { status: "claimed", claim: required(claim), adopted, warnings };
}

function blocked(block: Block): Unclaimed<never> {
  return { status: "blocked", ...block, advice: adviceFor(block) };
}

export function ended<Phase>(ending: EndingIn<Phase>, proof: Proof): Unclaimed<Phase> {
  const { kind, phase, code, message, cause, hint, afterMs } = ending;
  switch (kind) {
    case "timedOut":
      return { status: "timedOut", phase, afterMs: afterMs ?? 0, message, proof };
    case "cancelled":
      return { status: "cancelled", phase, message, proof };
    case "failed":
    case "lost":
      return { status: "failed", phase, code, message, cause, hint, proof };
  }
}

function unresolved<Phase>(
  { doubt, ending, ticket }: Doubted<Phase>,
  ofLaunch: readonly number[],
): Unclaimed<Phase> {
  const { phase, message, pids: named } = required(doubt);
  // A start that never settled told the machine of no Pod, but may have published one.
  const pids = named.length > 0 ? named : ofLaunch;
  return {
    status: "unresolved",
    phase,
    pids,
    message,
    advice:
      pids.length > 0
        ? `The ticket stays blocked until the processes ${pids.join(", ")} are gone. Use "stop" on ${ticket.id}, or end them by hand.`
        : `The ticket stays blocked. Use "stop" on ${ticket.id}; if you know that its Pod is gone, "reclaim" it.`,
    because: ending,
  };
}

interface Doubted<Phase> {
  readonly ticket: TicketRef;
  readonly doubt?: Trouble<Phase> & { readonly pids: readonly number[] };
  readonly ending?: EndingIn<Phase>;
}

/** What to do about what stands, in the verbs that a launcher has. */
function adviceFor({ by, claim, pod, pids, file, expect }: Block): string {
  const launchId = claim?.launchId ?? pod?.launchId ?? "its launch id";
  const name = claim?.pod ?? pod?.name;
  switch (by) {
    case "live":
      return claim
        ? `Pod ${claim.pod} works on it: talk to that Pod, or "stop" it and "release" the claim.`
        : `Pod ${name ?? "of this ticket"} lives without a claim: "adopt" it if it has accepted a run, or "stop" it.`;
    case "restorable":
      return `Its agent's session can be loaded again: "restore" it. To give it up instead: "reclaim", expecting ${launchId}.`;
    case "stale":
      return `Nothing of it runs. To free the ticket: "reclaim", expecting ${launchId}.`;
    case "lingering":
      return `End the processes ${pids?.join(", ") ?? ""}: "stop" does it, and proves them gone.`;
    case "unknown":
      return claim
        ? `It blocks like a living one: only the host that started ${claim.pod} can tell, and end it.`
        : `It blocks like a living one. Ask the host that started ${name ?? "it"}; if you know that it is gone: "reclaim", expecting ${launchId}.`;
    case "unreadable":
      return `Repair ${file ?? "the file"}${expect === undefined ? " or remove it once nothing of its Pod runs" : `, or "reclaim" it, expecting ${expect}`}. Nothing is lost by it.`;
    case "inFlight":
      return "Wait for that launch to end; it gives the ticket up by itself, even if its process dies.";
  }
}

function required<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error("the launch machine ended without saying how");
  return value;
}
