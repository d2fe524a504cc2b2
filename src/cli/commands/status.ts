import type { ClaimStatus } from "../../verbs/status.js";
import type { ClaimState } from "../../registry/judge.js";
import { legible } from "../../text.js";
import type { ReadingVerbs } from "../../reading.js";
import type { TicketRef } from "../../../machines/launch.types.js";
import type { Call, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { pause } from "../pause.js";
import { tableOf, type Terminal } from "../terminal.js";
import { UsageError } from "../usage-error.js";
import { openReading, ticketOf } from "../verbs.js";

const WATCH_MS = 1_000;

export const status: Command = {
  name: "status",
  positionals: [{ name: "ticket", optional: true }],
  flags: { watch: { help: "draw it again each second, until interrupted; needs a terminal" } },
  about: `Every claim, or that of one ticket, with its state as of now: live (its Pod runs), lingering (the Pod is gone,
processes of it are left), restorable (gone, its session can be loaded again), stale (gone), unknown (cannot be
judged from here), unreadable (the record is damaged). A live one whose agent waits to be permitted something says
so: "attach" answers it. Changes nothing, and takes no lock.`,
  run,
};

async function run(call: Call): Promise<number> {
  const { args, terminal } = call;
  const ticket = ticketOf(call);
  const watch = args.flag("watch");
  if (watch && (terminal.json || !terminal.isLive.results)) {
    throw new UsageError("--watch needs a terminal to draw on, and no --json");
  }
  const verbs = await openReading(call);
  if (watch) return await watchClaims(call, verbs, ticket);
  const found = await verbs.status(ticket);
  if (terminal.json) terminal.printJson(found);
  else for (const line of statusLines(found.claims, ticket, terminal)) terminal.print(line);
  return EXIT.done;
}

async function watchClaims(
  { io, terminal }: Call,
  verbs: ReadingVerbs,
  ticket: TicketRef | undefined,
): Promise<number> {
  const signal = AbortSignal.any([io.interrupts(), io.closed]);
  while (!signal.aborted) {
    const lines = statusLines((await verbs.status(ticket)).claims, ticket, terminal);
    // Drawn over from the top, and only then cleared below: clearing first would flicker.
    const drawn = lines.map((line) => `${line}\u001b[K\n`).join("");
    terminal.draw("results", `\u001b[H${drawn}\u001b[J`);
    await pause(WATCH_MS, signal);
  }
  terminal.leaveInterruptLine();
  return EXIT.done;
}

const COLOURS: Readonly<Record<ClaimState, "green" | "red" | "yellow">> = {
  live: "green",
  lingering: "red",
  restorable: "yellow",
  stale: "yellow",
  unknown: "yellow",
  unreadable: "red",
};

function statusLines(
  claims: readonly ClaimStatus[],
  ticket: TicketRef | undefined,
  terminal: Terminal,
): string[] {
  if (claims.length === 0) return [ticket ? `no claim on ${legible(ticket.id, 100)}` : "no claims"];
  const rows = claims.map(({ ticket, state, claim, file }) => [
    ticket?.id ?? file ?? "?",
    state,
    claim?.role ?? "",
    claim?.pod ?? "",
    claim?.agent?.name ?? "",
    claim?.claimedAt ?? "",
  ]);
  const [head = "", ...lines] = tableOf(["TICKET", "STATE", "ROLE", "POD", "AGENT", "CLAIMED AT"], rows);
  const told = lines.flatMap((line, index) => {
    const entry = claims[index];
    if (entry === undefined) return [];
    const coloured = line.replace(entry.state, terminal.paintResult(COLOURS[entry.state], entry.state));
    const waits = (entry.permissions ?? []).map(
      ({ title }) =>
        `  ${terminal.paintResult("yellow", "waiting for a permission:")} ${legible(title, 200)}`,
    );
    return entry.state === "live" ? [coloured, ...waits] : [coloured, ...evidenceLines(entry)];
  });
  return [terminal.paintResult("bold", head), ...told];
}

/** By what a claim was judged that is not simply live. */
export function evidenceLines({ claim, evidence, file, expect }: ClaimStatus): string[] {
  return [
    `  ${legible(evidence.reason)}`,
    // The reason may have named them already.
    ...(evidence.pids.some((pid) => !new RegExp(`\\b${pid}\\b`, "u").test(evidence.reason))
      ? [`  processes: ${evidence.pids.join(", ")}`]
      : []),
    ...(claim ? [`  launch: ${legible(claim.launchId, 64)}`] : []),
    ...(file === undefined ? [] : [`  file: ${legible(file)}`]),
    ...(expect === undefined ? [] : [`  bytes: ${legible(expect, 100)}`]),
  ];
}
