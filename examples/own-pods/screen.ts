import { stripVTControlCharacters, styleText } from "node:util";

type Style = "bold" | "dim" | "green" | "red" | "yellow";

const { NO_COLOR: noColor = "" } = process.env;
const inColour = process.stdout.isTTY && noColor === "";

/** Plain unless somebody looks at it on a terminal. */
export function paint(style: Style, text: string): string {
  return inColour ? styleText(style, text) : text;
}

export function print(line = ""): void {
  process.stdout.write(`${line}\n`);
}

export function heading(text: string): void {
  print();
  print(paint("bold", text));
}

/** Text from elsewhere with everything visible that would move the cursor, change a colour or turn the line around. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

/** Columns as wide as their widest cell; nothing at all if there are no rows. */
export function table(names: readonly string[], rows: readonly (readonly string[])[]): void {
  if (rows.length === 0) return;
  const all = [names.map((name) => paint("dim", name)), ...rows];
  const widths = names.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ""))));
  for (const row of all) {
    const cells = row.map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - widthOf(cell)));
    print(`      ${cells.join("  ").trimEnd()}`);
  }
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

function widthOf(cell: string): number {
  return stripVTControlCharacters(cell).length;
}
