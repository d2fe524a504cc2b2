import type { Launch, Launcher, Outcome } from "launch-claim";
import { clarifyPrompt } from "./prompt.js";
import type { Ticket } from "./tickets.js";

export interface ClarifyOptions {
  readonly workspace: string;
  /** What the Pod runs as. Default: the runtime's. */
  readonly profile?: string;
  /** The Orchestrator's Pod, which is told of the new one before its first run. */
  readonly orchestrator?: string;
  /** Aborting it cancels the launch. */
  readonly signal: AbortSignal;
}

/** The panel's action for a ticket in state intake: one launch. */
export function clarify(launcher: Launcher, ticket: Ticket, options: ClarifyOptions): Launch {
  const { workspace, profile, orchestrator, signal } = options;
  const handoff = orchestrator === undefined ? undefined : { workspace, orchestrator };
  return launcher.launch({
    ticket: { id: ticket.id, slug: ticket.slug },
    role: "intake",
    prompt: clarifyPrompt(ticket, handoff),
    signal,
    // The library hands the agent's name to the runtime as it is: here it selects the profile.
    ...(profile !== undefined && { agent: profile }),
    ...(orchestrator !== undefined && { peers: [orchestrator] }),
  });
}

/** What the panel tells its user: which Pod has the ticket, or why none was given it. */
export function noticeOf(outcome: Outcome): string {
  switch (outcome.status) {
    case "claimed": {
      const { claim, adopted, warnings } = outcome;
      const earlier = adopted ? ", which an earlier launch had started: this prompt was not sent" : "";
      const warned = warnings.map(({ message }) => `\nwarning: ${message}`).join("");
      return `taken by Pod ${claim.pod}${earlier}${warned}`;
    }
    case "blocked":
      return `${outcome.reason}.\n${outcome.advice}`;
    case "failed":
    case "timedOut":
    case "cancelled": {
      const hint = outcome.status === "failed" && outcome.hint !== undefined ? `\n${outcome.hint}` : "";
      return `${outcome.message}${hint}\nnothing of it runs any more (proof: ${outcome.proof})`;
    }
    case "unresolved":
      return `${outcome.message}\n${outcome.advice}`;
  }
}
