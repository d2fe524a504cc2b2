import type { Unclaimed } from "../outcome.js";
import type { Finding } from "../ports.js";
import type { Refused } from "../verbs/verb-tools.js";
import type { Block } from "../../machines/launch.types.js";
import type { CommandLine } from "./command.js";

/** What can be done, as a line to read or a command to type. */
export type Advice = string | { readonly command: string; readonly does: string };

/** What to do about what stands in the way of a launch. */
export function adviceForBlock(block: Block, id: string, line: CommandLine): readonly Advice[] {
  const { by, claim, pod, pids, file, expect } = block;
  const launchId = claim?.launchId ?? pod?.launchId;
  const reclaim = (expected: string | undefined, does: string): Advice => ({
    command: line("reclaim", { id, flags: expected === undefined ? [] : ["--expect", expected] }),
    does,
  });
  // The Pod of a host's own runtime has no socket of ours.
  const attachable: readonly Advice[] =
    claim?.runtime.kind === "guardian"
      ? [{ command: line("attach", { id }), does: "watch it, and talk to it" }]
      : [];
  const logs: Advice = { command: line("logs", { id }), does: "what it does" };
  switch (by) {
    case "live":
      return claim
        ? [
            ...attachable,
            logs,
            { command: line("stop", { id }), does: "stop it; the claim stays" },
            releaseWithStop(id, line),
          ]
        : [
            logs,
            { command: line("adopt", { id }), does: "claim the ticket for it, if it has accepted a run" },
            { command: line("stop", { id }), does: "stop it" },
          ];
    case "restorable":
      return [
        { command: line("restore", { id }), does: "load its agent's session again, in a new Pod" },
        reclaim(launchId, "give the claim up"),
      ];
    case "stale":
      return claim
        ? [
            { command: line("release", { id }), does: "the work is over" },
            reclaim(launchId, "it was abandoned: free the ticket"),
          ]
        : [reclaim(launchId, "free the ticket")];
    case "lingering":
      return [
        logs,
        { command: line("stop", { id }), does: `end the processes${list(pids)}, and prove them gone` },
      ];
    case "unknown":
      return claim
        ? ["Only the host that started its Pod can tell whether it runs, and end it."]
        : ["Ask the host that started it.", reclaim(launchId, "if you know that its Pod is gone")];
    case "unreadable":
      return [
        ...(file === undefined ? [] : [`Repair ${file}; or set it aside, once nothing of its Pod runs:`]),
        ...(expect === undefined ? [] : [reclaim(expect, "its bytes are kept")]),
      ];
    case "inFlight":
      return ["That launch gives the ticket up by itself when it ends, even if its process dies."];
  }
}

/** What to do when a launch has failed, by what the caller can put right. */
export function adviceForFailure(
  outcome: Extract<Unclaimed<string>, { status: "failed" | "timedOut" }>,
  id: string,
  line: CommandLine,
): readonly Advice[] {
  const code = outcome.status === "failed" ? outcome.code : undefined;
  if (code === "config_untrusted")
    return [{ command: line("trust"), does: "allow it, once you have read the file" }];
  if (code === "agent_missing")
    return ["On the command line: --agent NAME, or -- COMMAND of an agent that speaks ACP."];
  const started = outcome.proof !== "nothingStarted";
  return [
    ...(started ? [{ command: line("logs", { id }), does: LOGS }] : []),
    ...(outcome.status === "timedOut" ? longer(outcome) : []),
  ];
}

const LOGS = "its log: what the guardian did, the agent's stderr, a plain program's output";

/** The very flag that gives the phase twice as long. Which of two delays of a phase ran out is in the message alone. */
function longer({ message, afterMs }: Extract<Unclaimed<string>, { status: "timedOut" }>): readonly string[] {
  const [, delay] = /\((\w+)Ms\)$/u.exec(message) ?? [];
  if (delay === undefined) return ["--timeout PHASE=DURATION gives a phase longer."];
  return [
    ...(delay === "ready"
      ? [
          "Does it speak ACP on stdin and stdout? A plain program needs --driver command --accept exit|output:REGEX|alive:DUR.",
        ]
      : []),
    `To give it longer: --timeout ${delay}=${Math.max(1, Math.ceil((2 * afterMs) / 1_000))}s`,
  ];
}

export function adviceForUnresolved(id: string, line: CommandLine): readonly Advice[] {
  return [
    { command: line("stop", { id }), does: "end what is left, and prove it gone" },
    { command: line("doctor"), does: "what stands, and what mends it" },
  ];
}

/** What to do when a verb was refused. The verb's own advice is in the library's words. */
export function adviceForRefusal(
  verb: "stop" | "release" | "reclaim" | "link",
  { by, advice }: Refused,
  { id, line }: { readonly id: string; readonly line: CommandLine },
): readonly Advice[] {
  switch (by) {
    case "live":
    case "lingering": {
      const stop = { command: line("stop", { id }), does: "end what runs of it; the claim stays" };
      return verb === "release" ? [stop, releaseWithStop(id, line)] : [stop];
    }
    case "mismatch":
      return [{ command: line("reclaim", { id }), does: "what stands now, and by what evidence" }];
    case "unreadable":
      return [{ command: line("reclaim", { id }), does: "what stands, and how to set it aside" }];
    default:
      return [advice];
  }
}

/** The command that mends a finding of the doctor's. */
export function mendOf({ code, ticket, safe, mend }: Finding, line: CommandLine): Advice {
  if (safe) return { command: line("doctor", { flags: ["--fix"] }), does: "loses nothing" };
  if (ticket === undefined) return mend;
  const { id } = ticket;
  switch (code) {
    case "claim_restorable":
      return { command: line("restore", { id }), does: "load its agent's session again" };
    case "claim_stale":
    case "pod_unknown":
      return { command: line("reclaim", { id }), does: "the evidence, and how to end it" };
    case "claim_lingering":
    case "pod_lingering":
    case "pod_live":
      return { command: line("stop", { id }), does: "end it, and prove it gone" };
    case "pod_adoptable":
      return { command: line("adopt", { id }), does: "claim the ticket for it" };
    default:
      return mend;
  }
}

function releaseWithStop(id: string, line: CommandLine): Advice {
  return { command: line("release", { id, flags: ["--stop"] }), does: "stop it, and end the claim" };
}

function list(pids: readonly number[] | undefined): string {
  return pids === undefined || pids.length === 0 ? "" : ` ${pids.join(", ")}`;
}
