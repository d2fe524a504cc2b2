import type { PodRecord, RoleSession } from "../ports.js";
import { judgePod, type ClaimState } from "../registry/judge.js";
import type { ReadingTools } from "./verb-tools.js";

export interface SessionStatus extends RoleSession {
  /** How its Pod stands, computed when asked; absent where no record tells of that Pod. */
  readonly podState?: "live" | "lingering" | "gone" | "unknown";
}

/** Role sessions, the oldest first. Takes no lock and changes nothing. */
export async function sessions(tools: ReadingTools): Promise<readonly SessionStatus[]> {
  const { registry, timeouts } = tools;
  // One limit for all: what has not answered by then is unknown.
  const judges = { ...tools, signal: AbortSignal.timeout(timeouts.admitMs) };
  const records = new Map<string, PodRecord>();
  for (const stored of await registry.pods()) {
    if (stored.kind === "pod") records.set(stored.record.launchId, stored.record);
  }
  const told: SessionStatus[] = [];
  for (const session of await registry.sessions()) {
    const record = records.get(session.launchId);
    if (record === undefined) told.push(session);
    else if (record.state === "ended") told.push({ ...session, podState: "gone" });
    else told.push({ ...session, podState: LIFE_OF[(await judgePod(record, judges)).state] });
  }
  return told;
}

const LIFE_OF: Readonly<Record<ClaimState, NonNullable<SessionStatus["podState"]>>> = {
  live: "live",
  lingering: "lingering",
  restorable: "gone",
  stale: "gone",
  unknown: "unknown",
  unreadable: "unknown",
};
