/**
 * Decides whether a race can have gone as its logs say with every promise kept. Pure: logs in, broken promises out. What only may have
 * been so is believed: a call took effect at some instant between its beginning and its answer, and a process that died in the middle
 * of a call did some part of it.
 */
import type { Answer, Call, History, Operation, Sample } from "./history.js";
import { storyOf, type Story } from "./story.js";

type Rule = (story: Story) => string[];

/** @returns a sentence for each promise that was broken */
export function check(history: History): string[] {
  const story = storyOf(history);
  return RULES.flatMap((rule) => rule(story));
}

const ENDS = ["failed", "timedOut", "cancelled"];
const OUTCOMES = [...ENDS, "blocked", "unresolved"];
const ANSWERS: Readonly<Record<Operation, readonly string[]>> = {
  launch: ["claimed", ...OUTCOMES],
  adopt: ["claimed", ...OUTCOMES],
  restore: ["restored", ...OUTCOMES],
  stop: ["stopped", "absent", "unresolved", "refused"],
  release: ["ended", "absent", "unresolved", "refused"],
  reclaim: ["ended", "absent", "unresolved", "refused"],
  status: ["told"],
  doctor: ["told"],
};
const BLOCKERS = ["live", "lingering", "restorable", "stale", "inFlight", "mismatch"];
/** A launch that fails by these has met what no racer does. `unknown` and `unreadable` are no blockers here for the same reason. */
const DEFECTS = [
  "internal",
  "runtime_contract",
  "lock_lost",
  "io_failed",
  "record_damaged",
  "launch_already_ended",
];

/** What was answered is one of the answers that there are, and was answered without an exception. */
const withinTheContract: Rule = ({ calls }) =>
  calls.flatMap(({ id, operation, ticket, answer }) => {
    if (!answer) return [];
    const { status, by, code, message } = answer;
    const isKnown = ANSWERS[operation].includes(status) && (by === undefined || BLOCKERS.includes(by));
    if (isKnown && !DEFECTS.includes(code ?? "")) return [];
    return [
      `${id}: ${operation} ${ticket} answered ${[status, by, code, message].filter(Boolean).join(" ")}`,
    ];
  });

/** Two claims of one ticket: one of them must have ended before the other began. */
const oneClaimATicket: Rule = ({ bounds }) => {
  const all = [...bounds];
  return all.flatMap(([one, of], index) =>
    all.slice(index + 1).flatMap(([other, its]) => {
      if (of.ticket !== its.ticket) return [];
      if (of.last.from <= its.first.until || its.last.from <= of.first.until) return [];
      const said = [of.first, of.last, its.first, its.last].map(({ by }) => by);
      return [`${of.ticket}: the claims ${one} and ${other} stood at the same time, say ${said.join(", ")}`];
    }),
  );
};

/** What two processes of two launches of a ticket do at the same time is what all of this is there to prevent. */
const onePodATicket: Rule = ({ samples }) =>
  samples.flatMap(({ from, tickets }) =>
    tickets.flatMap(({ ticket, living }) =>
      living.length > 1
        ? [`${ticket}: Pods of ${living.join(" and ")} ran at the same time, at ${from}`]
        : [],
    ),
  );

const toldOnce: Rule = ({ calls }) => [
  ...twice(calls, "claimed or restored", ({ answer }) =>
    answer?.status === "claimed" || answer?.status === "restored" ? answer.claim?.launchId : undefined,
  ),
  ...twice(calls, "ended", ({ answer }) => answer?.ended?.launchId),
];

function twice(calls: readonly Call[], what: string, of: (call: Call) => string | undefined): string[] {
  const tellers = new Map<string, string[]>();
  for (const call of calls) {
    const launchId = of(call);
    if (launchId !== undefined) tellers.set(launchId, [...(tellers.get(launchId) ?? []), call.id]);
  }
  return [...tellers]
    .filter(([, ids]) => ids.length > 1)
    .map(([launchId, ids]) => `${launchId}: ${ids.join(" and ")} were both told that it was ${what}`);
}

/** A claim that is made is the caller's own, unless it says that it was adopted; one that is ended is the one that was expected. */
const noOthersClaim: Rule = ({ calls }) =>
  calls.flatMap(({ id, operation, launchId, expect, answer }) => {
    const broken: string[] = [];
    if (operation === "reclaim" && answer?.ended && answer.ended.launchId !== expect)
      broken.push(`${id}: expected ${expect}, and ended ${answer.ended.launchId}`);
    if (launchId === undefined || (answer?.status !== "claimed" && answer?.status !== "restored"))
      return broken;
    const isOwn = answer.claim?.launchId === launchId;
    if (isOwn === (answer.adopted ?? false))
      broken.push(`${id}: launch ${launchId} was told ${JSON.stringify(answer)}`);
    return broken;
  });

/** What was ended, or replaced by a restore, stands nowhere afterwards, and is told to nobody. */
const nothingComesBack: Rule = ({ evidence, over, samples }) => {
  const later = evidence.flatMap(({ launchId, ticket, from, by }) => {
    const end = over.get(launchId);
    if (end === undefined || from <= end.at) return [];
    return [
      `${ticket}: the claim ${launchId}, over since ${end.at} (${end.by}), is back at ${from}, says ${by}`,
    ];
  });
  return [...later, ...reappearances(samples)];
};

