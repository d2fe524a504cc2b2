import { messageOf } from "../errors.js";
import type { CommandEvidence } from "../../machines/launch.types.js";
import { DURATION_FORM, parseDuration } from "./duration.js";

/** What `accept` may be, for messages. */
export const ACCEPT_FORM = "exit, output:REGEX or alive:DURATION";

/**
 * When the run of a plain command counts as accepted, as it is written in the configuration and on the command line.
 *
 * @throws Error that says what was expected
 */
export function parseAccept(text: string): CommandEvidence {
  if (text === "exit") return { kind: "exit" };
  const [, kind, argument = ""] = /^(output|alive):(.*)$/su.exec(text) ?? [];
  switch (kind) {
    case "output":
      return { kind: "output", pattern: checkPattern(argument) };
    case "alive": {
      const afterMs = parseDuration(argument);
      if (!afterMs) throw new Error(`expected ${DURATION_FORM} after "alive:"`);
      return { kind: "alive", afterMs };
    }
    default:
      throw new Error(`expected ${ACCEPT_FORM}`);
  }
}

function checkPattern(pattern: string): string {
  // An empty one would match the first line, whatever it says.
  if (pattern === "") throw new Error('expected a regular expression after "output:"');
  try {
    new RegExp(pattern, "u");
  } catch (error) {
    throw new Error(`expected a regular expression after "output:"; ${messageOf(error)}`, { cause: error });
  }
  return pattern;
}
