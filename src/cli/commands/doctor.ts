import { legible, legibleLines } from "../../text.js";
import type { Finding } from "../../ports.js";
import { mendOf } from "../advice.js";
import type { Call, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { printAdvice } from "../tell-advice.js";
import { openVerbs } from "../verbs.js";

export const doctor: Command = {
  name: "doctor",
  positionals: [],
  flags: { fix: { help: "mend what can be mended without losing anything" } },
  about: `Everything that is not as it should be, with the command that mends it. Exit code 1 if there are errors.`,
  run,
};

const COLOURS = { error: "red", warning: "yellow", info: "dim" } as const;

async function run(call: Call): Promise<number> {
  const { args, terminal } = call;
  const { verbs } = await openVerbs(call, { tellsTrouble: false });
  const diagnosis = await verbs.doctor({ fix: args.flag("fix") });
  if (terminal.json) terminal.printJson(diagnosis);
  else {
    if (diagnosis.findings.length === 0) terminal.print("everything is as it should be");
    for (const finding of diagnosis.findings) printFinding(finding, call);
  }
  return diagnosis.healthy ? EXIT.done : EXIT.failed;
}

function printFinding(finding: Finding, { terminal, line }: Call): void {
  const { severity, ticket, message, file, mended } = finding;
  const about = ticket === undefined ? "" : `${legible(ticket.id, 100)}: `;
  terminal.print(`${terminal.paintResult(COLOURS[severity], severity)}  ${about}${legibleLines(message)}`);
  if (file !== undefined) terminal.print(`  ${legible(file)}`);
  if (mended) terminal.print("  mended");
  else printAdvice([mendOf(finding, line)], terminal);
}
