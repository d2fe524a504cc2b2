/** The commands that are killed, and what must hold after each. */
import fs from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Claim } from "launch-claim";
import {
  claimOf,
  DEADLINE_MS,
  kill,
  outcomeOf,
  restoreOutcomeOf,
  type CliWorld,
  type EndedCommand,
} from "../../fixtures/cli-world.js";
import { textIfThere } from "../../fixtures/files.js";
import { waitUntil } from "../../fixtures/processes.js";
import { claimFile } from "../../paths/observe.js";
import { adoptable, ID, liesOfStatus, see, tornRecords, untilDoctorIsRight } from "./seen.js";

/** An agent whose session can be loaded again. */
export const LOADS = { loadSession: true };

export interface Subject {
  readonly name: "launch" | "release" | "reclaim" | "again" | "adoption" | "restore";
  /** In the counts: `kill points of …`. */
  readonly about: string;
  /** Of a run that nothing disturbs. */
  readonly exitCode: number;
  /** Brings the world to where the command can be given, and returns the command. */
  prepare(world: CliWorld): Promise<readonly string[]>;
  /** Each promise that does not hold after the command has died, or has `ended` by itself. */
  broken(world: CliWorld, words: readonly string[], ended: EndedCommand): Promise<string[]>;
}

export const launch: Subject = {
  name: "launch",
  about: "a launch",
  exitCode: 0,
  prepare: (world) => Promise.resolve(launchWords(world)),
  broken: async (world, _words, ended) => await brokenLaunch(world, ended),
};

function launchWords(world: CliWorld): string[] {
  return ["launch", ID, "--prompt", "begin", "--json", "--", ...world.agent({})];
}

async function brokenLaunch(world: CliWorld, { code }: EndedCommand): Promise<string[]> {
  const torn = tornRecords(world);
  if (torn.length > 0) return torn;
  const { claim } = see(world);
  const broken = [...ghost(world), ...(await liesOfStatus(world))];
  if (broken.length > 0) return broken;
  const settled = await untilDoctorIsRight(world);
  if (settled.claim !== claim) broken.push(`the claim was ${claim}, and is ${settled.claim} by itself`);
  if (claim !== undefined) return [...broken, ...(await blockedByLive(world)), ...notOne(world, claim)];
  const left = adoptable(settled);
  const next = claimOf(await untilDone(() => world.launch(ID)));
  if (next.adopted !== (left !== undefined))
    broken.push(`${left ?? "nothing"} could be adopted, and the next launch says adopted: ${next.adopted}`);
  if (left !== undefined && next.launchId !== left) broken.push(`${next.launchId} was claimed, not ${left}`);
  // A command that ended by itself may have stopped a Pod that had accepted; one that died has stopped nothing.
  const stopped = left === undefined && code !== undefined ? settled.accepted.length : 0;
  return [...broken, ...notOne(world, next.launchId, stopped + 1)];
}

/** A launch of what is claimed already: whatever cannot be read then, the claim is not overlooked. */
const again: Subject = {
  name: "again",
  about: "a launch that is blocked",
  exitCode: 3,
  async prepare(world) {
    claimOf(await world.launch(ID));
    return launchWords(world);
  },
  async broken(world, _words, ended) {
    const { claim, living } = see(world);
    const [launchId = "none", ...others] = world.launchIds(ID);
    if (claim !== launchId || !living.includes(launchId))
      return [`claim ${launchId} does not stand: ${JSON.stringify(see(world))}`];
    if (living.length > 1) return [`beside the claim's Pod live those of ${others.join(", ")}`];
    return await brokenLaunch(world, ended);
  },
};

/** As after a launcher's death between the acceptance and the first write of its commit. */
const adoption: Subject = {
  name: "adoption",
  about: "an adoption",
  exitCode: 0,
  async prepare(world) {
    const { pod } = claimOf(await world.launch(ID));
    fs.unlinkSync(claimFile(world.registry, ID));
    fs.unlinkSync(join(world.registry, "sessions", `${pod}.json`));
    return launchWords(world);
  },
  broken: async (world, _words, ended) => await brokenLaunch(world, ended),
};

/** Both end a claim; they differ in what they find. */
export const release: Subject = {
  name: "release",
  about: "a release",
  exitCode: 0,
  async prepare(world) {
    claimOf(await world.launch(ID));
    return ["release", ID, "--stop", "--json"];
  },
  broken: brokenEnd,
};

export const reclaim: Subject = {
  name: "reclaim",
  about: "a reclaim",
  exitCode: 0,
  async prepare(world) {
    const launchId = await lose(world, claimOf(await world.launch(ID)));
    return ["reclaim", ID, "--expect", launchId, "--json"];
  },
  broken: brokenEnd,
};

/** The claim is the one that stood, or goes on from it; one agent at most, and no further prompt. */
const restore: Subject = {
  name: "restore",
  about: "a restore",
  exitCode: 0,
  async prepare(world) {
    await lose(world, claimOf(await world.launch(ID, LOADS)));
    return ["restore", ID, "--json", "--", ...world.agent(LOADS)];
  },
  async broken(world) {
    const torn = tornRecords(world);
    if (torn.length > 0) return torn;
    const chain = chainOf(world);
    if (chain === undefined) return ["the claim is lost"];
    const broken = await liesOfStatus(world);
    const { claim } = await untilDoctorIsRight(world);
    if (claim !== chain.at(-1)) broken.push(`the claim was ${chain.at(-1)}, and is ${claim} by itself`);
    if (chain.length > 1) return [...broken, ...(await blockedByLive(world)), ...notRestored(world)];
    const ended = await untilDone(() => world.run("restore", ID, "--json", "--", ...world.agent(LOADS)));
    const { status } = restoreOutcomeOf(ended);
    if (status !== "restored")
      broken.push(`the restore again is ${status}: ${JSON.stringify(ended.results.at(-1))}`);
    return [...broken, ...notRestored(world)];
  },
};

