import type { LaunchClaimCode } from "../errors.js";
import type { Outcome, RestoreOutcome } from "../outcome.js";
import type { UnticketedOutcome } from "../unticketed-launch.js";
import { Interrupt } from "./io.js";

/** A contract: scripts decide by these. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  blocked: 3,
  timedOut: 4,
  unresolved: 5,
  interrupted: 130,
  terminated: 143,
} as const;

/** What the caller can put right without looking at any Pod. */
const USAGE_CODES: ReadonlySet<string> = new Set<LaunchClaimCode>([
  "agent_missing",
  "agent_unknown",
  "config_invalid",
  "config_untrusted",
  "prompt_file_invalid",
  "request_invalid",
  "role_unknown",
  "ticket_id_invalid",
  "tickets_unreadable",
  "workspace_missing",
]);

/** Understood, and not done because of how the ticket stands. */
const REFUSAL_CODES: ReadonlySet<string> = new Set<LaunchClaimCode>(["ticket_not_in_intake"]);

export function exitCodeOfError(code: string): number {
  if (REFUSAL_CODES.has(code)) return EXIT.blocked;
  return USAGE_CODES.has(code) ? EXIT.usage : EXIT.failed;
}

/** @param interrupts what may have cancelled it */
export function exitCodeOfOutcome(
  outcome: Outcome | RestoreOutcome | UnticketedOutcome,
  interrupts: AbortSignal,
): number {
  switch (outcome.status) {
    case "claimed":
    case "recorded":
    case "restored":
      return EXIT.done;
    case "blocked":
      return EXIT.blocked;
    case "failed":
      return exitCodeOfError(outcome.code);
    case "timedOut":
      return EXIT.timedOut;
    case "unresolved":
      return EXIT.unresolved;
    case "cancelled":
      return exitCodeOfInterrupt(interrupts);
  }
}

export function exitCodeOfInterrupt({ reason }: AbortSignal): number {
  return reason instanceof Interrupt && reason.signal !== "SIGINT" ? EXIT.terminated : EXIT.interrupted;
}

type VerbStatus = "stopped" | "ended" | "linked" | "wouldEnd" | "absent" | "refused" | "unresolved";

/** @param absent what it means that there is nothing to do it to */
export function exitCodeOfVerb(status: VerbStatus, absent: number): number {
  switch (status) {
    case "stopped":
    case "ended":
    case "linked":
    case "wouldEnd":
      return EXIT.done;
    case "absent":
      return absent;
    case "refused":
      return EXIT.blocked;
    case "unresolved":
      return EXIT.unresolved;
  }
}