/** In the claim's file, whatever the history says of it. */
function reappearances(samples: readonly Sample[]): string[] {
  const last = new Map<string, string | undefined>();
  const left = new Map<string, Set<string>>();
  return samples.flatMap(({ from, tickets }) =>
    tickets.flatMap(({ ticket, claim }) => {
      const before = last.get(ticket);
      if (before === claim?.launchId) return [];
      last.set(ticket, claim?.launchId);
      const gone = left.get(ticket) ?? new Set<string>();
      left.set(ticket, gone);
      if (before !== undefined) gone.add(before);
      const isBack = claim !== undefined && gone.has(claim.launchId);
      return isBack
        ? [`${ticket}: the file of the claim ${claim.launchId} went, and is back at ${from}`]
        : [];
    }),
  );
}

/** Whoever was told that nothing of its launch is left, has left nothing. */
const noGhosts: Rule = ({ calls, bounds, ended, lastAlive, launchIdOfPod }) =>
  calls.flatMap((call) => {
    const { id, launchId, answer, until = Infinity } = call;
    if (!answer) return [];
    const broken: string[] = [];
    const isUnclaimed = ENDS.includes(answer.status) || answer.status === "blocked";
    if (isUnclaimed && launchId !== undefined) {
      const found = bounds.get(launchId)?.first.by;
      if (found !== undefined) broken.push(`${id}: ${answer.status}, but ${found} knows a claim ${launchId}`);
      if (ended.some((entry) => entry.launchId === launchId))
        broken.push(`${id}: ${answer.status}, but the history has a claim ${launchId}`);
    }
    for (const gone of goneBy(call, launchIdOfPod)) {
      const alive = lastAlive.get(gone) ?? 0;
      if (alive > until)
        broken.push(`${id}: ${answer.status} at ${until}, but a process of ${gone} ran at ${alive}`);
    }
    return broken;
  });

/** The launches of which nothing runs once this was answered. */
function goneBy({ launchId, answer }: Call, launchIdOfPod: History["launchIdOfPod"]): string[] {
  const { status, ended, pods = [] } = answer as Answer;
  const own = (ENDS.includes(status) || status === "blocked") && launchId !== undefined ? [launchId] : [];
  const stopped = pods.flatMap((pod) => launchIdOfPod.get(pod) ?? []);
  return [...own, ...stopped, ...(ended ? [ended.launchId] : [])];
}

/** Who is told that there is no claim was told the truth: none stood from the call's beginning to its answer. */
const nothingIsHidden: Rule = ({ calls, bounds }) =>
  calls.flatMap(({ id, operation, ticket, at, until, answer }) => {
    if (until === undefined || !answer) return [];
    const isEnd = operation === "release" || operation === "stop";
    const isNone = operation === "status" ? !answer.claim : isEnd && answer.status === "absent";
    if (!isNone) return [];
    return [...bounds]
      .filter(([, claim]) => claim.ticket === ticket && claim.first.until < at && claim.last.from > until)
      .map(
        ([launchId]) => `${id}: ${operation} ${ticket} knows no claim, but ${launchId} stood all the while`,
      );
  });

/** A claim that stood is in the history, or goes on in one that is. */
const nothingIsLost: Rule = ({ bounds, ended }) => {
  const kept = new Set(ended.flatMap(({ launchId, restoredFrom }) => [launchId, ...restoredFrom]));
  return [...bounds]
    .filter(([launchId]) => !kept.has(launchId))
    .map(([launchId, { ticket }]) => `${ticket}: the claim ${launchId} stood, and is in no history`);
};

/** No agent is told anything but its own launch's prompt, and that once; who was claimed was told, who was restored was not. */
const oneDelivery: Rule = ({ calls, bounds, prompts, ended }) => {
  const delivered = new Map<string, number>();
  const own = new Set(calls.flatMap(({ launchId }) => launchId ?? []));
  const broken = prompts.flatMap(({ launchId, text }) => {
    delivered.set(launchId, (delivered.get(launchId) ?? 0) + 1);
    return own.has(launchId) && text !== launchId
      ? [`${launchId}: its agent was told the prompt of ${text}`]
      : [];
  });
  const restored = new Set([
    ...calls.flatMap(({ operation, launchId }) => (operation === "restore" ? (launchId ?? []) : [])),
    ...calls.flatMap(({ answer }) => (answer?.status === "restored" ? (answer.claim?.launchId ?? []) : [])),
    ...ended.flatMap(({ launchId, restoredFrom }) => (restoredFrom.length > 0 ? launchId : [])),
  ]);
  for (const launchId of new Set([...delivered.keys(), ...bounds.keys(), ...restored])) {
    const times = delivered.get(launchId) ?? 0;
    if (restored.has(launchId) ? times > 0 : times > 1 || (times === 0 && bounds.has(launchId)))
      broken.push(`${launchId}: its agent was given ${times} prompts`);
  }
  return broken;
};

const RULES: readonly Rule[] = [
  withinTheContract,
  oneClaimATicket,
  onePodATicket,
  toldOnce,
  noOthersClaim,
  nothingComesBack,
  noGhosts,
  nothingIsHidden,
  nothingIsLost,
  oneDelivery,
];
