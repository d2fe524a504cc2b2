/** What a person has typed. */
export type Typed =
  | { readonly kind: "line"; readonly text: string }
  /** One character with nothing typed before it: it may be an answer. */
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "leave" };

const LONGEST_LINE = 100_000;
const ESCAPE = "\u001b";

/**
 * The line that is being typed on a terminal that gives every key as it comes. Arrows and the like are ignored. What is pasted in
 * one piece is text, whatever it begins with, and never an answer.
 */
export class LineEditor {
  #line = "";
  /** Within an escape sequence; a terminal may send it in parts. */
  #escape = "";

  get line(): string {
    return this.#line;
  }

  /** @param isAnswer whether a single key now means something by itself */
  *press(text: string, isAnswer: (key: string) => boolean): Generator<Typed> {
    const [only = "", ...more] = text;
    if (more.length === 0 && this.#line === "" && this.#escape === "" && isAnswer(only)) {
      yield { kind: "key", key: only };
      return;
    }
    for (const char of text) {
      if (this.#isEscaped(char)) continue;
      if (char === "\u0003" || (char === "\u0004" && this.#line === "")) yield { kind: "leave" };
      else if (char === "\r" || char === "\n") {
        const line = this.#line;
        this.#line = "";
        if (line.trim() !== "") yield { kind: "line", text: line };
      } else this.#edit(char);
    }
  }

  #edit(char: string): void {
    if (char === "\u007f" || char === "\b") this.#line = Array.from(this.#line).slice(0, -1).join("");
    else if (char === "\u0015") this.#line = "";
    else if (char === "\u0017") this.#line = this.#line.replace(/\S*\s*$/u, "");
    else if (char === "\t") this.#line += " ";
    else if (!/\p{Cc}/u.test(char) && this.#line.length < LONGEST_LINE) this.#line += char;
  }

  /** `ESC [ … letter`, `ESC O letter` or `ESC char`. */
  #isEscaped(char: string): boolean {
    if (this.#escape === "") {
      if (char !== ESCAPE) return false;
      this.#escape = char;
      return true;
    }
    this.#escape += char;
    const isOpen = this.#escape === `${ESCAPE}[` || this.#escape === `${ESCAPE}O`;
    const isParameter = this.#escape.startsWith(`${ESCAPE}[`) && /[\d;?<>=]/u.test(char);
    if (!isOpen && !isParameter) this.#escape = "";
    return true;
  }
}
