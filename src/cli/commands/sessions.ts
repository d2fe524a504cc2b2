import { legible, printable } from "../../text.js";
import type { Call, Command } from "../command.js";
import { EXIT, exitCodeOfVerb } from "../exit-codes.js";
import { findNamedTicket } from "../find-ticket.js";
import { tableOf } from "../terminal.js";
import { UsageError } from "../usage-error.js";
import { reportNotDone } from "../verb-report.js";
import { openReading, openVerbs } from "../verbs.js";

export const sessions: Command = {
  name: "sessions",
  positionals: [
    { name: "link", optional: true },
    { name: "pod", optional: true },
    { name: "ticket", optional: true },
  ],
  flags: {},
  about: `Role sessions, the oldest first: which Pod ran which role, in which session, for which tickets, and whether it
runs now.

sessions link <pod> <ticket> adds a ticket to a Pod's session, durably: the one that came of an intake which was
launched without a ticket. It claims nothing; twice is once. A slug does for the ticket as in "launch".`,
  run,
};

async function run(call: Call): Promise<number> {
  const [word, pod, ticket] = call.args.positionals;
  if (word === undefined) return await list(call);
  if (word !== "link") {
    throw new UsageError(
      `"sessions" takes no arguments, but came ${printable(word)}`,
      "Or, to add a ticket to a Pod's session: sessions link <pod> <ticket>",
    );
  }
  if (pod === undefined || ticket === undefined) {
    throw new UsageError(
      `"sessions link" needs <pod> and <ticket>, but ${pod ? "only the Pod" : "nothing"} came`,
    );
  }
  return await link({ pod, ticket }, call);
}

async function list(call: Call): Promise<number> {
  const { terminal } = call;
  const found = await (await openReading(call)).sessions();
  if (terminal.json) terminal.printJson({ sessions: found });
  else if (found.length === 0) terminal.print("no role sessions");
  else {
    const rows = found.map(({ pod, podState, role, sessionId, tickets, createdAt }) => [
      pod,
      podState ?? "",
      role,
      tickets.map(({ id }) => id).join(", "),
      createdAt,
      sessionId ?? "",
    ]);
    const [head = "", ...lines] = tableOf(["POD", "RUNS", "ROLE", "TICKETS", "SINCE", "SESSION"], rows);
    for (const line of [terminal.paintResult("bold", head), ...lines]) terminal.print(line);
  }
  return EXIT.done;
}

async function link(named: { readonly pod: string; readonly ticket: string }, call: Call): Promise<number> {
  const { terminal } = call;
  const { pod } = named;
  const ticket = await findNamedTicket({ id: named.ticket }, call);
  const { verbs } = await openVerbs(call);
  const outcome = await verbs.linkSession(pod, ticket);
  if (terminal.json) terminal.printJson(outcome);
  else if (outcome.status === "linked") {
    const how = outcome.added ? "linked" : "was linked already";
    terminal.print(
      `Pod ${legible(pod)} ${how}: ${legible(outcome.session.tickets.map(({ id }) => id).join(", "))}`,
    );
  } else if (outcome.status === "absent") terminal.tell(`no role session of a Pod ${printable(pod)}`);
  else reportNotDone({ verb: "link", id: ticket.id, outcome }, call);
  return exitCodeOfVerb(outcome.status, EXIT.failed);
}
