import { legible } from "../text.js";
import type { EndOutcome } from "../verbs/end-claim.js";
import type { Call } from "./command.js";
import { EXIT, exitCodeOfVerb } from "./exit-codes.js";
import { reportNotDone } from "./verb-report.js";

interface Ended {
  readonly verb: "release" | "reclaim";
  readonly id: string;
  readonly outcome: EndOutcome;
  /** What to say if it was done. */
  readonly done: string;
}

/** @returns the exit code */
export function reportEnd({ verb, id, outcome, done }: Ended, call: Call): number {
  const { terminal } = call;
  if (terminal.json) terminal.printJson(outcome);
  else {
    switch (outcome.status) {
      case "ended":
        terminal.print(terminal.paintResult("green", done));
        if (outcome.file !== undefined) terminal.tell(`  kept in ${legible(outcome.file)}`);
        break;
      case "wouldEnd":
        terminal.print(
          `would be ended: ${outcome.judgement.state}: ${legible(outcome.judgement.evidence.reason)}`,
        );
        break;
      case "absent":
        terminal.tell(`no claim on ${legible(id, 100)}`);
        break;
      case "refused":
      case "unresolved":
        reportNotDone({ verb, id, outcome }, call);
    }
  }
  return exitCodeOfVerb(outcome.status, EXIT.failed);
}