export const SUBJECTS: readonly Subject[] = [launch, again, adoption, release, reclaim, restore];

/** The launch ids that the claim goes on from, and its own; undefined if there is none. */
export function chainOf(world: CliWorld): string[] | undefined {
  const text = textIfThere(claimFile(world.registry, ID));
  if (text === undefined) return undefined;
  const { launchId, restoredFrom = [] } = JSON.parse(text) as Claim;
  return [...restoredFrom, launchId];
}

function notRestored(world: CliWorld): string[] {
  const chain = chainOf(world) ?? [];
  const found = { links: chain.length, living: world.livingPods(ID), podLock: world.observe(ID).podLock };
  const due = { links: 2, living: chain.slice(-1), podLock: "held" };
  return [
    ...tornRecords(world),
    ...(isDeepStrictEqual(found, due)
      ? []
      : [`in the end ${JSON.stringify(found)}, not ${JSON.stringify(due)}`]),
    ...(world.prompts() === 1 ? [] : [`agents were given ${world.prompts()} prompts`]),
  ];
}

/** Its Pod is killed, all of it. */
async function lose(world: CliWorld, { launchId }: Claim): Promise<string> {
  await killPods(world);
  return launchId;
}

/** Every Pod of the ticket, all of it. */
export async function killPods(world: CliWorld): Promise<void> {
  await waitUntil(
    () => {
      for (const launchId of world.livingPods(ID))
        for (const pid of world.processesOf(launchId)) kill(pid, "SIGKILL");
      return world.isQuiet(ID);
    },
    { deadlineMs: DEADLINE_MS, what: "the end of the ticket's Pods" },
  );
}

async function brokenEnd(world: CliWorld, words: readonly string[]): Promise<string[]> {
  const broken = tornRecords(world);
  if (broken.length > 0) return broken;
  const [launchId = "none"] = world.launchIds(ID);
  const { claimFile, history } = see(world);
  if (claimFile !== launchId && history.length === 0)
    broken.push(`the claim is lost: neither stands nor in history`);
  if (history.some((entry) => entry !== launchId)) broken.push(`the history names ${history.join(", ")}`);
  broken.push(...(await liesOfStatus(world)));
  if (broken.length > 0) return broken;

  const again = await untilDone(() => world.run(...words));
  const answer = again.results[0] as { status?: string; entry?: object } | undefined;
  // What was ended before has no entry made now; a reclaim may still have had the Pod's record to close, and says so.
  const isDue =
    history.length > 0
      ? answer?.status === "absent" || (answer?.status === "ended" && answer.entry === undefined)
      : answer?.status === "ended" && answer.entry !== undefined;
  if (!isDue) broken.push(`the command again says ${JSON.stringify(answer)}: ${again.stderr}`);
  await world.untilQuiet(ID);
  const after = see(world);
  if (after.claimFile !== undefined) broken.push("the claim's file is still there after the command again");
  if (!isDeepStrictEqual(after.history, [launchId]))
    broken.push(`the history names ${after.history.join(", ")}`);
  await untilDoctorIsRight(world);

  const next = claimOf(await untilDone(() => world.launch(ID)));
  if (next.adopted || next.launchId === launchId) broken.push("the ended launch was claimed once more");
  return [...broken, ...notOne(world, next.launchId, 2)];
}

/** A claim that no run stands behind. */
function ghost(world: CliWorld): string[] {
  const { claim, accepted, living } = see(world);
  if (claim === undefined) return [];
  const isMeant = accepted.includes(claim) && living.includes(claim) && world.promptsOf(claim) === 1;
  return isMeant ? [] : [`claim ${claim} has no Pod that accepted its run: ${JSON.stringify(see(world))}`];
}

async function blockedByLive(world: CliWorld): Promise<string[]> {
  const before = world.observe(ID).claimBytes;
  const ended = await world.launch(ID);
  const outcome = outcomeOf(ended);
  const isBlocked = ended.code === 3 && outcome.status === "blocked" && outcome.by === "live";
  return [
    ...(isBlocked ? [] : [`claimed, the next launch is blocked by live, not ${JSON.stringify(outcome)}`]),
    ...(before === world.observe(ID).claimBytes ? [] : ["a launch that was blocked changed the claim"]),
  ];
}

/** One claim, one Pod alive, one prompt to it; and no accepted run but those that are known of. */
export function notOne(world: CliWorld, launchId: string, accepted = 1): string[] {
  const { claims, sessions, podLock } = world.observe(ID);
  const found = {
    claims,
    podLock,
    isInSessions: sessions.includes(launchId),
    living: world.livingPods(ID),
    accepted: world.receipts(ID),
    prompts: world.promptsOf(launchId),
  };
  const due = {
    claims: [launchId],
    podLock: "held",
    isInSessions: true,
    living: [launchId],
    accepted,
    prompts: 1,
  };
  const isDue = isDeepStrictEqual(found, due);
  return [
    ...tornRecords(world),
    ...(isDue ? [] : [`in the end ${JSON.stringify(found)}, not ${JSON.stringify(due)}`]),
  ];
}

/** Again for as long as it is refused: what is on its way out ends by itself. */
export async function untilDone(command: () => Promise<EndedCommand>): Promise<EndedCommand> {
  let last: EndedCommand | undefined;
  return await waitUntil(
    async () => {
      last = await command();
      return last.code !== 3 && last;
    },
    { deadlineMs: DEADLINE_MS, what: () => `the ticket to be free: ${JSON.stringify(last)}` },
  );
}
