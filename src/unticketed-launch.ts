import type { LaunchWarning } from "../machines/launch.types.js";
import type { Launch } from "./launch/launch.js";
import type { Outcome } from "./outcome.js";
import type { RoleSession } from "./ports.js";

/** How a launch without a ticket ended: as any other, but that a role session stands where a claim would. */
export type UnticketedOutcome =
  | Exclude<Outcome, { status: "claimed" }>
  /** The Pod has accepted its first run, and its role session is durable. There is no claim. */
  | {
      readonly status: "recorded";
      readonly session: RoleSession;
      /** True if the Pod was started by an earlier launch. */
      readonly adopted: boolean;
      readonly warnings: readonly LaunchWarning[];
    };

/** @param recorded the role session that the launch has made durable */
export function withoutTicket(
  launch: Launch,
  recorded: () => RoleSession | undefined,
): Launch<UnticketedOutcome> {
  return { ...launch, outcome: launch.outcome.then((outcome) => recordedOutcome(outcome, recorded())) };
}

function recordedOutcome(outcome: Outcome, session: RoleSession | undefined): UnticketedOutcome {
  if (outcome.status !== "claimed") return outcome;
  const { adopted, warnings } = outcome;
  if (session === undefined) throw new Error("the launch ended well without a role session");
  return { status: "recorded", session, adopted, warnings };
}
