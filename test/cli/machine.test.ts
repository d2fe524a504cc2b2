import { describe, expect, test } from "vitest";
import { shortestPaths, simplePaths } from "../../src/testing/index.js";
import { launchMachine } from "../../machines/launch.machine.js";
import { CliHost } from "../fixtures/cli-host.js";

describe("paths", () => {
  test("are every path of the machine, as JSON", async () => {
    const [told] = await new CliHost().json(0, "paths");
    expect(told?.["paths"]).toEqual(JSON.parse(JSON.stringify(simplePaths())));
  });

  test("--real are those that are run with real processes, a line each with how it ends", async () => {
    const expected = shortestPaths();
    const { out, err } = await new CliHost().expectCode(0, "paths", "--real");
    expect(out.trimEnd().split("\n")).toEqual(
      expected.map(({ title, end }) => `${end.padEnd(10)}  ${title}`),
    );
    expect(err).toMatch(new RegExp(`^${expected.length} paths: `, "u"));
  });
});

describe("graph", () => {
  const states = [
    "admitting",
    "starting",
    "dialing",
    "registeringPeers",
    "awaitingRunAck",
    "writing",
    "verifying",
  ];

  test.each(["mermaid", "dot"])("draws every state of the launch machine as %s", async (format) => {
    const { out } = await new CliHost().expectCode(0, "graph", "--format", format);
    for (const state of [...states, ...Object.keys(launchMachine.states)]) expect(out).toContain(state);
    expect(out).toMatch(format === "dot" ? /^digraph "launch" \{[^]*\}\n$/u : /^stateDiagram-v2\n/u);
    expect(await new CliHost().json(0, "graph", "launch", "--format", format)).toEqual([
      { machine: "launch", format, text: out.trimEnd() },
    ]);
  });

  test("of a machine or in a format that is unknown is 2", async () => {
    const host = new CliHost();
    expect((await host.expectCode(2, "graph", "toaster")).err).toMatch(/one of launch.* but came "toaster"/u);
    expect((await host.expectCode(2, "graph", "--format", "png")).err).toContain(
      'mermaid or dot, but came "png"',
    );
  });
});
