import { legible, quoted } from "../text.js";
import type { CommandLine } from "./command.js";

/** Command lines for people to copy: of the workspace that they named, and safe whatever a ticket is called. */
export function lineFor(workspace: string | undefined): CommandLine {
  return (verb, { id, flags = [] } = {}) => {
    const place = workspace === undefined ? [] : ["--workspace", quoted(workspace)];
    const words = ["launch-claim", verb, ...place];
    // After `--`, an id that begins with a dash is no flag.
    if (id?.startsWith("-")) words.push(...flags.map(quoted), "--", quoted(id));
    else words.push(...(id === undefined ? [] : [quoted(id)]), ...flags.map(quoted));
    return legible(words.join(" "), 4_000);
  };
}
