import type { Outcome, RestoreOutcome, Unclaimed } from "../outcome.js";
import { legible, legibleLines } from "../text.js";
import type { UnticketedOutcome } from "../unticketed-launch.js";
import type { LaunchPhase, LaunchWarning, Proof } from "../../machines/launch.types.js";
import type { RestorePhase } from "../../machines/restore.types.js";
import { adviceForBlock, adviceForFailure, adviceForUnresolved } from "./advice.js";
import type { CommandLine } from "./command.js";
import { tellAdvice } from "./tell-advice.js";
import type { Terminal } from "./terminal.js";

/**
 * The last line of a launch with `--json`. What was thrown is told by its message alone, since it may hold anything; and not at all
 * where it says no more than the message does.
 */
export function outcomeJson(outcome: Outcome | RestoreOutcome | UnticketedOutcome): object {
  const told: Record<string, unknown> = { type: "outcome", ...outcome };
  if (outcome.status === "failed") told["cause"] = causeText(outcome);
  if (outcome.status === "unresolved" && outcome.because) {
    told["because"] = { ...outcome.because, cause: causeText(outcome.because) };
  }
  return told;
}

function causeText({ cause, message }: { readonly cause?: unknown; readonly message: string }) {
  const told = wordsOf(cause);
  return told === message ? undefined : told;
}

function wordsOf(cause: unknown): string | undefined {
  if (typeof cause === "string") return cause;
  try {
    const told = (cause as { message?: unknown } | null | undefined)?.message;
    return typeof told === "string" ? told : undefined;
  } catch {
    // An object of the host's that throws when it is looked at.
    return undefined;
  }
}

/** Of an agent's last words, below what is said of them. */
const INDENT = "    ";

/** Which command it is told for: an adoption sends no prompt, and starts nothing. */
type Verb = "launch" | "adopt";

/** Says to people how a launch ended, and what to do next. Only a claim is a result; the rest are messages. */
export function reportOutcome(
  outcome: Outcome | UnticketedOutcome,
  id: string,
  {
    terminal,
    line,
    verb = "launch",
  }: { readonly terminal: Terminal; readonly line: CommandLine; readonly verb?: Verb },
): void {
  if (outcome.status === "claimed") reportClaim(outcome, { terminal, verb });
  else if (outcome.status === "recorded") reportSession(outcome, { terminal, line, verb });
  else reportUnclaimed(outcome, id, { terminal, line, remains: "no claim" });
}

/** The same of a restore: whatever went wrong, the claim stands as it was. */
export function reportRestore(
  outcome: RestoreOutcome,
  id: string,
  { terminal, line }: { readonly terminal: Terminal; readonly line: CommandLine },
): void {
  if (outcome.status !== "restored") {
    reportUnclaimed(outcome, id, { terminal, line, remains: "the claim is as it was" });
    return;
  }
  const { ticket, pod, launchId, session } = outcome.claim;
  const word = terminal.paintResult("green", "restored");
  terminal.print(`${word} ${legible(ticket.id, 100)}: Pod ${legible(pod)}, launch ${launchId}`);
  if (session) terminal.tell(`  Session ${legible(session.id, 100)} was loaded again; no prompt was sent.`);
}

function reportUnclaimed(
  outcome: Unclaimed<LaunchPhase | RestorePhase>,
  id: string,
  told: { readonly terminal: Terminal; readonly line: CommandLine; readonly remains: string },
): void {
  const { terminal, line, remains } = told;
  const shownId = legible(id, 100);
  const bad = (word: string) => terminal.paintMessage("red", word);
  switch (outcome.status) {
    case "blocked":
      terminal.tell(`${bad("blocked:")} ${shownId}: ${legible(outcome.reason)}`);
      for (const text of blockDetails(outcome)) terminal.tell(`  ${text}`);
      tellAdvice(adviceForBlock(outcome, id, line), terminal);
      return;
    case "failed":
      if (outcome.code === "nothing_to_adopt" || outcome.code === "nothing_to_restore") {
        terminal.tell(
          `${bad(`${outcome.code.replaceAll("_", " ")}:`)} ${legibleLines(outcome.message, INDENT)}`,
        );
        return;
      }
      terminal.tell(
        `${bad("failed")} while ${PHASES[outcome.phase]}: ${legibleLines(outcome.message, INDENT)}`,
      );
      if (outcome.hint !== undefined) {
        terminal.tell(`${terminal.paintMessage("cyan", "hint:")} ${legible(outcome.hint, 2_000)}`);
      }
      terminal.tell(`  ${capitalized(remains)}; ${PROOFS[outcome.proof]}.`);
      tellAdvice(adviceForFailure(outcome, id, line), terminal);
      return;
    case "timedOut":
      terminal.tell(`${bad("timed out")} while ${PHASES[outcome.phase]}: ${legible(outcome.message)}`);
      terminal.tell(`  ${capitalized(remains)}; ${PROOFS[outcome.proof]}.`);
      tellAdvice(adviceForFailure(outcome, id, line), terminal);
      return;
    case "cancelled":
      terminal.tell(
        `${terminal.paintMessage("yellow", "cancelled")} while ${PHASES[outcome.phase]}: ${remains}; ${PROOFS[outcome.proof]}.`,
      );
      return;
    case "unresolved":
      terminal.tell(`${bad("unresolved:")} ${legible(outcome.message)}`);
      if (outcome.pids.length > 0) terminal.tell(`  May still run: ${outcome.pids.join(", ")}`);
      if (outcome.because)
        terminal.tell(`  It ended because: ${legibleLines(outcome.because.message, INDENT)}`);
      terminal.tell("  The ticket stays blocked until that is known.");
      tellAdvice(adviceForUnresolved(id, line), terminal);
  }
}

