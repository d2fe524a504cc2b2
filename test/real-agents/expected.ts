/** What each cell must be: the one table that runs and recorded transcripts are held against. */
import type { AgentName } from "./agents.js";
import type { Mode } from "./modes.js";

/** How a launch may end that is not to be claimed. */
const UNCLAIMED = ["failed", "timedOut"] as const;

export interface Expected {
  readonly statuses: readonly string[];
  /** Of a claim: the level of its acceptance. */
  readonly level?: "progress";
  /** Of a failure, where the agent tells what is wrong. */
  readonly code?: string;
}

const claimed: Expected = { statuses: ["claimed"], level: "progress" };
const unclaimed: Expected = { statuses: UNCLAIMED };
/** It never gives up by itself, and nothing else tells. */
const silent: Expected = { statuses: ["timedOut"] };
const login: Expected = { statuses: ["failed"], code: "agent_auth_required" };
const told: Expected = { statuses: ["failed"], code: "agent_error" };

const usual = {
  ok: claimed,
  slow: claimed,
  hang: silent,
  "401": unclaimed,
  "500": unclaimed,
  drop: unclaimed,
};

export const EXPECTED: Readonly<Record<AgentName, Readonly<Record<Mode, Expected>>>> = {
  gemini: { ...usual, "401": told, none: login },
  qwen: { ...usual, "401": told, none: login },
  // It has models of its own that want no login; here they cannot be reached.
  opencode: { ...usual, "401": told, none: unclaimed },
  claude: { ...usual, none: login },
  codex: { ...usual, none: login },
};

/** What a cell was, as far as the table speaks of it. */
export interface Verdict {
  readonly status: string;
  readonly level?: string | undefined;
  readonly code?: string | undefined;
}

/** Undefined if it is as it must be. */
export function objectionTo(verdict: Verdict, { statuses, level, code }: Expected): string | undefined {
  if (!statuses.includes(verdict.status)) {
    return `it must be ${statuses.join(" or ")}, but it was ${verdict.status} (${verdict.code ?? "no code"})`;
  }
  if (level !== undefined && verdict.level !== level) {
    return `it must be accepted on ${level}, but it was on ${verdict.level ?? "nothing"}`;
  }
  if (code !== undefined && verdict.code !== code) {
    return `it must have failed with ${code}, but it was ${verdict.code ?? "no code"}`;
  }
  return undefined;
}
