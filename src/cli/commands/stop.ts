import { legible } from "../../text.js";
import type { Call, Command } from "../command.js";
import { EXIT, exitCodeOfVerb } from "../exit-codes.js";
import { reportNotDone } from "../verb-report.js";
import { tellAdvice } from "../tell-advice.js";
import { openVerbs, theTicketOf } from "../verbs.js";

export const stop: Command = {
  name: "stop",
  positionals: [{ name: "ticket" }],
  flags: {},
  about: `Stops the ticket's Pod, claimed or not, and proves it gone. The claim stays: "release" ends it.`,
  run,
};

async function run(call: Call): Promise<number> {
  const { terminal } = call;
  const ticket = theTicketOf(call);
  const outcome = await (await openVerbs(call)).verbs.stop(ticket);
  if (terminal.json) terminal.printJson(outcome);
  else if (outcome.status === "stopped") {
    const pods = legible(outcome.pods.join(", "));
    terminal.print(
      outcome.wasGone
        ? `${pods} was gone already, by the word of ${WORD_OF[outcome.proof]}`
        : `stopped ${pods}: gone, by the word of ${WORD_OF[outcome.proof]}`,
    );
    if (outcome.claimed) {
      tellAdvice([{ command: call.line("release", { id: ticket.id }), does: "the work is over" }], terminal);
    }
  } else if (outcome.status === "absent") terminal.print(`no Pod of ${legible(ticket.id, 100)}`);
  else reportNotDone({ verb: "stop", id: ticket.id, outcome }, call);
  return exitCodeOfVerb(outcome.status, EXIT.done);
}

const WORD_OF = {
  kernel: "the kernel",
  scan: "the process table",
  host: "its host",
  nothingStarted: "its record",
} as const;