function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function reportClaim(
  { claim, adopted, warnings }: Extract<Outcome, { status: "claimed" }>,
  { terminal, verb }: { readonly terminal: Terminal; readonly verb: Verb },
): void {
  const { ticket, pod, launchId, acceptance, agent } = claim;
  const name = agent === undefined ? "" : ` (${legible(agent.name, 60)})`;
  const word = terminal.paintResult("green", adopted ? "adopted" : "claimed");
  terminal.print(`${word} ${legible(ticket.id, 100)}: Pod ${legible(pod)}${name}, launch ${launchId}`);
  terminal.tell(`  Accepted by ${legible(acceptance.kind, 60)} at ${acceptance.at}.`);
  reportRemarks({ adopted: adopted && verb === "launch", warnings }, terminal);
}

function reportSession(
  { session, adopted, warnings }: Extract<UnticketedOutcome, { status: "recorded" }>,
  { terminal, line, verb }: { readonly terminal: Terminal; readonly line: CommandLine; readonly verb: Verb },
): void {
  const { pod, role, launchId } = session;
  const word = terminal.paintResult("green", adopted ? "adopted" : "started");
  terminal.print(`${word} Pod ${legible(pod)} as ${legible(role, 60)}, without a ticket: launch ${launchId}`);
  reportRemarks({ adopted: adopted && verb === "launch", warnings }, terminal);
  const link = line("sessions", { flags: ["link", pod] });
  const advice = [
    { command: line("logs", { id: pod }), does: "what it does" },
    { command: line("stop", { id: pod }), does: "stop it" },
    { command: `${link} TICKET`, does: "once there is one" },
  ];
  tellAdvice(advice, terminal);
}

function reportRemarks(
  { adopted, warnings }: { readonly adopted: boolean; readonly warnings: readonly LaunchWarning[] },
  terminal: Terminal,
): void {
  if (adopted) {
    terminal.tell(
      `${terminal.paintMessage("yellow", "note:")} this Pod was started by an earlier launch; the prompt of this call was not sent.`,
    );
  }
  for (const { message } of warnings) {
    terminal.tell(`${terminal.paintMessage("yellow", "warning:")} ${legible(message)}`);
  }
}

function blockDetails({ holder, claim, pod }: Extract<Outcome, { status: "blocked" }>): string[] {
  if (holder) return [`Process ${holder.pid} changes its claim, since ${legible(holder.since, 40)}.`];
  const name = claim?.pod ?? pod?.name;
  const launchId = claim?.launchId ?? pod?.launchId;
  if (name === undefined || launchId === undefined) return [];
  return [
    `Pod ${legible(name)}, launch ${legible(launchId, 64)}${claim ? `, claimed ${claim.claimedAt}` : ""}.`,
  ];
}

/** What a launch or a restore does in each phase, after "while". */
const PHASES: Readonly<Record<LaunchPhase | RestorePhase, string>> = {
  idle: "nothing was begun",
  judging: "looking what stands",
  endingSurvivors: "ending what survived of the old Pod",
  starting: "loading the session in a new Pod",
  replacingClaim: "replacing the claim",
  spawning: "starting the Pod",
  connecting: "connecting to the Pod",
  awaitingRunAck: "waiting for the run to be accepted",
  committingClaim: "writing the claim",
  stopping: "stopping the Pod",
};

const PROOFS: Readonly<Record<Proof, string>> = {
  kernel: "nothing of it runs any more, by the kernel's word",
  scan: "nothing of it runs any more, by the process table",
  host: "nothing of it runs any more, by its host's word",
  nothingStarted: "nothing was started",
};
