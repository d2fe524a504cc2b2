import { legible } from "../../text.js";
import type { ClaimRegistry } from "../../ports.js";
import type { TicketRef } from "../../../machines/launch.types.js";
import type { Call, Command } from "../command.js";
import { EXIT, exitCodeOfVerb } from "../exit-codes.js";
import { reportNotDone } from "../verb-report.js";
import { tellAdvice } from "../tell-advice.js";
import { openVerbs, theTicketOf } from "../verbs.js";

export const stop: Command = {
  name: "stop",
  positionals: [{ name: "ticket" }],
  flags: {},
  about: `Stops the ticket's Pod, claimed or not, and proves it gone. The claim stays: "release" ends it. A Pod's own
name does, too: of one that was launched without a ticket there is nothing else to name.`,
  run,
};

async function run(call: Call): Promise<number> {
  const { terminal } = call;
  const opened = await openVerbs(call);
  const ticket = await ticketOrThatOfPod(theTicketOf(call), opened.registry);
  const outcome = await opened.verbs.stop(ticket);
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

/** The ticket of that id, if anything is known of it; else that of the Pod of that name. */
async function ticketOrThatOfPod(named: TicketRef, registry: ClaimRegistry): Promise<TicketRef> {
  if ((await registry.read(named)) || (await registry.pods(named)).length > 0) return named;
  const records = (await registry.pods()).flatMap((stored) => (stored.kind === "pod" ? [stored.record] : []));
  return records.find(({ pod }) => pod === named.id)?.ticket ?? named;
}

const WORD_OF = {
  kernel: "the kernel",
  scan: "the process table",
  host: "its host",
  nothingStarted: "its record",
} as const;
