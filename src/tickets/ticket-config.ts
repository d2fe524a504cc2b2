import { LaunchClaimError, messageOf } from "../errors.js";
import { legible } from "../text.js";
import { readWorkspaceFile } from "../workspace-file.js";

const CONFIG = ".yoi/ticket.config.toml";
const DEFAULT_ROOT = ".yoi/tickets";
/** The provider whose tickets are files of the workspace. */
const LOCAL = "builtin:yoi_local";

/**
 * Where the workspace keeps its tickets, as far as it says; undefined if they are not files of it.
 *
 * @throws LaunchClaimError `tickets_unreadable`
 */
export function ticketDirectory(workspace: string): string | undefined {
  try {
    const text = readWorkspaceFile(workspace, CONFIG);
    if (text === undefined) return DEFAULT_ROOT;
    const { root = DEFAULT_ROOT, provider = LOCAL } = backendIn(text);
    return provider === LOCAL ? root : undefined;
  } catch (cause) {
    throw new LaunchClaimError(
      "tickets_unreadable",
      `${CONFIG} cannot be used: ${legible(messageOf(cause))}`,
      {
        cause,
      },
    );
  }
}

interface Backend {
  readonly root?: string;
  readonly provider?: string;
}

const KEYS = ["root", "provider"] as const;

/**
 * The strings of `[backend]`. Of TOML only what can stand between: other tables, comments, and texts of several lines, in which a
 * line may look like anything. A parser for the whole language would be a dependency for two words.
 */
function backendIn(text: string): Backend {
  const found: { -readonly [Key in keyof Backend]: Backend[Key] } = {};
  let table = "";
  let openText: string | undefined;
  for (const line of text.split(/\r?\n/u)) {
    if (openText !== undefined) {
      if (line.includes(openText)) openText = undefined;
      continue;
    }
    const header = /^\s*\[\s*([^[\]]+?)\s*\]\s*(?:#.*)?$/u.exec(line)?.[1];
    if (header !== undefined || /^\s*\[\[/u.test(line)) {
      table = header ?? "[[";
      continue;
    }
    const [, key = "", value = ""] = /^\s*([\w.\s-]+?)\s*=\s*(.*)$/u.exec(line) ?? [];
    openText = ['"""', "'''"].find((mark) => value.startsWith(mark) && !value.slice(3).includes(mark));
    const name = KEYS.find((known) =>
      table === "" ? key === `backend.${known}` : table === "backend" && key === known,
    );
    if (name !== undefined) found[name] = stringOf(name, value);
  }
  return found;
}

function stringOf(key: string, value: string): string {
  const literal = /^'([^']*)'\s*(?:#.*)?$/u.exec(value)?.[1];
  if (literal !== undefined && literal !== "") return literal;
  const basic = /^("(?:[^"\\]|\\.)+")\s*(?:#.*)?$/u.exec(value)?.[1];
  // The escapes of a basic string that JSON does not have are refused by it, not misread.
  if (basic !== undefined) return JSON.parse(basic) as string;
  throw new Error(`backend.${key}: expected a string on one line, but came ${value.slice(0, 80)}`);
}
