import { podOfKey } from "../../unticketed.js";
import type { Call, Command } from "../command.js";
import { exitCodeOfOutcome } from "../exit-codes.js";
import { outcomeJson, reportOutcome } from "../outcome-report.js";
import { openLauncher, theTicketOf } from "../verbs.js";

export const adopt: Command = {
  name: "adopt",
  positionals: [{ name: "ticket" }],
  flags: { role: { value: "R", help: "the role that the claim carries; default: intake" } },
  about: `Commits the claim of a living Pod of this ticket that has accepted its first run and was left unclaimed,
because its launcher died or its launch ended as unresolved. Starts nothing and sends no prompt. Of a Pod without
a ticket, pod:NAME, it records the role session.`,
  run,
};

async function run(call: Call): Promise<number> {
  const { args, terminal, io, line } = call;
  const ticket = theTicketOf(call);
  const role = args.text("role");
  const launcher = await openLauncher(call);
  const signal = io.interrupts();
  const options = { signal, ...(role !== undefined && { role }) };
  const pod = podOfKey(ticket);
  const outcome = await (pod === undefined
    ? launcher.adopt(ticket, options)
    : launcher.adoptWithoutTicket(pod, options));
  if (terminal.json) terminal.printJson(outcomeJson(outcome));
  else reportOutcome(outcome, ticket.id, { terminal, line, verb: "adopt" });
  return exitCodeOfOutcome(outcome, signal);
}
