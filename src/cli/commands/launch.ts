import { messageOf } from "../../errors.js";
import type { Launcher } from "../../launcher.js";
import type { Outcome } from "../../outcome.js";
import { legible } from "../../text.js";
import type { Claim } from "../../../machines/launch.types.js";
import type { Call, Command } from "../command.js";
import { EXIT, exitCodeOfInterrupt, exitCodeOfOutcome } from "../exit-codes.js";
import { launchRequest } from "../launch-request.js";
import { progressFor } from "../launch-progress.js";
import { outcomeJson, reportOutcome } from "../outcome-report.js";
import { openLauncher } from "../verbs.js";

export const launch: Command = {
  name: "launch",
  positionals: [{ name: "ticket" }],
  takesCommand: true,
  flags: {
    slug: { value: "S", help: "a short readable name of the ticket, for the Pod's name" },
    role: { value: "R", help: "what the agent is launched as; default: intake" },
    agent: { value: "NAME", help: "a configured agent, or opencode, claude, codex, gemini, qwen, copilot" },
    prompt: { value: "TEXT", help: "the first run; default: the role's prompt file, else an assignment" },
    "prompt-file": { value: "FILE", help: "the same from a file of at most 1 MiB; - for standard input" },
    peer: { value: "POD", repeatable: true, help: "a Pod that is told of this one before its first run" },
    cwd: { value: "DIR", help: "where the agent works; default: the workspace" },
    timeout: {
      value: "PHASE=DUR",
      repeatable: true,
      help: "admit ready connect peer runAck commit verify stop; 500ms, 2s, 3m",
    },
    "when-done": {
      value: "WHAT",
      help: "when the run has ended: keep (default), stop, or release the claim",
    },
    "idle-stop": { value: "DUR", help: "how long a Pod without a run stays; 0: for ever; default: 30m" },
    wait: { help: "return when the run has ended, not when it was accepted" },
    driver: { value: "D", help: "how COMMAND is spoken to: acp (default) or command" },
    evidence: { value: "E", help: "acp: its run is accepted by progress (default) or ack" },
    accept: { value: "A", help: "command: its run is accepted by exit, output:REGEX or alive:DUR" },
  },
  about: `Starts an agent as a Pod, connects to it and sends the first run. A claim is written only after the Pod has
accepted that run; every other end leaves no claim and no Pod. A Pod of this ticket that has accepted its run
and was left unclaimed is adopted instead: then the prompt of this call is not sent.

-- COMMAND ARG… runs that program; it needs no configuration, but timeouts and roles of one that is there apply.
With --agent NAME too, it runs under that name. With neither, nor an agent of the role, the only agent that is
configured is taken. A plain program (--driver command) gets the prompt on its standard input, or as a file
where {promptFile} stands in its arguments; it is done when it exits: --when-done release frees the ticket then.

SIGINT and SIGTERM cancel: the Pod is stopped and proven gone before the command returns. With --json each
transition is a line {"type":"transition","state":…}, then comes {"type":"outcome","status":…}; after a
claim, --wait adds one more line {"type":"runEnded","stopReason":…}.`,
  run,
};

async function run(call: Call): Promise<number> {
  const { args, terminal, io, line } = call;
  const request = await launchRequest(call);
  const launcher = await openLauncher(call);
  const interrupts = io.interrupts();
  const progress = progressFor(terminal);
  const onInterrupt = () => {
    progress.end();
    if (terminal.json) return;
    terminal.tell(`${messageOf(interrupts.reason)}: stopping the Pod first`);
  };
  let outcome: Outcome;
  try {
    const launched = launcher.launch({ ...request, signal: interrupts });
    interrupts.addEventListener("abort", onInterrupt, { once: true });
    for await (const step of launched) progress.step(step);
    outcome = await launched.outcome;
  } finally {
    progress.end();
    interrupts.removeEventListener("abort", onInterrupt);
  }
  if (terminal.json) terminal.printJson(outcomeJson(outcome));
  else reportOutcome(outcome, request.ticket.id, { terminal, line });
  if (outcome.status !== "claimed") return exitCodeOfOutcome(outcome, interrupts);
  if (interrupts.aborted) terminal.tell("note: it was being claimed already; the Pod works on");
  return args.flag("wait") ? await waitForRun(call, launcher, outcome.claim) : EXIT.done;
}

/** Of this launch: with --when-done its claim may have ended into history, and its Pod with it, before this begins. */
async function waitForRun(
  { terminal, io }: Call,
  launcher: Launcher,
  { ticket, launchId }: Claim,
): Promise<number> {
  const signal = io.interrupts();
  try {
    const stopReason = await launcher.runEnded(ticket, { launchId, signal });
    if (terminal.json) terminal.printJson({ type: "runEnded", stopReason });
    else terminal.print(`the run has ended: ${legible(stopReason)}`);
    return EXIT.done;
  } catch (error) {
    if (!signal.aborted) throw error;
    terminal.tell("no longer waited for; the Pod works on");
    return exitCodeOfInterrupt(signal);
  }
}
