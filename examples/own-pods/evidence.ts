import fs from "node:fs";
import { join } from "node:path";
import { PROMPTS_FILE } from "./files.js";
import { environmentOf, identify, isAlive } from "./processes.js";

/** What the demo measures by itself, past the library: files that lie there, and processes that the kernel knows. */
export interface Evidence {
  readonly claims: readonly { readonly ticket: string; readonly pod: string; readonly launchId: string }[];
  readonly processes: readonly { readonly pid: number; readonly launchId: string }[];
  /** How many prompts each Pod has been given, by its name. */
  readonly prompts: ReadonlyMap<string, number>;
}

export interface Places {
  readonly home: string;
  readonly pods: string;
}

export function gatherEvidence({ home, pods }: Places, launchIds: readonly string[]): Evidence {
  return {
    claims: claimsUnder(home),
    processes: processesOfLaunches(launchIds),
    prompts: promptsUnder(pods),
  };
}

function claimsUnder(home: string): Evidence["claims"] {
  const workspaces = join(home, "workspaces");
  return namesIn(workspaces)
    .map((workspace) => join(workspaces, workspace, "claims"))
    .flatMap((claims) => namesIn(claims).map((name) => join(claims, name)))
    .map((file) => {
      const { ticket, pod, launchId } = JSON.parse(fs.readFileSync(file, "utf8")) as {
        ticket: { id: string };
        pod: string;
        launchId: string;
      };
      return { ticket: ticket.id, pod, launchId };
    });
}

function processesOfLaunches(launchIds: readonly string[]): Evidence["processes"] {
  return namesIn("/proc").flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid)) return [];
    const marks = environmentOf(pid);
    const launchId = launchIds.find((id) => marks.includes(`LAUNCH_CLAIM_LAUNCH_ID=${id}`));
    const process = identify(pid);
    return launchId !== undefined && process && isAlive(process) ? [{ pid, launchId }] : [];
  });
}

function promptsUnder(pods: string): Evidence["prompts"] {
  return new Map(
    namesIn(pods).map((pod) => {
      const file = join(pods, pod, PROMPTS_FILE);
      const text = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
      return [pod, text.split("\n").filter((line) => line !== "").length];
    }),
  );
}

function namesIn(directory: string): readonly string[] {
  return fs.existsSync(directory) ? fs.readdirSync(directory).sort() : [];
}
