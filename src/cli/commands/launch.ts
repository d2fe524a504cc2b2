import { messageOf } from "../../errors.js";
import type { Launch } from "../../launch/launch.js";
import type { Launcher } from "../../launcher.js";
import type { Outcome } from "../../outcome.js";
import { legible } from "../../text.js";
import type { UnticketedOutcome } from "../../unticketed-launch.js";
import type { Claim } from "../../../machines/launch.types.js";
import type { Call, Command } from "../command.js";
import { EXIT, exitCodeOfInterrupt, exitCodeOfOutcome } from "../exit-codes.js";
import { findNamedTicket } from "../find-ticket.js";
import { launchRequest, type AskedLaunch } from "../launch-request.js";
import { progressFor } from "../launch-progress.js";
import { outcomeJson, reportOutcome } from "../outcome-report.js";
import { openLauncher } from "../verbs.js";

export const launch: Command = {
  name: "launch",
  positionals: [{ name: "ticket", optional: true }],
  takesCommand: true,
  flags: {
    slug: { value: "S", help: "a short readable name for the Pod's name; default: the ticket's own" },
    role: { value: "R", help: "what the agent is launched as; default: intake" },
    agent: { value: "NAME", help: "a configured agent, or opencode, claude, codex, gemini, qwen, copilot" },
    prompt: { value: "TEXT", help: "the whole first run; default: as said below" },
    "prompt-file": { value: "FILE", help: "the same from a file of at most 1 MiB; - for standard input" },
    peer: { value: "POD", repeatable: true, help: "a Pod that is told of this one before its first run" },
    "any-state": { help: "launch intake of a ticket that has left intake, too" },
    "no-ticket": {
      help: "an intake that is to find its ticket: a role session and no claim; needs --prompt",
    },
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
    driver: { value: "D", help: "how COMMAND is spoken to: acp (default), command or yoi" },
    evidence: { value: "E", help: "acp: its run is accepted by progress (default) or ack" },
    accept: { value: "A", help: "command: its run is accepted by exit, output:REGEX or alive:DUR" },
    profile: { value: "P", help: "yoi: the profile of the Pod that COMMAND starts, such as project:intake" },
  },
  about: `Starts an agent as a Pod, connects to it and sends the first run. A claim is written only after the Pod has
accepted that run; every other end leaves no claim and no Pod. A Pod of this ticket that has accepted its run
and was left unclaimed is adopted instead: then the prompt of this call is not sent.

A ticket is any id. Where the workspace has tickets of its own ("tickets" lists them), a slug that just one of
them has does as well, and intake of a ticket that is not in the state intake is refused (exit code 3).

Without --prompt the first run is the role's prompt file, in which {{role}} {{ticket.id}} {{ticket.slug}}
{{ticket.title}} {{ticket.body}} {{workspace}} {{handoff}} are filled in; else an assignment: the role, the
ticket with its title and text, and to which peers to report.

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
  const asked = await launchRequest(call);
  const launcher = await openLauncher(call);
  const interrupts = io.interrupts();
  const launched = await begin(asked, { launcher, call, signal: interrupts });
  const outcome = await followed(launched, call, interrupts);
  if (terminal.json) terminal.printJson(outcomeJson(outcome));
  else reportOutcome(outcome, launched.ticket.id, { terminal, line });
  if (outcome.status !== "claimed" && outcome.status !== "recorded") {
    return exitCodeOfOutcome(outcome, interrupts);
  }
  if (interrupts.aborted) terminal.tell("note: it was accepted already; the Pod works on");
  const { launchId } = outcome.status === "claimed" ? outcome.claim : outcome.session;
  return args.flag("wait")
    ? await waitForRun(call, launcher, { ticket: launched.ticket, launchId })
    : EXIT.done;
}

type Launched = Launch | Launch<UnticketedOutcome>;

async function begin(
  asked: AskedLaunch,
  { launcher, call, signal }: { launcher: Launcher; call: Call; signal: AbortSignal },
): Promise<Launched> {
  if (asked.kind === "noTicket") return launcher.launchWithoutTicket({ ...asked.request, signal });
  const ticket = await findNamedTicket(asked.request.ticket, call);
  return launcher.launch({ ...asked.request, ticket, signal });
}

/** Shows how it goes on until it has ended. */
async function followed(
  launched: Launched,
  { terminal }: Call,
  interrupts: AbortSignal,
): Promise<Outcome | UnticketedOutcome> {
  const progress = progressFor(terminal);
  const onInterrupt = () => {
    progress.end();
    if (terminal.json) return;
    terminal.tell(`${messageOf(interrupts.reason)}: stopping the Pod first`);
  };
  try {
    interrupts.addEventListener("abort", onInterrupt, { once: true });
    for await (const step of launched) progress.step(step);
    return await launched.outcome;
  } finally {
    progress.end();
    interrupts.removeEventListener("abort", onInterrupt);
  }
}

/** Of this launch: with --when-done its claim may have ended into history, and its Pod with it, before this begins. */
async function waitForRun(
  { terminal, io }: Call,
  launcher: Launcher,
  { ticket, launchId }: Pick<Claim, "ticket" | "launchId">,
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
