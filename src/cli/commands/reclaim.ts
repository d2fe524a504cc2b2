import { legible } from "../../text.js";
import type { ClaimStatus } from "../../verbs/status.js";
import type { TicketRef } from "../../../machines/launch.types.js";
import type { OpenWorkspace } from "../../launcher-tools.js";
import type { Call, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { reportEnd } from "../end-report.js";
import { tellAdvice } from "../tell-advice.js";
import { openVerbs, theTicketOf } from "../verbs.js";
import { evidenceLines } from "./status.js";

export const reclaim: Command = {
  name: "reclaim",
  positionals: [{ name: "ticket" }],
  flags: {
    expect: {
      value: "LAUNCH_ID",
      help: "what must still stand: a launch id, or sha256:… of an unreadable record",
    },
    "dry-run": { help: "only say what would be ended, and by what evidence" },
    stop: { help: "end the processes that are left of it first, and prove them gone" },
    reason: { value: "TEXT", help: "kept in the history" },
  },
  about: `Ends a stale, restorable, lingering or unreadable claim, if it is still the one that --expect names. Never a
live one. Without --expect it shows what stands, by what evidence, and the exact command.`,
  run,
};

async function run(call: Call): Promise<number> {
  const { args } = call;
  const ticket = theTicketOf(call);
  const expect = args.text("expect");
  const opened = await openVerbs(call);
  if (expect === undefined) return await showEvidence(ticket, opened, call);
  const reason = args.text("reason");
  const outcome = await opened.verbs.reclaim(ticket, {
    expect,
    stop: args.flag("stop"),
    dryRun: args.flag("dry-run"),
    ...(reason !== undefined && { reason }),
  });
  return reportEnd(
    { verb: "reclaim", id: ticket.id, outcome, done: `reclaimed ${legible(ticket.id, 100)}` },
    call,
  );
}

/** Nobody is to end a claim that they have not looked at: the launch id that has to be named is shown with the evidence. */
async function showEvidence(
  ticket: TicketRef,
  { verbs, registry }: OpenWorkspace & Awaited<ReturnType<typeof openVerbs>>,
  call: Call,
): Promise<number> {
  const { terminal, line } = call;
  const { claims } = await verbs.status(ticket);
  const [standing] = claims;
  const left = standing ? undefined : await unclaimedPod(ticket, registry);
  const expected = standing ? (standing.claim?.launchId ?? standing.expect) : left?.launchId;
  if (expected === undefined) {
    return reportEnd({ verb: "reclaim", id: ticket.id, outcome: { status: "absent" }, done: "" }, call);
  }
  const command = line("reclaim", { id: ticket.id, flags: ["--expect", expected] });
  if (terminal.json) {
    terminal.printJson({ claims, next: command, ...(left && { pod: left }) });
    return EXIT.done;
  }
  for (const text of standing ? standingLines(standing) : [`Pod ${left?.pod ?? ""} stands without a claim`]) {
    terminal.print(legible(text, 2_000));
  }
  tellAdvice(adviceFor(standing, command, call), terminal);
  return EXIT.done;
}

function adviceFor(standing: ClaimStatus | undefined, command: string, { line }: Call) {
  const id = standing?.ticket?.id;
  if (standing?.state === "live") {
    return [
      "It is live, and a living claim is never reclaimed.",
      { command: line("stop", { id }), does: "stop its Pod first" },
    ];
  }
  return [{ command, does: "end it" }];
}

function standingLines(standing: ClaimStatus): string[] {
  const { ticket, state } = standing;
  return [`${ticket?.id ?? "a ticket that its file does not name"}: ${state}`, ...evidenceLines(standing)];
}

/** The record of a Pod whose launch could not prove it gone. */
async function unclaimedPod(
  ticket: TicketRef,
  registry: OpenWorkspace["registry"],
): Promise<{ readonly pod: string; readonly launchId: string } | undefined> {
  for (const stored of await registry.pods(ticket)) {
    if (stored.kind !== "pod" || stored.record.state === "ended") continue;
    const { pod, launchId } = stored.record;
    return { pod, launchId };
  }
  return undefined;
}
