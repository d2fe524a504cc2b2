import { legible } from "../../text.js";
import type { Call, Command } from "../command.js";
import { reportEnd } from "../end-report.js";
import { openVerbs, theTicketOf } from "../verbs.js";

export const release: Command = {
  name: "release",
  positionals: [{ name: "ticket" }],
  flags: {
    stop: { help: "stop its Pod first, and prove it gone; else a claim whose Pod runs is refused" },
    reason: { value: "TEXT", help: "kept in the history" },
  },
  about: `The work is over: ends the claim into history. The history entry is durable before the claim is removed.`,
  run,
};

async function run(call: Call): Promise<number> {
  const { args } = call;
  const ticket = theTicketOf(call);
  const reason = args.text("reason");
  const { verbs } = await openVerbs(call);
  const outcome = await verbs.release(ticket, {
    stop: args.flag("stop"),
    ...(reason !== undefined && { reason }),
  });
  return reportEnd(
    { verb: "release", id: ticket.id, outcome, done: `released ${legible(ticket.id, 100)}` },
    call,
  );
}
