/** A race's logs, arranged by claim: when each is known to have stood, and from when on not any more. */
import type { History } from "./history.js";

/** A claim stood at some instant between `from` and `until`. */
interface Evidence {
  readonly launchId: string;
  readonly ticket: string;
  readonly from: number;
  readonly until: number;
  readonly by: string;
}

/** How long a claim stood at least: from the end of its first evidence to the beginning of its last, if that is later. */
interface Bounds {
  readonly ticket: string;
  readonly first: Evidence;
  readonly last: Evidence;
}

export interface Story extends History {
  readonly evidence: readonly Evidence[];
  readonly bounds: ReadonlyMap<string, Bounds>;
  /** The beginning of the last sample that saw anything run of a launch. */
  readonly lastAlive: ReadonlyMap<string, number>;
  /** When it was known first that a claim does not stand any more, and by what. */
  readonly over: ReadonlyMap<string, { readonly at: number; readonly by: string }>;
}

export function storyOf(history: History): Story {
  const evidence = evidenceIn(history);
  const lastAlive = lastAliveIn(history);
  return { ...history, evidence, bounds: boundsOf(evidence), lastAlive, over: oversIn(history) };
}

function evidenceIn({ calls, samples }: History): Evidence[] {
  const told = calls.flatMap(({ id, at, until, ticket, answer }): Evidence[] => {
    if (until === undefined || !answer) return [];
    return [answer.claim, answer.ended].flatMap((claim) =>
      claim ? [{ launchId: claim.launchId, ticket, from: at, until, by: `${id} (${answer.status})` }] : [],
    );
  });
  const seen = samples.flatMap(({ from, until, tickets }) =>
    tickets.flatMap(({ ticket, claim, history }): Evidence[] =>
      claim && !history.includes(claim.launchId)
        ? [{ launchId: claim.launchId, ticket, from, until, by: "the observer" }]
        : [],
    ),
  );
  return [...told, ...seen];
}

function boundsOf(evidence: readonly Evidence[]): Story["bounds"] {
  const bounds = new Map<string, Bounds>();
  for (const found of evidence) {
    const { ticket, first, last } = bounds.get(found.launchId) ?? { ...found, first: found, last: found };
    bounds.set(found.launchId, {
      ticket,
      first: found.until < first.until ? found : first,
      last: found.from > last.from ? found : last,
    });
  }
  return bounds;
}

function lastAliveIn({ samples }: History): Story["lastAlive"] {
  const last = new Map<string, number>();
  for (const { from, tickets } of samples) {
    for (const { living } of tickets) for (const launchId of living) last.set(launchId, from);
  }
  return last;
}

function oversIn({ calls, samples }: History): Story["over"] {
  const over = new Map<string, { at: number; by: string }>();
  const note = (launchId: string, at: number, by: string) => {
    if (at < (over.get(launchId)?.at ?? Infinity)) over.set(launchId, { at, by });
  };
  for (const { id, until, answer } of calls) {
    if (until === undefined) continue;
    if (answer?.ended) note(answer.ended.launchId, until, id);
    for (const former of answer?.claim?.restoredFrom ?? []) note(former, until, id);
  }
  for (const { until, tickets } of samples) {
    for (const { claim, history } of tickets) {
      for (const former of [...history, ...(claim?.restoredFrom ?? [])]) note(former, until, "the observer");
    }
  }
  return over;
}
