import { LaunchClaimError, messageOf } from "../errors.js";
import { legible, legibleLines, printable } from "../text.js";
import type { Call, CommandLine } from "./command.js";
import { COMMANDS, type CommandEntry } from "./commands.js";
import { GLOBAL_FLAGS, parseArguments } from "./arguments.js";
import { EXIT, exitCodeOfError } from "./exit-codes.js";
import { commandHelp, generalHelp } from "./help.js";
import type { CliIo } from "./io.js";
import { lineFor } from "./line.js";
import { Terminal } from "./terminal.js";
import { UsageError } from "./usage-error.js";
import { version } from "./version.js";
import { findProject } from "./project.js";

/** Runs one command line to its end. Throws nothing that has a message for people. @returns the exit code */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  const flags = argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv;
  const terminal = new Terminal(io, flags.includes("--json"));
  try {
    return await dispatch(argv, io, terminal);
  } catch (error) {
    return report(error, terminal);
  }
}

async function dispatch(argv: readonly string[], io: CliIo, terminal: Terminal): Promise<number> {
  const { name, others } = splitCommand(argv);
  if (name === undefined) {
    if (others.includes("--version") || others.includes("-v")) terminal.print(version());
    else if (others.includes("--help") || others.includes("-h")) terminal.print(generalHelp(COMMANDS));
    else if (others.length > 0 && !others.every((flag) => flag === "--json")) {
      throw new UsageError(`expected a command, but came ${printable(others.join(" "))}`, known());
    } else {
      terminal.tell(generalHelp(COMMANDS));
      return EXIT.usage;
    }
    return EXIT.done;
  }
  if (name === "help") return await help(others, terminal);
  const command = await commandOf(name).load();
  const args = parseArguments(others, command);
  if (args.flag("help")) {
    terminal.print(commandHelp(command));
    return EXIT.done;
  }
  const directory = args.text("workspace");
  const line: CommandLine = lineFor(directory);
  const home = io.env["LAUNCH_CLAIM_HOME"] || undefined;
  const call: Call = { args, terminal, io, home, line, workspace: () => findProject(io.cwd, directory) };
  return await command.run(call);
}

/** The first word that is not a global flag, nor its value. */
function splitCommand(argv: readonly string[]): { name: string | undefined; others: readonly string[] } {
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? "";
    if (!word.startsWith("-")) return { name: word, others: argv.toSpliced(index, 1) };
    if (word === "--") break;
    if (word.startsWith("--") && GLOBAL_FLAGS[word.slice(2)]?.value !== undefined) index += 1;
  }
  return { name: undefined, others: argv };
}

async function help(words: readonly string[], terminal: Terminal): Promise<number> {
  const named = words.find((word) => !word.startsWith("-"));
  const name = named === "help" ? undefined : named;
  terminal.print(name === undefined ? generalHelp(COMMANDS) : commandHelp(await commandOf(name).load()));
  return EXIT.done;
}

function commandOf(name: string): CommandEntry {
  const entry = COMMANDS.find((command) => command.name === name);
  if (entry) return entry;
  const meant = COMMANDS.find((command) => isNear(command.name, name));
  const question = meant === undefined ? "" : `; did you mean "${meant.name}"?`;
  throw new UsageError(`there is no command ${printable(name)}${question}`, known());
}

/** One letter other, missing, too many, or two in each other's place. */
function isNear(word: string, typed: string): boolean {
  if (Math.abs(word.length - typed.length) > 1) return false;
  let at = 0;
  while (at < word.length && word[at] === typed[at]) at += 1;
  const [rest, came] = [word.slice(at), typed.slice(at)];
  return (
    rest.slice(1) === came.slice(1) ||
    rest === came.slice(1) ||
    rest.slice(1) === came ||
    (rest.slice(2) === came.slice(2) && rest[0] === came[1] && rest[1] === came[0])
  );
}

function known(): string {
  return `The commands: ${COMMANDS.map(({ name }) => name).join(" ")}. What they do: launch-claim --help`;
}

function report(error: unknown, terminal: Terminal): number {
  const told = error instanceof UsageError || LaunchClaimError.is(error) ? error : undefined;
  const code = told?.code ?? "internal";
  const message = messageOf(error);
  const hint = told?.hint === undefined ? undefined : legible(told.hint, 2_000);
  if (terminal.json)
    terminal.printJson({
      error: { code, message: message.slice(0, 4_000), ...(hint !== undefined && { hint }) },
    });
  else {
    terminal.tell(`${terminal.paintMessage("red", "error:")} ${legibleLines(message)}`);
    if (hint !== undefined) terminal.tell(`${terminal.paintMessage("cyan", "hint:")} ${hint}`);
  }
  return error instanceof UsageError ? EXIT.usage : exitCodeOfError(code);
}
