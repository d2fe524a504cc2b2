import fs from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findTicket, readTickets } from "../../src/tickets/source.js";
import { temporaryDirectory } from "../fixtures/temporary.js";
import { writeFile, writeTicket } from "../fixtures/ticket-files.js";

const CONFIG = ".yoi/ticket.config.toml";

const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
const blocks = (levels: number) =>
  Array.from({ length: levels + 1 }, (_, level) => `${"  ".repeat(level)}a:`).join("\n");

async function idsIn(workspace: string) {
  return (await readTickets(workspace))?.tickets.map(({ id }) => id);
}

describe("the tickets of a workspace", () => {
  test("are none if it has none: no source, and nothing is found in it", async () => {
    const workspace = temporaryDirectory();
    expect(await readTickets(workspace)).toBeUndefined();
    expect(await findTicket(workspace, "T-1")).toBeUndefined();
  });

  test("are read from open, pending and closed, and from the flat layout beside them, in the order of their ids", async () => {
    const workspace = temporaryDirectory();
    writeTicket(workspace, "d", { place: "open" });
    writeTicket(workspace, "c", { place: "pending" });
    writeTicket(workspace, "b", { place: "closed" });
    writeTicket(workspace, "a", { place: "" });
    writeFile(workspace, ".yoi/tickets/.gitkeep", "");
    writeFile(workspace, ".yoi/tickets/README.md", "");
    expect(await idsIn(workspace)).toEqual(["a", "b", "c", "d"]);
    expect((await readTickets(workspace))?.unreadable).toEqual([]);
  });

  test("keep every scalar a string, and say where they stand when their files do not", async () => {
    const workspace = temporaryDirectory();
    writeTicket(workspace, "20261102", {
      title: "0x1f",
      more: "created_at: 2026-11-02T09:14:12Z",
      body: " A\n\n b ",
    });
    writeTicket(workspace, "shut", { place: "closed" });
    writeTicket(workspace, "flat-shut", { place: "", more: "status: closed" });
    writeTicket(workspace, "going", { place: "closed", state: "inprogress", slug: "go" });
    const tickets = (await readTickets(workspace))?.tickets;
    expect(tickets).toMatchObject([
      { id: "20261102", title: "0x1f", state: "intake", body: "A\n\n b" },
      { id: "flat-shut", state: "done" },
      { id: "going", state: "inprogress", slug: "go", file: ".yoi/tickets/closed/going/item.md" },
      { id: "shut", state: "done" },
    ]);
    expect(tickets?.[0]).not.toHaveProperty("slug");
  });

  const broken: Readonly<Record<string, readonly [text: string, reason: RegExp]>> = {
    "no front matter": ["A ticket.", /no front matter/u],
    "the marks of a merge": ["---\nid: bad\n<<<<<<< HEAD\ntitle: a\n=======\n---\n", /line 2/u],
    "a title that is no text": ["---\ntitle: [a]\n---\n", /title/u],
    "a state that nobody knows": ["---\ntitle: t\nworkflow_state: asleep\n---\n", /workflow_state/u],
    "another ticket's id": ["---\nid: T-9\ntitle: t\n---\n", /its id is "T-9", but its directory is "bad"/u],
    "a slug that reorders the screen": ['---\ntitle: t\nslug: "a\\u202eb"\n---\n', /slug/u],
    "aliases that multiply": [
      `---\ntitle: t\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c]\n---\n`,
      /alias/iu,
    ],
    // The parser's stack ends at less, and Node itself with it (Node 20).
    "8000 brackets in brackets": [
      `---\ntitle: t\na: ${nested(8_000)}\n---\n`,
      /nests deeper than 100 levels/u,
    ],
    "8000 lists in lists": [`---\n${"- ".repeat(8_000)}x\n---\n`, /nests deeper than 100 levels/u],
    "101 blocks in blocks": [`---\n${blocks(101)}\n---\n`, /nests deeper than 100 levels/u],
    "more than 1 MiB": [`---\ntitle: t\n---\n${"x".repeat(1024 * 1024)}`, /at most 1048576 are read/u],
  };
  for (const [what, [text, reason]] of Object.entries(broken)) {
    test(`hide no other when one has ${what}: it is told with its file and the reason`, async () => {
      const workspace = temporaryDirectory();
      writeFile(workspace, ".yoi/tickets/open/bad/item.md", text);
      writeTicket(workspace, "good");
      const source = await readTickets(workspace);
      expect(source?.tickets.map(({ id }) => id)).toEqual(["good"]);
      expect(source?.unreadable).toMatchObject([{ name: "bad", file: ".yoi/tickets/open/bad/item.md" }]);
      expect(source?.unreadable[0]?.reason).toMatch(reason);
      expect(await findTicket(workspace, "bad")).toMatchObject({ kind: "unreadable" });
      expect(await findTicket(workspace, "good")).toMatchObject({ kind: "ticket" });
      expect(await findTicket(workspace, "no")).toEqual({ kind: "unknown" });
    });
  }

  test("are not read through a link, out of the workspace, or from what is no file", async () => {
    const workspace = temporaryDirectory();
    const outside = temporaryDirectory();
    writeTicket(outside, "secret");
    const theirs = join(outside, ".yoi/tickets/open/secret");
    writeTicket(workspace, "good");
    const ours = join(workspace, ".yoi/tickets/open");
    fs.symlinkSync(theirs, join(ours, "secret"));
    fs.mkdirSync(join(ours, "linked"));
    fs.symlinkSync(join(theirs, "item.md"), join(ours, "linked/item.md"));
    fs.mkdirSync(join(ours, "pipe"));
    execFileSync("mkfifo", [join(ours, "pipe/item.md")]);
    fs.mkdirSync(join(ours, "empty"));
    const source = await readTickets(workspace);
    expect(source?.tickets.map(({ id }) => id)).toEqual(["good"]);
    expect(source?.unreadable.map(({ name }) => name)).toEqual(["empty", "linked", "pipe", "secret"]);
  });

  test("of which two have one id are both unreadable: nobody knows which is meant", async () => {
    const workspace = temporaryDirectory();
    writeTicket(workspace, "twice", { place: "open" });
    writeTicket(workspace, "twice", { place: "closed" });
    writeTicket(workspace, "once");
    expect(await idsIn(workspace)).toEqual(["once"]);
    expect(await findTicket(workspace, "twice")).toMatchObject({
      kind: "unreadable",
      unreadable: {
        reason: expect.stringContaining("closed/twice/item.md and .yoi/tickets/open/twice") as string,
      },
    });
  });
});

