import { legible } from "../text.js";

/** A reason with what the agent said last on stderr: whoever launched it may have no other way to see that. */
export function withLastWords(message: string, stderrTail: readonly string[]): string {
  const words = stderrTail.filter((line) => line.trim() !== "").map((line) => legible(line, 300));
  return words.length === 0 ? message : `${message}; its last words:\n${words.join("\n")}`;
}
