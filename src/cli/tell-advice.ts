import { legible } from "../text.js";
import type { Advice } from "./advice.js";
import type { Terminal } from "./terminal.js";

/** Lines to read first come as they are; commands stand under each other, to be copied. */
export function tellAdvice(advice: readonly Advice[], terminal: Terminal): void {
  const commands = advice.flatMap((entry) => (typeof entry === "string" ? [] : [entry.command]));
  const width = Math.max(0, ...commands.map((command) => command.length));
  for (const entry of advice) {
    if (typeof entry === "string") terminal.tell(`  ${legible(entry)}`);
    else {
      const { command, does } = entry;
      const padding = " ".repeat(width - command.length);
      terminal.tell(`  ${terminal.paintMessage("cyan", command)}${padding}  ${legible(does)}`);
    }
  }
}
