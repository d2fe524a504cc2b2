import fs from "node:fs";
import { describe, expect, test } from "vitest";
import { cliBench, expectNothingLeft, sharedBench } from "../fixtures/bad-agents.js";
import { waitUntil } from "../fixtures/processes.js";

const plain = (accept: string, ...more: readonly string[]) => [
  "--driver",
  "command",
  "--accept",
  accept,
  ...more,
];

describe("a plain command that does not do what it was to do", () => {
  const bench = sharedBench();

  test.each<[string, string, readonly string[], number, RegExp]>([
    ["exits with 1", "exit", ["sh", "-c", "echo no >&2; exit 1"], 1, /exited with code 1[^]*no/u],
    [
      "prints no line that matches",
      "output:^ready$",
      ["echo", "not ready"],
      1,
      /no line of its output matched/u,
    ],
    ["is over too early", "alive:20s", ["sh", "-c", "exit 7"], 1, /exited with code 7/u],
    ["is killed", "exit", ["sh", "-c", "kill -9 $$"], 1, /was ended by SIGKILL/u],
    ["does not end", "exit", ["sleep", "600"], 4, /timed out/u],
  ])("because it %s leaves no claim", async (_what, accept, command, code, message) => {
    const told = await bench.launch(command, plain(accept, "--timeout", "runAck=4s"));
    expect(told.code, told.stderr).toBe(code);
    expect(told.stderr).toMatch(message);
    expectNothingLeft(bench, told);
  });
});

describe("a plain command", () => {
  test.each<[string, string, readonly string[]]>([
    ["exits with 0", "exit", ["true"]],
    ["prints a line that matches", "output:^ready \\d+$", ["echo", "ready 42"]],
    ["is still alive after its time", "alive:300ms", ["sleep", "600"]],
  ])("that %s is claimed", async (_what, accept, command) => {
    const bench = cliBench();
    const told = await bench.launch(command, plain(accept));
    expect(told.code, told.stderr).toBe(0);
    expect(bench.claims()).toHaveLength(1);
    expect((await bench.cli(["stop", "T"])).code).toBe(0);
    expect(bench.running()).toEqual([]);
  });

  test("gets its prompt in a private file, which is gone afterwards", async () => {
    const bench = cliBench();
    const script = `stat -c %a "$1" > "$2"; cat "$1" >> "$2"; echo "$1" > "$3"`;
    const told = await bench.launch(
      ["sh", "-c", script, "sh", "{promptFile}", bench.path("seen"), bench.path("name")],
      plain("exit", "--when-done", "stop"),
    );
    expect(told.code, told.stderr).toBe(0);
    expect(fs.readFileSync(bench.path("seen"), "utf8")).toBe("600\nDo it.");
    await waitUntil(() => bench.running().length === 0, { deadlineMs: 20_000, what: "the Pod to stop" });
    expect(fs.existsSync(fs.readFileSync(bench.path("name"), "utf8").trim())).toBe(false);
  });

  test("gets its prompt on standard input, for a ticket that no file could be named after", async () => {
    const bench = cliBench();
    const flags = plain("exit", "--when-done", "stop");
    const command = ["sh", "-c", 'cat > "$1"', "sh", bench.path("seen")];
    const told = await bench.cli(["launch", "owner/repo#12", "--prompt", "Go.", ...flags, "--", ...command]);
    expect(told.code, told.stderr).toBe(0);
    expect(fs.readFileSync(bench.path("seen"), "utf8")).toBe("Go.");
    const [status] = (await bench.cli(["status", "owner/repo#12", "--json"])).json();
    expect(status).toMatchObject({ claims: [{ ticket: { id: "owner/repo#12" } }] });
  });
});
