import fs from "node:fs";
import { join } from "node:path";
import { environmentOf, identify, isAlive } from "../own-pods/processes.js";

/** What the demo measures by itself, past the program: files that lie there, and processes that the kernel knows. */
export interface Evidence {
  readonly claims: readonly { readonly ticket: string; readonly pod: string; readonly launchId: string }[];
  readonly processes: readonly {
    readonly pid: number;
    readonly launchId: string;
    readonly command: string;
  }[];
  /** How many prompts the agents of each launch were given. */
  readonly prompts: ReadonlyMap<string, number>;
}

const MARKER = "LAUNCH_CLAIM_LAUNCH_ID=";

export function gatherEvidence(home: string, promptsFile: string): Evidence {
  return { claims: claimsUnder(home), processes: processesOf(home), prompts: promptsIn(promptsFile) };
}

function claimsUnder(home: string): Evidence["claims"] {
  return filesIn(home, "claims", ".json").map((file) => {
    const { ticket, pod, launchId } = JSON.parse(fs.readFileSync(file, "utf8")) as {
      ticket: { id: string };
      pod: string;
      launchId: string;
    };
    return { ticket: ticket.id, pod, launchId };
  });
}

/** Every process that carries the mark of a launch of this registry. */
function processesOf(home: string): Evidence["processes"] {
  const ours = new Set(launchesUnder(home));
  return namesIn("/proc").flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid)) return [];
    const mark = environmentOf(pid).find((entry) => entry.startsWith(MARKER));
    const launchId = mark?.slice(MARKER.length);
    const process = identify(pid);
    if (launchId === undefined || !ours.has(launchId) || !process || !isAlive(process)) return [];
    return [{ pid, launchId, command: commandOf(pid) }];
  });
}

/** The launches that the registry has Pod records of, the failed ones included. */
function launchesUnder(home: string): string[] {
  return filesIn(home, "pods", "pod.json").map(
    (file) => (JSON.parse(fs.readFileSync(file, "utf8")) as { launchId: string }).launchId,
  );
}

function promptsIn(file: string): Evidence["prompts"] {
  const counts = new Map<string, number>();
  const text = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
  for (const line of text.split("\n").filter((one) => one !== "")) {
    const { launchId } = JSON.parse(line) as { launchId: string };
    counts.set(launchId, (counts.get(launchId) ?? 0) + 1);
  }
  return counts;
}

/** What a process is, in one word. */
function commandOf(pid: number): string {
  const words = fs.existsSync(`/proc/${pid}/cmdline`)
    ? fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")
    : [];
  if (words.some((word) => word.endsWith("guardian.js"))) return "guardian";
  if (words[0]?.endsWith("perl")) return "reaper";
  return words.some((word) => word.endsWith("agent.js")) ? "agent" : (words[0] ?? "?");
}

function filesIn(home: string, folder: string, ending: string): string[] {
  const workspaces = join(home, "workspaces");
  return namesIn(workspaces)
    .map((workspace) => join(workspaces, workspace, folder))
    .filter((directory) => fs.existsSync(directory))
    .flatMap((directory) =>
      fs
        .readdirSync(directory, { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(ending))
        .map((name) => join(directory, name)),
    );
}

function namesIn(directory: string): readonly string[] {
  return fs.existsSync(directory) ? fs.readdirSync(directory).sort() : [];
}
