import { legible } from "../text.js";
import type { Refused } from "../verbs/verb-tools.js";
import { adviceForRefusal, adviceForUnresolved } from "./advice.js";
import type { Call } from "./command.js";
import { tellAdvice } from "./tell-advice.js";

interface NotDone {
  readonly verb: "stop" | "release" | "reclaim" | "link";
  readonly id: string;
  readonly outcome:
    Refused | { readonly status: "unresolved"; readonly pids: readonly number[]; readonly reason: string };
}

/** Says to people why a verb was not carried out, and what to do next. */
export function reportNotDone({ verb, id, outcome }: NotDone, { terminal, line }: Call): void {
  const bad = (word: string) => terminal.paintMessage("red", word);
  if (outcome.status === "refused") {
    terminal.tell(`${bad("refused:")} ${legible(id, 100)}: ${legible(outcome.reason)}`);
    tellAdvice(adviceForRefusal(verb, outcome, { id, line }), terminal);
    return;
  }
  terminal.tell(`${bad("unresolved:")} ${legible(outcome.reason)}`);
  if (outcome.pids.length > 0) terminal.tell(`  May still run: ${outcome.pids.join(", ")}`);
  tellAdvice(adviceForUnresolved(id, line), terminal);
}
