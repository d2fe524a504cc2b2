import { legible } from "../../text.js";
import type { Call, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { tableOf } from "../terminal.js";
import { openReading, ticketOf } from "../verbs.js";

export const history: Command = {
  name: "history",
  positionals: [{ name: "ticket", optional: true }],
  flags: {},
  about: `Claims that were ended, the latest first: how, when, why and by whom.`,
  run,
};

async function run(call: Call): Promise<number> {
  const { terminal } = call;
  const ticket = ticketOf(call);
  const entries = await (await openReading(call)).history(ticket);
  if (terminal.json) terminal.printJson({ history: entries });
  else if (entries.length === 0) {
    terminal.print(ticket ? `no ended claim of ${legible(ticket.id, 100)}` : "no ended claims");
  } else {
    const rows = entries.map(({ claim, endedAt, how, reason, by }) => [
      claim.ticket.id,
      endedAt,
      how,
      claim.pod,
      by,
      reason === how ? "" : reason,
    ]);
    const [head = "", ...lines] = tableOf(["TICKET", "ENDED AT", "HOW", "POD", "BY", "REASON"], rows);
    for (const line of [terminal.paintResult("bold", head), ...lines]) terminal.print(line);
  }
  return EXIT.done;
}
