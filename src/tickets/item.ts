import { messageOf } from "../errors.js";
import { objectOf, oneOf, optional, text, textThat } from "../shape.js";
import { isLegible, isPrintable, printable } from "../text.js";

/** Where a ticket stands in its workflow; its files say it, and launch-claim never changes it. */
export type WorkflowState = "intake" | "ready" | "queued" | "inprogress" | "done";

/** A ticket as its source has it. */
export interface Ticket {
  readonly id: string;
  readonly slug?: string;
  readonly title: string;
  readonly state: WorkflowState;
  /** What follows the front matter, without blank lines around it. */
  readonly body: string;
  /** Its `item.md`, from the workspace on. */
  readonly file: string;
}

/** Where an item lies, which tells what its front matter leaves out. */
export interface ItemPlace {
  readonly file: string;
  /** The directory's name: the ticket's id. */
  readonly name: string;
  /** True in the directory of closed tickets. */
  readonly closed: boolean;
}

const FRONT_MATTER = /^\uFEFF?---[ \t]*\r?\n(?<yaml>[^]*?)\r?\n---[ \t]*(?:\r?\n(?<body>[^]*))?$/u;

/** The parser works level by level, and where the stack ends, Node may end the process ("RegExpCompiler Allocation failed"). */
const MAX_DEPTH = 100;
/** Each level of a block begins with an indentation or an indicator: so many before the first word of a line. */
const BLOCKS_IN_BLOCKS = new RegExp(`^[ \\t?:-]{${2 * MAX_DEPTH},}`, "mu");

interface FrontMatter {
  readonly id?: string;
  readonly slug?: string;
  readonly title?: string;
  readonly status?: string;
  readonly workflow_state?: WorkflowState;
}

const frontMatter = objectOf<FrontMatter>({
  id: optional(text),
  slug: optional(textThat(isLegible, "printable text")),
  title: optional(text),
  status: optional(text),
  workflow_state: optional(oneOf("intake", "ready", "queued", "inprogress", "done")),
});

/** @throws Error whose message says why it is no ticket */
export async function parseItem(markdown: string, { file, name, closed }: ItemPlace): Promise<Ticket> {
  const { yaml, body = "" } = FRONT_MATTER.exec(markdown)?.groups ?? {};
  if (yaml === undefined) throw new Error("it has no front matter between two lines of ---");
  const fields = await parseYaml(yaml);
  const misfit = frontMatter(fields);
  if (misfit) throw new Error(`${misfit.path.join(".")}: ${misfit.message}`);
  if (!isPrintable(name)) throw new Error("its directory's name is not printable text");
  const { id = name, slug, title, status, workflow_state } = fields as FrontMatter;
  // Whoever looks for the one would find the other, and a claim on either is a claim on one of them only.
  if (id !== name) throw new Error(`its id is ${printable(id)}, but its directory is ${printable(name)}`);
  return {
    id,
    ...(slug !== undefined && slug !== "" && slug !== "null" && { slug }),
    // One that was begun by hand may have no title yet; it is a ticket all the same.
    title: title || slug || id,
    state: workflow_state ?? (closed || status === "closed" ? "done" : "intake"),
    body: body.trim(),
    file,
  };
}

/** Loaded when there is something to parse: a launch without a source of tickets does without. */
async function parseYaml(text: string): Promise<unknown> {
  if (mayNestDeeply(text)) throw new Error(`its front matter nests deeper than ${MAX_DEPTH} levels`);
  const { parse } = await import("yaml");
  try {
    // "failsafe" leaves every scalar a string: no id becomes a number, and no time stamp a date. Silent: a library prints nothing.
    return parse(text, { schema: "failsafe", logLevel: "error" }) as unknown;
  } catch (error) {
    // The first line says it; the message goes on with a drawing.
    throw new Error(messageOf(error).split("\n", 1)[0]?.replace(/:$/u, "") ?? "it is not YAML", {
      cause: error,
    });
  }
}

/** From the text alone, and rather too often than too seldom: brackets in quotes count, too. */
function mayNestDeeply(text: string): boolean {
  let depth = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/gu)) {
    depth = Math.max(0, depth + (bracket === "[" || bracket === "{" ? 1 : -1));
    if (depth > MAX_DEPTH) return true;
  }
  return BLOCKS_IN_BLOCKS.test(text);
}