describe("the tickets' directory", () => {
  const text = (
    root: string,
  ) => `# ours\n[roles.intake]\nroot = "no"\nlaunch_prompt = """\n[backend]\nroot = "trap"\n"""\n
[backend] # where\nprovider = "builtin:yoi_local"\nroot = ${root} # here\n[[x]]\nroot = "neither"\n`;

  test.each(['"docs/tickets"', "'docs/tickets'", '"docs\\u002ftickets"'])(
    "is the one that the configuration names as %s",
    async (root) => {
      const workspace = temporaryDirectory();
      writeFile(workspace, CONFIG, text(root));
      writeFile(workspace, "docs/tickets/T-1/item.md", "---\ntitle: t\n---\n");
      writeTicket(workspace, "elsewhere");
      expect(await readTickets(workspace)).toMatchObject({
        directory: "docs/tickets",
        tickets: [{ id: "T-1" }],
      });
    },
  );

  test("is the usual one if the configuration says nothing of it, and none with another provider", async () => {
    const workspace = temporaryDirectory();
    writeTicket(workspace, "T-1");
    writeFile(workspace, CONFIG, '[roles.intake]\nprofile = "x"\n');
    expect(await idsIn(workspace)).toEqual(["T-1"]);
    writeFile(workspace, CONFIG, 'backend.provider = "remote"\n');
    expect(await readTickets(workspace)).toBeUndefined();
  });

  test.each(['"../elsewhere"', '"/etc"', '"link"', "7", '"""'])("cannot be %s", async (root) => {
    const workspace = temporaryDirectory();
    fs.symlinkSync(temporaryDirectory(), join(workspace, "link"));
    writeFile(workspace, CONFIG, `[backend]\nroot = ${root}\n`);
    await expect(readTickets(workspace)).rejects.toMatchObject({ code: "tickets_unreadable" });
  });
});
