import { GLOBAL_FLAGS } from "./arguments.js";
import type { Command } from "./command.js";
import type { Flag } from "./flags.js";
import type { CommandEntry } from "./commands.js";

/** What `--help` prints: the commands, a line each. Needs none of them. */
export function generalHelp(commands: readonly CommandEntry[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    "launch-claim: launch an agent on a ticket, and know whether the ticket is taken",
    "",
    "Usage: launch-claim <command> [--workspace DIR] [--json]",
    "",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    "  launch-claim help <command>   how a command is used",
    "  launch-claim --version, -v",
    "",
    "Exit codes: 0 claimed or done · 1 failed · 2 usage or configuration · 3 blocked or refused ·",
    "4 timed out · 5 unresolved · 130 and 143 cancelled by SIGINT and SIGTERM, after the Pod was stopped",
  ].join("\n");
}

export function commandHelp({ name, positionals, takesCommand, flags, about }: Command): string {
  const words = positionals.map((word) => (word.optional ? `[${word.name}]` : `<${word.name}>`));
  const usage = ["launch-claim", name, ...words, "[flags]", ...(takesCommand ? ["[-- COMMAND ARG…]"] : [])];
  const lines = [...flagLines(flags), ...flagLines(GLOBAL_FLAGS)];
  const width = Math.max(...lines.map(([flag]) => flag.length));
  return [
    `Usage: ${usage.join(" ")}`,
    "",
    about,
    "",
    "Flags",
    ...lines.map(([flag, help]) => `  ${flag.padEnd(width)}  ${help}`),
  ].join("\n");
}

function flagLines(flags: Readonly<Record<string, Flag>>): [flag: string, help: string][] {
  return Object.entries(flags).map(([name, { value, repeatable, help }]) => [
    `--${name}${value === undefined ? "" : ` ${value}`}${repeatable ? " …" : ""}`,
    help,
  ]);
}
