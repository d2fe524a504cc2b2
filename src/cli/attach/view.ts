import type { Terminal } from "../terminal.js";
import type { View } from "./attachment.js";
import type { Screen } from "./screen.js";
import { Transcript } from "./transcript.js";

export interface PeopleOptions {
  readonly terminal: Terminal;
  readonly screen: Screen;
  /** True if keys are read: permissions can be answered. */
  readonly answers: boolean;
  /** What to do elsewhere, to answer. */
  readonly elsewhere: string;
}

/** For people: text, and what they can do. */
export function viewForPeople({ terminal, screen, answers, elsewhere }: PeopleOptions): View {
  const transcript = new Transcript(screen, terminal);
  const hint = (text: string) => screen.note(terminal.paintMessage("dim", text));
  return {
    raw: () => undefined,
    begin(snapshot) {
      transcript.begin(snapshot);
      if (answers) hint("  a line and Enter is a message to its agent; Ctrl-C detaches, and the Pod goes on");
    },
    show: (event) => transcript.show(event),
    leftOut: (count) => hint(`  … ${count} earlier events are not kept any more`),
    waits(options) {
      if (!answers) hint(`  waits for an answer, in a terminal: ${elsewhere}`);
      else if (options > 0)
        hint(`  press ${["1", "1 or 2"][options - 1] ?? `1 to ${Math.min(options, 9)}`} to answer`);
    },
    queued: () => hint("  waits: sent when the run that is under way has ended"),
  };
}

/** For programs: every event as the Pod told it, a line each. */
export function viewForPrograms(terminal: Terminal): View {
  return {
    raw: (line) => terminal.printJson(JSON.parse(line)),
    begin: () => undefined,
    show: () => undefined,
    leftOut: () => undefined,
    waits: () => undefined,
    queued: () => undefined,
  };
}
