/**
 * What a race leaves behind for the checker: every call with its answer, what the observer saw, and what the agents were told. Times
 * are milliseconds of the monotonic clock, which all processes of one machine share.
 */
import { textIfThere } from "../../fixtures/files.js";

export type Operation = "launch" | "adopt" | "restore" | "stop" | "release" | "reclaim" | "status" | "doctor";

/** A line of a racer's log, written BEFORE the call is made. */
export interface Called {
  readonly type: "called";
  /** Unique in the race: `racer-3.a.17`. */
  readonly id: string;
  readonly at: number;
  readonly operation: Operation;
  readonly ticket: string;
  /** Of a launch or restore, where it is known before: a command chooses its own. */
  readonly launchId?: string;
  /** The launch id that a reclaim expects. */
  readonly expect?: string;
}

/** A line of a racer's log, written AFTER the call has answered or thrown. */
export interface Answered {
  readonly type: "answered";
  readonly id: string;
  readonly at: number;
  readonly answer: Answer;
}

/** A claim as somebody told or found it. */
export interface TheClaim {
  readonly launchId: string;
  /** The launch ids that it goes on from. */
  readonly restoredFrom: readonly string[];
}

/** The part of an answer that can be wrong. */
export interface Answer {
  /** As the library says it; `told` for a status, `threw` for an exception. */
  readonly status: string;
  /** What blocked or refused. */
  readonly by?: string;
  /** The claim that it says stands, or has just made. */
  readonly claim?: TheClaim;
  readonly adopted?: boolean;
  /** The claim that it has ended. */
  readonly ended?: TheClaim;
  /** The names of the Pods that it has stopped. */
  readonly pods?: readonly string[];
  readonly code?: string;
  readonly message?: string;
}

export interface Call extends Called {
  /** Absent if its process died before. */
  readonly until?: number;
  readonly answer?: Answer;
}

/** What the observer saw at some instant between `from` and `until`. */
export interface Sample {
  readonly from: number;
  readonly until: number;
  readonly tickets: readonly TicketSample[];
}

export interface TicketSample {
  readonly ticket: string;
  /** In the claim's file, also of one that was ended but whose file is still there. */
  readonly claim?: TheClaim;
  /** The launch ids of the history entries, listed after the claim's file was read. */
  readonly history: readonly string[];
  /** The launch ids of which something ran; two of them ran at the same time. */
  readonly living: readonly string[];
}

/** A prompt that an agent was given. */
export interface Prompt {
  /** In the environment of the agent. */
  readonly launchId: string;
  /** What it was told: the launch id of whoever asked, or of nobody known. */
  readonly text: string;
}

export interface History {
  readonly calls: readonly Call[];
  readonly samples: readonly Sample[];
  readonly prompts: readonly Prompt[];
  /** The history entries as they were at the end. */
  readonly ended: readonly (TheClaim & { readonly ticket: string })[];
  /** The launch ids of the Pods by name. */
  readonly launchIdOfPod: ReadonlyMap<string, string>;
}

export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Joins the lines of all logs to calls, in the order of their beginnings. */
export function callsIn(lines: readonly (Called | Answered)[]): Call[] {
  const answers = new Map(lines.flatMap((line) => (line.type === "answered" ? [[line.id, line]] : [])));
  return lines
    .flatMap((line): Call[] => {
      if (line.type !== "called") return [];
      const answered = answers.get(line.id);
      return [{ ...line, ...(answered && { until: answered.at, answer: answered.answer }) }];
    })
    .sort((a, b) => a.at - b.at);
}

/** The whole lines of a log: its writer may have been killed in the middle of the last. */
export function linesOf<Line>(file: string): Line[] {
  const text = textIfThere(file) ?? "";
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
}

/** What the library returns and the command prints: the same fields. */
interface Told {
  readonly status?: string;
  readonly by?: string;
  readonly claim?: { readonly launchId: string; readonly restoredFrom?: readonly string[] };
  readonly adopted?: boolean;
  readonly entry?: {
    readonly claim: { readonly launchId: string; readonly restoredFrom?: readonly string[] };
  };
  readonly pods?: readonly string[];
  readonly code?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly claims?: readonly {
    readonly claim?: { readonly launchId: string; readonly restoredFrom?: string[] };
  }[];
}

export function answerOf(told: unknown): Answer {
  const { status = "told", by, claim, adopted, entry, pods, code, message, reason, claims } = told as Told;
  const standing = claim ?? claims?.[0]?.claim;
  const said = message ?? reason;
  return {
    status,
    ...(by !== undefined && { by }),
    ...(standing && { claim: theClaim(standing) }),
    ...(adopted !== undefined && { adopted }),
    ...(entry && { ended: theClaim(entry.claim) }),
    ...(Array.isArray(pods) && { pods }),
    ...(code !== undefined && { code }),
    ...(said !== undefined && { message: said }),
  };
}

export function threw(error: unknown): Answer {
  return {
    status: "threw",
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}

export function theClaim(record: { launchId: string; restoredFrom?: readonly string[] }): TheClaim {
  return { launchId: record.launchId, restoredFrom: record.restoredFrom ?? [] };
}
