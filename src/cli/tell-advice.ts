import { legible } from "../text.js";
import type { Advice } from "./advice.js";
import type { Terminal } from "./terminal.js";

/** Lines to read first come as they are; commands stand under each other, to be copied. */
export function tellAdvice(advice: readonly Advice[], terminal: Terminal): void {
  const paint = (command: string) => terminal.paintMessage("cyan", command);
  for (const line of adviceLines(advice, paint)) terminal.tell(line);
}

/** The same, where the advice is what was asked for. */
export function printAdvice(advice: readonly Advice[], terminal: Terminal): void {
  const paint = (command: string) => terminal.paintResult("cyan", command);
  for (const line of adviceLines(advice, paint)) terminal.print(line);
}

function adviceLines(advice: readonly Advice[], paint: (command: string) => string): string[] {
  const commands = advice.flatMap((entry) => (typeof entry === "string" ? [] : [entry.command]));
  const width = Math.max(0, ...commands.map((command) => command.length));
  return advice.map((entry) => {
    if (typeof entry === "string") return `  ${legible(entry)}`;
    const { command, does } = entry;
    return `  ${paint(command)}${" ".repeat(width - command.length)}  ${legible(does)}`;
  });
}
