/** Control characters, lone surrogates, line separators, the replacement character, and what reorders text on a screen. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u2028\u2029\ufffd\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** Whether the text is shown as it is kept; the empty text is. */
export function isLegible(text: string): boolean {
  return !UNPRINTABLE.test(text);
}

/** Whether a person sees all of it, in the order in which it is kept. */
export function isPrintable(text: string): boolean {
  return text.trim() !== "" && !UNPRINTABLE.test(text);
}

/** Text from elsewhere, quoted and bounded, with everything invisible made visible. */
export function printable(text: string, limit = 80): string {
  return legible(JSON.stringify(text.length > limit ? `${text.slice(0, limit)}…` : text), Infinity);
}

/** As `printable`, but without quotes: for messages that hold text from elsewhere. */
export function legible(text: string, limit = 500): string {
  const bounded = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return bounded.replace(
    new RegExp(UNPRINTABLE.source, "gu"),
    (char) => `\\u${char.codePointAt(0)?.toString(16).padStart(4, "0") ?? ""}`,
  );
}

/** As `legible`, but of a message that has lines: indented, so that none of them looks like one of ours. */
export function legibleLines(text: string, indent = "  "): string {
  const lines = text.slice(0, 4_000).split("\n");
  return lines.map((line) => legible(line, 2_000)).join(`\n${indent}`);
}

/** A word for a shell to read as it is; what needs no quotes has none. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/u.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
