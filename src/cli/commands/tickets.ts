import { legible } from "../../text.js";
import type { TicketAction, TicketBoard, TicketStatus } from "../../verbs/tickets.js";
import { adviceForBlock } from "../advice.js";
import type { Call, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { printAdvice } from "../tell-advice.js";
import { tableOf } from "../terminal.js";
import { openReading } from "../verbs.js";

export const tickets: Command = {
  name: "tickets",
  positionals: [],
  flags: {},
  about: `The workspace's own tickets (.yoi/tickets, or where .yoi/ticket.config.toml says), each with its workflow
state, its claim, and what a panel would offer: Clarify (intake), Queue (ready), Wait (queued, inprogress),
Close (done). A claim that stands changes Clarify: a living Pod is named; anything else comes with the commands
that clear it. A ticket that cannot be read is told as such and hides no other. Reads, and writes nothing.`,
  run,
};

async function run(call: Call): Promise<number> {
  const { terminal } = call;
  const board = await (await openReading(call)).tickets();
  if (terminal.json) terminal.printJson(board);
  else printBoard(board, call);
  return EXIT.done;
}

function printBoard({ directory, tickets, unreadable }: TicketBoard, call: Call): void {
  const { terminal } = call;
  if (directory === undefined) {
    terminal.print("this workspace has no tickets of its own (.yoi/tickets)");
    return;
  }
  if (tickets.length > 0) {
    const rows = tickets.map((ticket) => [
      ticket.id,
      ticket.state,
      ticket.claim?.state ?? "",
      offer(ticket),
      ticket.title,
    ]);
    const [head = "", ...lines] = tableOf(["TICKET", "STATE", "CLAIM", "ACTION", "TITLE"], rows);
    terminal.print(terminal.paintResult("bold", head));
    for (const [index, line] of lines.entries()) {
      terminal.print(line);
      const ticket = tickets[index];
      if (ticket) printHindrance(ticket, call);
    }
  } else if (unreadable.length === 0) terminal.print(`no tickets in ${legible(directory)}`);
  for (const { name, file, reason } of unreadable) {
    const word = terminal.paintResult("red", "unreadable");
    terminal.print(`${legible(name, 200)}  ${word}: ${legible(reason)} (${legible(file)})`);
  }
}

const OFFERS: Readonly<Record<TicketAction, string>> = {
  clarify: "Clarify",
  queue: "Queue",
  wait: "Wait",
  close: "Close",
  openPod: "Pod",
  diagnose: "Diagnose",
  inFlight: "In flight",
};

function offer({ action, claim }: TicketStatus): string {
  const pod = claim?.claim?.pod;
  return action === "openPod" && pod !== undefined ? `Pod ${pod}` : OFFERS[action];
}

/** Why there is no Clarify, and what to do: as a launch would be answered. */
function printHindrance({ id, action, claim }: TicketStatus, { terminal, line }: Call): void {
  if (claim === undefined || (action !== "openPod" && action !== "diagnose")) return;
  const { state, evidence, file, expect } = claim;
  if (action === "diagnose") terminal.print(`  ${legible(evidence.reason)}`);
  const block = {
    by: state,
    reason: evidence.reason,
    ...(claim.claim && { claim: claim.claim }),
    ...(evidence.pids.length > 0 && { pids: evidence.pids }),
    ...(file !== undefined && { file }),
    ...(expect !== undefined && { expect }),
  };
  printAdvice(adviceForBlock(block, id, line), terminal);
}
