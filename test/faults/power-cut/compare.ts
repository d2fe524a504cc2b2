/** Whether what is on a disk after a power cut is possible, by what was acknowledged before it. */
import { isDeepStrictEqual } from "node:util";
import type { HistoryEntry, RoleSession, StoredClaim } from "../../../src/ports.js";
import type { Claim } from "../../../machines/launch.types.js";
import type { Acknowledged } from "./log.js";

/** What was found of one ticket. */
export interface Found {
  /** As the registry says. */
  readonly standing: StoredClaim | undefined;
  readonly history: readonly HistoryEntry[];
  readonly sessions: readonly RoleSession[];
  /** The bytes of the claim's file, read past the registry: it hides the file of a claim that was ended. */
  readonly file: string | undefined;
}

/** One sentence for each broken promise. */
export function compare(must: Acknowledged, found: Found): string[] {
  return [...claimBroken(must, found), ...historyBroken(must, found), ...sessionBroken(found)];
}

/** The claims that may stand: the one before the operation under way, and the one after it. */
function possible({ claim, underWay }: Acknowledged): readonly (Claim | undefined)[] {
  if (underWay === undefined) return [claim];
  return [claim, underWay.what === "end" ? undefined : underWay.claim];
}

function claimBroken(must: Acknowledged, { standing, file }: Found): string[] {
  if (standing?.kind === "unreadable") return [`the claim is torn: ${standing.reason}`];
  const may = possible(must);
  const names = may.map((claim) => claim?.launchId ?? "none").join(" or ");
  const broken: string[] = [];
  if (!may.some((claim) => isDeepStrictEqual(claim, standing?.claim))) {
    broken.push(`the claim must be ${names}, and is ${standing?.claim.launchId ?? "none"}`);
  }
  const inFile = file === undefined ? undefined : launchIdIn(file);
  if (!may.some((claim) => claim?.launchId === inFile)) {
    broken.push(`the claim's file must hold ${names}, and holds ${inFile ?? "none"}`);
  }
  return broken;
}

function historyBroken({ claim, ended, underWay }: Acknowledged, { standing, history }: Found): string[] {
  const broken: string[] = [];
  for (const [launchId, whole] of ended) {
    const entry = history.find((candidate) => candidate.claim.launchId === launchId);
    if (entry === undefined) broken.push(`the history entry of ${launchId} is lost`);
    else if (!isDeepStrictEqual(entry.claim, whole))
      broken.push(`the history entry of ${launchId} is changed`);
  }
  const ending = underWay?.what === "end" ? underWay.claim.launchId : undefined;
  for (const { claim: of } of history) {
    if (!ended.has(of.launchId) && of.launchId !== ending) {
      broken.push(`history says that ${of.launchId} ended, and nobody ended it`);
    }
  }
  const isEntered = history.some((entry) => entry.claim.launchId === ending);
  if (claim && ending !== undefined && standing === undefined && !isEntered) {
    broken.push(`the claim of ${ending} is gone, and no history entry says why`);
  }
  return broken;
}

function sessionBroken({ standing, sessions }: Found): string[] {
  if (standing?.kind !== "claim") return [];
  const { pod, launchId } = standing.claim;
  const isThere = sessions.some((session) => session.pod === pod && session.launchId === launchId);
  return isThere ? [] : [`the claim of ${launchId} stands without its session`];
}

function launchIdIn(file: string): string {
  try {
    return String((JSON.parse(file) as Partial<Claim>).launchId);
  } catch {
    return `${Buffer.byteLength(file)} bytes that are no record`;
  }
}
