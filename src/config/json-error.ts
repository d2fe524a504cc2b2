import { printable } from "../text.js";

/** Where a text stops being JSON, counted from 1, and what should have stood there. */
export interface JsonError {
  readonly line: number;
  readonly column: number;
  readonly expected: string;
  readonly came: string;
}

type Place = "value" | "item or end" | "name" | "name or end" | "colon" | "comma or end" | "end of text";

const EXPECTED: Readonly<Record<Place, string>> = {
  value: "a value",
  "item or end": 'a value or "]"',
  name: "a name in double quotes",
  "name or end": 'a name in double quotes or "}"',
  colon: '":"',
  "comma or end": '"," or the end of what was begun',
  "end of text": "nothing more",
};

const NUMBER_OR_WORD = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|(?:true|false|null)(?!\w)/uy;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/uy;

/**
 * The first error of a text that `JSON.parse` has refused; undefined where none is found. The parser's own words are others in
 * each version of Node, name no place for some errors, and quote the file instead.
 */
export function findJsonError(text: string): JsonError | undefined {
  const open: ("{" | "[")[] = [];
  let place: Place = "value";
  let at = skipBlanks(text, 0);
  while (at < text.length || place !== "end of text") {
    const char = text[at] ?? "";
    const step = stepAt(text, at, place);
    if (step === undefined) return errorAt(text, at, EXPECTED[place]);
    if (step.failedAt !== undefined) return errorAt(text, step.failedAt, step.expected);
    if (char === "{" || char === "[") open.push(char);
    if ((char === "}" && open.pop() !== "{") || (char === "]" && open.pop() !== "[")) {
      return errorAt(text, at, EXPECTED["comma or end"]);
    }
    place = step.place ?? (open.length === 0 ? "end of text" : "comma or end");
    if (char === ",") place = open.at(-1) === "{" ? "name" : "value";
    at = skipBlanks(text, step.end);
  }
  return undefined;
}

type Step =
  /** `place` is absent after a value: what follows depends on what is open. */
  | { readonly end: number; readonly place?: Place; readonly failedAt?: undefined }
  | { readonly failedAt: number; readonly expected: string };

function stepAt(text: string, at: number, place: Place): Step | undefined {
  const char = text[at] ?? "";
  switch (place) {
    case "item or end":
      return char === "]" ? { end: at + 1 } : valueAt(text, at);
    case "value":
      return valueAt(text, at);
    case "name or end":
      if (char === "}") return { end: at + 1 };
      return char === '"' ? stringAt(text, at, "colon") : undefined;
    case "name":
      return char === '"' ? stringAt(text, at, "colon") : undefined;
    case "colon":
      return char === ":" ? { end: at + 1, place: "value" } : undefined;
    case "comma or end":
      return char !== "" && ",]}".includes(char) ? { end: at + 1 } : undefined;
    case "end of text":
      return undefined;
  }
}

function valueAt(text: string, at: number): Step | undefined {
  switch (text[at]) {
    case "{":
      return { end: at + 1, place: "name or end" };
    case "[":
      return { end: at + 1, place: "item or end" };
    case '"':
      return stringAt(text, at);
    default:
      NUMBER_OR_WORD.lastIndex = at;
      return NUMBER_OR_WORD.test(text) ? { end: NUMBER_OR_WORD.lastIndex } : undefined;
  }
}

function stringAt(text: string, start: number, place?: Place): Step {
  for (let at = start + 1; ;) {
    const char = text[at];
    if (char === '"') return { end: at + 1, ...(place && { place }) };
    if (char === undefined || char < " ") return { failedAt: at, expected: 'the text to end with "' };
    if (char !== "\\") at += 1;
    else {
      ESCAPE.lastIndex = at;
      if (!ESCAPE.test(text)) return { failedAt: at, expected: 'an escape such as \\n, \\" or \\u00e4' };
      at = ESCAPE.lastIndex;
    }
  }
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && " \t\n\r".includes(text[at] ?? "")) at += 1;
  return at;
}

function errorAt(text: string, at: number, expected: string): JsonError {
  const before = text.slice(0, at).split("\n");
  const word = /^(?:[\w.+-]{1,40}|[^])/u.exec(text.slice(at, at + 64))?.[0];
  return {
    line: before.length,
    column: (before.at(-1)?.length ?? 0) + 1,
    expected,
    came:
      word === undefined ? "the end of the file" : word === "\n" ? "the end of the line" : printable(word),
  };
}
