import { messageOf } from "../../errors.js";
import type { RestoreOutcome } from "../../outcome.js";
import type { Call, Command } from "../command.js";
import { exitCodeOfOutcome } from "../exit-codes.js";
import { progressFor } from "../launch-progress.js";
import { recipeOf, timeoutsOf } from "../launch-request.js";
import { outcomeJson, reportRestore } from "../outcome-report.js";
import { openLauncher, theTicketOf } from "../verbs.js";

export const restore: Command = {
  name: "restore",
  positionals: [{ name: "ticket" }],
  takesCommand: true,
  flags: {
    agent: { value: "NAME", help: "how the agent is run again; default: as the claim's agent" },
    timeout: {
      value: "PHASE=DUR",
      repeatable: true,
      help: "admit ready connect commit verify stop; 500ms, 2s, 3m",
    },
  },
  about: `Starts the agent of a restorable claim again, in a new Pod, and has it load the session of the old one. No
prompt is sent: what the agent was told it still knows. The claim is replaced by its continuation, with a new
launch id. What survives of the old Pod is ended first. If the session cannot be loaded, no Pod is left, and the
claim stays as it was.

-- COMMAND ARG… runs that program instead of the one that the claim names.`,
  run,
};

async function run(call: Call): Promise<number> {
  const { args, terminal, io, line } = call;
  const ticket = theTicketOf(call);
  const agent = args.text("agent");
  const recipe = recipeOf(args);
  const request = {
    ticket,
    ...(agent !== undefined && { agent }),
    ...(recipe && { recipe }),
    timeouts: timeoutsOf(args.list("timeout")),
  };
  const launcher = await openLauncher(call);
  const interrupts = io.interrupts();
  const progress = progressFor(terminal);
  const onInterrupt = () => {
    progress.end();
    if (!terminal.json) terminal.tell(`${messageOf(interrupts.reason)}: the Pod is stopped first`);
  };
  let outcome: RestoreOutcome;
  try {
    const restoring = launcher.restore({ ...request, signal: interrupts });
    interrupts.addEventListener("abort", onInterrupt, { once: true });
    for await (const step of restoring) progress.step(step);
    outcome = await restoring.outcome;
  } finally {
    progress.end();
    interrupts.removeEventListener("abort", onInterrupt);
  }
  if (terminal.json) terminal.printJson(outcomeJson(outcome));
  else reportRestore(outcome, ticket.id, { terminal, line });
  return exitCodeOfOutcome(outcome, interrupts);
}
