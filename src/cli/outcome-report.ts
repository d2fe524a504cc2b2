import type { Outcome } from "../outcome.js";
import { legible, legibleLines } from "../text.js";
import type { LaunchPhase, Proof } from "../../machines/launch.types.js";
import { adviceForBlock, adviceForFailure, adviceForUnresolved } from "./advice.js";
import type { CommandLine } from "./command.js";
import { tellAdvice } from "./tell-advice.js";
import type { Terminal } from "./terminal.js";

/**
 * The last line of a launch with `--json`. What was thrown is told by its message alone, since it may hold anything; and not at all
 * where it says no more than the message does.
 */
export function outcomeJson(outcome: Outcome): object {
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

/** Says to people how a launch ended, and what to do next. Only a claim is a result; the rest are messages. */
export function reportOutcome(
  outcome: Outcome,
  id: string,
  {
    terminal,
    line,
    verb = "launch",
  }: { readonly terminal: Terminal; readonly line: CommandLine; readonly verb?: "launch" | "adopt" },
): void {
  const shownId = legible(id, 100);
  const bad = (word: string) => terminal.paintMessage("red", word);
  switch (outcome.status) {
    case "claimed":
      reportClaim(outcome, terminal);
      if (outcome.adopted && verb === "launch") {
        terminal.tell(
          `${terminal.paintMessage("yellow", "note:")} this Pod was started by an earlier launch; the prompt of this call was not sent.`,
        );
      }
      return;
    case "blocked":
      terminal.tell(`${bad("blocked:")} ${shownId}: ${legible(outcome.reason)}`);
      for (const text of blockDetails(outcome)) terminal.tell(`  ${text}`);
      tellAdvice(adviceForBlock(outcome, id, line), terminal);
      return;
    case "failed":
      if (outcome.code === "nothing_to_adopt") {
        terminal.tell(`${bad("nothing to adopt:")} ${legibleLines(outcome.message, INDENT)}`);
        return;
      }
      terminal.tell(
        `${bad("failed")} while ${PHASES[outcome.phase]}: ${legibleLines(outcome.message, INDENT)}`,
      );
      if (outcome.hint !== undefined) {
        terminal.tell(`${terminal.paintMessage("cyan", "hint:")} ${legible(outcome.hint, 2_000)}`);
      }
      terminal.tell(`  No claim; ${PROOFS[outcome.proof]}.`);
      tellAdvice(adviceForFailure(outcome, id, line), terminal);
      return;
    case "timedOut":
      terminal.tell(`${bad("timed out")} while ${PHASES[outcome.phase]}: ${legible(outcome.message)}`);
      terminal.tell(`  No claim; ${PROOFS[outcome.proof]}.`);
      tellAdvice(adviceForFailure(outcome, id, line), terminal);
      return;
    case "cancelled":
      terminal.tell(
        `${terminal.paintMessage("yellow", "cancelled")} while ${PHASES[outcome.phase]}: no claim; ${PROOFS[outcome.proof]}.`,
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

function reportClaim(
  { claim, adopted, warnings }: Extract<Outcome, { status: "claimed" }>,
  terminal: Terminal,
): void {
  const { ticket, pod, launchId, acceptance, agent } = claim;
  const name = agent === undefined ? "" : ` (${legible(agent.name, 60)})`;
  const word = terminal.paintResult("green", adopted ? "adopted" : "claimed");
  terminal.print(`${word} ${legible(ticket.id, 100)}: Pod ${legible(pod)}${name}, launch ${launchId}`);
  terminal.tell(`  Accepted by ${legible(acceptance.kind, 60)} at ${acceptance.at}.`);
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

/** What a launch does in each phase, after "while". */
const PHASES: Readonly<Record<LaunchPhase, string>> = {
  idle: "nothing was begun",
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
