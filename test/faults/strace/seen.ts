/** What a killed command left, as the disk and the kernel show it, and whether `status` and `doctor` say the same. */
import fs from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { DEADLINE_MS, type CliWorld } from "../../fixtures/cli-world.js";
import { textIfThere } from "../../fixtures/files.js";
import { waitUntil } from "../../fixtures/processes.js";
import { claimFile, historyOf } from "../../paths/observe.js";

export const ID = "T-1";

export interface Seen {
  /** The launch id of the claim's file, ended or not. */
  readonly claimFile: string | undefined;
  /** The launch ids of the ticket's history. */
  readonly history: readonly string[];
  /** The launch id of the claim that stands: one with a history entry has ended. */
  readonly claim: string | undefined;
  readonly isLocked: boolean;
  /** The launches of which anything runs. */
  readonly living: readonly string[];
  /** The launches whose Pod record holds the receipt of an accepted run. */
  readonly accepted: readonly string[];
}

export function see(world: CliWorld): Seen {
  const inFile = launchIdIn(claimFile(world.registry, ID));
  const history = historyOf(world.registry, ID);
  const accepted = world.podRecords(ID).filter(({ acceptance }) => acceptance !== undefined);
  return {
    claimFile: inFile,
    history,
    claim: inFile !== undefined && history.includes(inFile) ? undefined : inFile,
    isLocked: world.observe(ID).podLock === "held",
    living: world.livingPods(ID),
    accepted: accepted.map(({ launchId }) => launchId),
  };
}

/** A sentence for each record under its final name that is not whole JSON with our format. Asked first: nothing else can read a torn one. */
export function tornRecords(world: CliWorld): string[] {
  const names = fs.existsSync(world.registry)
    ? fs.readdirSync(world.registry, { recursive: true, encoding: "utf8" })
    : [];
  return names
    .filter((name) => name.endsWith(".json") && !name.split("/").some((part) => part.startsWith(".")))
    .filter((name) => {
      try {
        const record = JSON.parse(fs.readFileSync(join(world.registry, name), "utf8")) as { format?: string };
        return !record.format?.startsWith("launch-claim/");
      } catch {
        return true;
      }
    })
    .map((name) => `${name} is torn`);
}

/** The living Pod that has accepted its run and has no claim. */
export function adoptable({ claim, living, accepted }: Seen): string | undefined {
  return claim === undefined ? living.find((launchId) => accepted.includes(launchId)) : undefined;
}

/** What `status` says of the ticket that is not so. Nothing is judged that changed while it was asked. */
export async function liesOfStatus(world: CliWorld): Promise<string[]> {
  return await waitUntil(
    async () => {
      const before = see(world);
      const said = await world.status(ID);
      if (!isDeepStrictEqual(before, see(world))) return false;
      const lies: string[] = [];
      const launchId = said?.state === "unreadable" ? "unreadable" : said?.claim?.launchId;
      if (launchId !== before.claim)
        lies.push(`status tells of claim ${launchId}; on disk is ${before.claim}`);
      if (said !== undefined && (said.state === "live") !== before.isLocked)
        lies.push(`status says ${said.state}; the Pod lock is ${before.isLocked ? "held" : "free"}`);
      return lies;
    },
    {
      deadlineMs: DEADLINE_MS,
      what: () => `a moment in which nothing changes: ${JSON.stringify(see(world))}`,
    },
  );
}

/**
 * Waits until `doctor` names exactly the errors that there are: an accepted Pod without a claim, or none. A Pod on its way out is
 * an error for as long as it takes.
 */
export async function untilDoctorIsRight(world: CliWorld): Promise<Seen> {
  let last = "";
  return await waitUntil(
    async () => {
      const before = see(world);
      const { results, code, stderr } = await world.run("doctor", "--json");
      const after = see(world);
      const { findings } = results[0] as { findings: { severity: string; code: string }[] };
      const errors = findings.filter(({ severity }) => severity === "error").map((found) => found.code);
      const expected = adoptable(before) === undefined ? [] : ["pod_adoptable"];
      last = `doctor (exit ${code}) names ${JSON.stringify(errors)}; seen is ${JSON.stringify(after)} ${stderr}`;
      const isSettled = before.claim !== undefined || expected.length > 0 || world.isQuiet(ID);
      const isRight = isDeepStrictEqual(errors, expected) && code === (errors.length > 0 ? 1 : 0);
      return isDeepStrictEqual(before, after) && isSettled && isRight && after;
    },
    { deadlineMs: DEADLINE_MS, what: () => `doctor to be right: ${last}` },
  );
}

function launchIdIn(file: string): string | undefined {
  const text = textIfThere(file);
  if (text === undefined) return undefined;
  try {
    return (JSON.parse(text) as { launchId?: string }).launchId ?? "none";
  } catch {
    return "unreadable";
  }
}
