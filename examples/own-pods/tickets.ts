import fs from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

export interface Ticket {
  readonly id: string;
  readonly slug: string;
  readonly title: string;
  readonly state: string;
}

/** A ticket that cannot be read is shown as such, and hides no other. */
export interface BrokenTicket {
  /** Its directory's name. */
  readonly name: string;
  readonly reason: string;
}

const MAX_BYTES = 1024 * 1024;
const FRONT_MATTER = /^---\r?\n(?<yaml>[^]*?)\r?\n---(?:\r?\n|$)/u;

const frontMatter = z.object({
  id: z.string().min(1),
  slug: z.string().min(1),
  title: z.string().min(1),
  // An open ticket that does not say where it is has not been taken in.
  workflow_state: z.enum(["intake", "ready", "queued", "inprogress", "done"]).default("intake"),
});

/** Reads the open tickets of a workspace, in the order of their names. Never writes. */
export function readTickets(workspace: string): { tickets: Ticket[]; broken: BrokenTicket[] } {
  const open = join(workspace, ".yoi", "tickets", "open");
  const tickets: Ticket[] = [];
  const broken: BrokenTicket[] = [];
  for (const name of fs.readdirSync(open).sort()) {
    try {
      tickets.push(readTicket(join(open, name, "item.md")));
    } catch (error) {
      broken.push({ name, reason: reasonOf(error) });
    }
  }
  return { tickets, broken };
}

function readTicket(file: string): Ticket {
  // A cloned repository is foreign: no link is followed out of it, and no file may be larger than a ticket could be.
  const fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
  try {
    const { size } = fs.fstatSync(fd);
    if (size > MAX_BYTES) throw new Error(`it has ${size} bytes, at most ${MAX_BYTES} are read`);
    const yaml = FRONT_MATTER.exec(fs.readFileSync(fd, "utf8"))?.groups?.["yaml"];
    if (yaml === undefined) throw new Error("it has no front matter between two lines of ---");
    // "failsafe" leaves every scalar a string: no id becomes a number, and no time stamp a date.
    const { id, slug, title, workflow_state: state } = frontMatter.parse(parse(yaml, { schema: "failsafe" }));
    return { id, slug, title, state };
  } finally {
    fs.closeSync(fd);
  }
}

/** The first line says it; a YAML parser's message goes on with a drawing. */
function reasonOf(error: unknown): string {
  if (error instanceof z.ZodError) {
    const [issue] = error.issues;
    if (issue) return `${issue.path.join(".")}: ${issue.message}`;
  }
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n")[0]?.replace(/:$/u, "") ?? message;
}
