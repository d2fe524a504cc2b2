import type { Call, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { tableOf } from "../terminal.js";
import { openVerbs } from "../verbs.js";

export const sessions: Command = {
  name: "sessions",
  positionals: [],
  flags: {},
  about: `Role sessions, the oldest first: which Pod ran which role, in which session, for which tickets.`,
  run,
};

async function run(call: Call): Promise<number> {
  const { terminal } = call;
  const found = await (await openVerbs(call)).verbs.sessions();
  if (terminal.json) terminal.printJson({ sessions: found });
  else if (found.length === 0) terminal.print("no role sessions");
  else {
    const rows = found.map(({ pod, role, sessionId, tickets, createdAt }) => [
      pod,
      role,
      tickets.map(({ id }) => id).join(", "),
      createdAt,
      sessionId ?? "",
    ]);
    const [head = "", ...lines] = tableOf(["POD", "ROLE", "TICKETS", "SINCE", "SESSION"], rows);
    for (const line of [terminal.paintResult("bold", head), ...lines]) terminal.print(line);
  }
  return EXIT.done;
}
