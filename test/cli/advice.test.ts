import { describe, expect, test } from "vitest";
import { adviceForBlock, adviceForRefusal, mendOf, type Advice } from "../../src/cli/advice.js";
import { COMMANDS } from "../../src/cli/commands.js";
import { lineFor } from "../../src/cli/line.js";
import { parseArguments } from "../../src/cli/arguments.js";
import type { Block, Claim } from "../../src/index.js";

const ID = "owner/repo#12";
const LAUNCH_ID = "0199aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee";
const claim: Claim = {
  ticket: { id: ID },
  ...{ role: "intake", pod: "intake-x-abc123", launchId: LAUNCH_ID, claimedAt: "2026-01-01T00:00:00.000Z" },
  adopted: false,
  acceptance: { level: "ack", kind: "k", at: "2026-01-01T00:00:00.000Z" },
  runtime: { kind: "guardian", locator: {} },
};
const pod = { name: "intake-x-abc123", launchId: LAUNCH_ID };
const line = lineFor(undefined);
const commandsOf = (advice: readonly Advice[]) =>
  advice.flatMap((entry) => (typeof entry === "string" ? [] : [entry.command]));

describe("what to do about what blocks a launch is exact commands:", () => {
  const blocks: readonly (readonly [
    title: string,
    block: Omit<Block, "reason">,
    commands: readonly string[],
  ])[] = [
    [
      "live in a host's own runtime",
      { by: "live", claim: { ...claim, runtime: { kind: "host", locator: {} } } },
      ["logs T", "stop T", "release T --stop"],
    ],
    ["live", { by: "live", claim }, ["attach T", "logs T", "stop T", "release T --stop"]],
    ["live without a claim", { by: "live", pod }, ["logs T", "adopt T", "stop T"]],
    ["restorable", { by: "restorable", claim }, ["restore T", `reclaim T --expect ${LAUNCH_ID}`]],
    ["stale", { by: "stale", claim }, ["release T", `reclaim T --expect ${LAUNCH_ID}`]],
    ["lingering", { by: "lingering", claim, pids: [7, 8] }, ["logs T", "stop T"]],
    ["unknown", { by: "unknown", claim }, []],
    ["unknown without a claim", { by: "unknown", pod }, [`reclaim T --expect ${LAUNCH_ID}`]],
    ["unreadable", { by: "unreadable", file: "/f", expect: "sha256:ab" }, ["reclaim T --expect sha256:ab"]],
    ["a Pod record that is unreadable", { by: "unreadable", file: "/f" }, []],
    ["inFlight", { by: "inFlight" }, []],
  ];

  test.each(blocks)("%s", async (_, block, commands) => {
    const advice = adviceForBlock({ reason: "r", ...block }, ID, line);
    expect(advice.length).toBeGreaterThan(0);
    const told = commandsOf(advice);
    expect(told).toEqual(commands.map((text) => `launch-claim ${text.replace(" T", ` '${ID}'`)}`));
    // Each of them is understood by the command that it names.
    for (const text of told) {
      const [, verb = "", ...words] = text.replaceAll("'", "").split(" ");
      const command = await COMMANDS.find(({ name }) => name === verb)!.load();
      expect(parseArguments(words, command).positionals).toEqual([ID]);
    }
  });

  test("the processes that linger are named", () => {
    const advice = adviceForBlock({ by: "lingering", reason: "r", pids: [7, 8] }, ID, line);
    expect(JSON.stringify(advice)).toContain("the processes 7, 8");
  });
});

describe("what to do when a verb was refused:", () => {
  const refused = (by: string) =>
    ({ status: "refused", by, reason: "r", advice: "the library's words" }) as const;
  test.each([
    ["release", "live", ["stop T-1", "release T-1 --stop"]],
    ["reclaim", "live", ["stop T-1"]],
    ["reclaim", "mismatch", ["reclaim T-1"]],
    ["release", "unreadable", ["reclaim T-1"]],
    ["stop", "inFlight", []],
  ] as const)("%s of what is %s", (verb, by, commands) => {
    const advice = adviceForRefusal(verb, refused(by), { id: "T-1", line });
    expect(commandsOf(advice)).toEqual(commands.map((text) => `launch-claim ${text}`));
    expect(advice.length).toBeGreaterThan(0);
  });
});

describe("what mends a finding of the doctor's:", () => {
  test.each([
    ["claim_stale", "reclaim T-1"],
    ["claim_restorable", "restore T-1"],
    ["claim_lingering", "stop T-1"],
    ["pod_live", "stop T-1"],
    ["pod_lingering", "stop T-1"],
    ["pod_unknown", "reclaim T-1"],
    ["pod_adoptable", "adopt T-1"],
    ["pod_record_left", "doctor --fix"],
  ])("%s by %s", (code, command) => {
    const finding = { severity: "error", code, message: "m", ticket: { id: "T-1" }, mend: "words" } as const;
    expect(mendOf({ ...finding, safe: code === "pod_record_left" }, line)).toMatchObject({
      command: `launch-claim ${command}`,
    });
  });

  test("what no command mends is told in the library's words", () => {
    expect(mendOf({ severity: "error", code: "odd", message: "m", mend: "words", safe: false }, line)).toBe(
      "words",
    );
  });
});

describe("a command line to copy", () => {
  test.each([
    [undefined, "T-1", "launch-claim stop T-1"],
    [undefined, "-x", "launch-claim stop -- -x"],
    [undefined, "it's; rm -rf ~", "launch-claim stop 'it'\\''s; rm -rf ~'"],
    ["my project", "T-1", "launch-claim stop --workspace 'my project' T-1"],
  ])("in workspace %s of ticket %s", (workspace, id, text) => {
    expect(lineFor(workspace)("stop", { id })).toBe(text);
  });
});
