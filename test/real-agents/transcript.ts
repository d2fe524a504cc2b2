/** What an agent said in a cell, small enough to be kept: lines with times, without what says nothing of the run. */

/** The first line of a transcript's file. */
export interface TranscriptHead {
  readonly agent: string;
  readonly version: string;
  readonly mode: string;
  readonly date: string;
  /** How the launch ended that it was recorded from. */
  readonly status: string;
  readonly code?: string | undefined;
  readonly level?: string | undefined;
  readonly kind?: string | undefined;
}

/** A line of the conversation. `ms` counts from the start of the agent. */
export interface TranscriptLine {
  readonly ms: number;
  readonly from: "agent" | "client";
  /** Absent where the line was no JSON. */
  readonly message?: unknown;
  readonly noise?: string;
}

export interface Transcript {
  readonly head: TranscriptHead;
  readonly lines: readonly TranscriptLine[];
}

const LONGEST_TEXT = 240;
const LONGEST_LIST = 4;
/** Of each kind of update: more of the same tells nothing more. */
const MOST_OF_A_KIND = 6;
const MOST_NOISE = 4;

/** @param recorded what the recorder wrote  @param hidden what stands for paths of the machine that it was recorded on */
export function trimmed(
  recorded: string,
  head: TranscriptHead,
  hidden: readonly (readonly [path: string, shown: string])[],
): Transcript {
  const seen = new Map<string, number>();
  const isRare = (kind: string, most: number) => {
    const count = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, count);
    return count <= most;
  };
  const lines: TranscriptLine[] = [];
  for (const raw of recorded.split("\n").filter((text) => text !== "")) {
    const clean = hidden.reduce((text, [path, shown]) => text.replaceAll(path, shown), raw);
    const { ms, from, line } = JSON.parse(clean) as { ms: number; from: "agent" | "client"; line: string };
    const message = jsonIn(line);
    if (message === undefined) {
      if (isRare("noise", MOST_NOISE)) lines.push({ ms, from, noise: line.slice(0, LONGEST_TEXT) });
    } else if (from === "client") lines.push({ ms, from, message: withoutContent(message) });
    else if (isRare(kindOf(message), MOST_OF_A_KIND)) lines.push({ ms, from, message: bounded(message) });
  }
  return { head, lines };
}

export function transcriptText({ head, lines }: Transcript): string {
  return [head, ...lines].map((line) => `${JSON.stringify(line)}\n`).join("");
}

export function readTranscript(text: string): Transcript {
  const [head, ...lines] = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);
  return { head: head as TranscriptHead, lines: lines as TranscriptLine[] };
}

function jsonIn(line: string): object | undefined {
  try {
    const value = JSON.parse(line) as unknown;
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Answers are each of a kind of their own. */
function kindOf(message: object): string {
  const { method, params, id } = message as {
    method?: string;
    id?: unknown;
    params?: { update?: { sessionUpdate?: string } };
  };
  return method === undefined ? `answer ${String(id)}` : `${method} ${params?.update?.sessionUpdate ?? ""}`;
}

/** Of our own side it matters what was sent and when. */
function withoutContent(message: object): object {
  const { id, method } = message as { id?: unknown; method?: string };
  return { ...(id !== undefined && { id }), ...(method !== undefined && { method }) };
}

function bounded(value: unknown): unknown {
  if (typeof value === "string") {
    return value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)}…` : value;
  }
  if (Array.isArray(value)) return value.slice(0, LONGEST_LIST).map(bounded);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, bounded(field)]));
}
