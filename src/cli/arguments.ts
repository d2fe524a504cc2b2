import { parseArgs } from "node:util";
import { printable } from "../text.js";
import type { CommandShape, Flag } from "./flags.js";
import { UsageError } from "./usage-error.js";

/** What every command takes. */
export const GLOBAL_FLAGS: Readonly<Record<string, Flag>> = {
  workspace: {
    value: "DIR",
    help: "the project; default: the nearest parent with launch-claim.config.json or .git",
  },
  json: { help: "print results as JSON, a stable contract" },
  help: { help: "say how the command is used" },
};

/** The flags and words that a command was given, as far as they can be judged without knowing the command. */
export class Arguments {
  readonly positionals: readonly string[];
  /** What came after `--`. */
  readonly rest: readonly string[] | undefined;
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(
    values: ReadonlyMap<string, readonly string[]>,
    words: { readonly positionals: readonly string[]; readonly rest: readonly string[] | undefined },
  ) {
    this.#values = values;
    this.positionals = words.positionals;
    this.rest = words.rest;
  }

  flag(name: string): boolean {
    return this.#values.has(name);
  }

  /** The last one, if it was given more than once. */
  text(name: string): string | undefined {
    return this.#values.get(name)?.at(-1);
  }

  list(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }
}

/** @throws UsageError */
export function parseArguments(argv: readonly string[], command: CommandShape): Arguments {
  const flags: Readonly<Record<string, Flag>> = { ...command.flags, ...GLOBAL_FLAGS };
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { value }]) => {
      const type = value === undefined ? ("boolean" as const) : ("string" as const);
      return [name, name === "help" ? { type, short: "h" } : { type }];
    }),
  );
  // Not strict: node's own messages say what came, but not what was expected.
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    tokens: true,
    allowPositionals: true,
  });
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  let end: number | undefined;
  for (const token of tokens) {
    if (token.kind === "positional") {
      if (end === undefined || !command.takesCommand) positionals.push(token.value);
    } else if (token.kind === "option-terminator") end = token.index;
    else {
      const value = valueOf(token, { flags, command: command.name });
      values.set(token.name, [...(values.get(token.name) ?? []), value]);
    }
  }
  if (!values.has("help")) checkWords(positionals, command);
  const rest = end !== undefined && command.takesCommand ? argv.slice(end + 1) : undefined;
  return new Arguments(values, { positionals, rest });
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function valueOf(
  { name, rawName, value, inlineValue }: OptionToken,
  { flags, command }: { flags: Readonly<Record<string, Flag>>; command: string },
): string {
  const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
  if (flag === undefined || (rawName !== `--${name}` && rawName !== "-h")) {
    const known = Object.keys(flags).map((known) => `--${known}`);
    throw new UsageError(
      `"${command}" has no flag ${printable(rawName)}`,
      `It has ${known.join(" ")}. To say more of them: launch-claim help ${command}`,
    );
  }
  if (flag.value === undefined) {
    if (value === undefined) return "";
    throw new UsageError(`${rawName} takes no value, but came with ${printable(value)}`);
  }
  const needs = `${rawName} needs a value: ${rawName} ${flag.value}`;
  if (value === undefined) throw new UsageError(`${needs}, but nothing came`);
  if (!inlineValue && value.startsWith("-") && value !== "-") {
    throw new UsageError(
      `${needs}, but came ${printable(value)}`,
      `If that is the value: ${rawName}=${value}`,
    );
  }
  return value;
}

function checkWords(words: readonly string[], { name, positionals }: CommandShape): void {
  const required = positionals.filter(({ optional }) => !optional);
  const missing = required[words.length];
  if (missing) throw new UsageError(`"${name}" needs <${missing.name}>, but nothing came`, usageHint(name));
  const surplus = words[positionals.length];
  if (surplus === undefined) return;
  const expected = positionals.map((word) => (word.optional ? `[${word.name}]` : `<${word.name}>`)).join(" ");
  throw new UsageError(
    `"${name}" takes ${expected || "no arguments"}, but came ${printable(surplus)} as well`,
    usageHint(name),
  );
}

function usageHint(name: string): string {
  return `How it is used: launch-claim help ${name}`;
}
