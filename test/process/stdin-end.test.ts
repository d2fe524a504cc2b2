import { describe, expect, test } from "vitest";
import { startAgent } from "../../src/pod/agent-process.js";
import { end, testLaunch } from "../fixtures/escape-agents.js";

/** Longer than the two fifths of five seconds that every agent has from the end of its stdin, and shorter than three. */
const LAZY = "1 while <STDIN>; select undef, undef, undef, 2.2; exit 7";

describe("an agent that is known to need long after the end of its stdin", () => {
  test("is given that time, and no signal", async () => {
    const { directory, launchId, environment } = testLaunch();
    const agent = await startAgent({
      command: ["perl", "-e", LAZY, directory],
      cwd: directory,
      environment,
      proof: "scan",
    });
    agent.open();
    const log: string[] = [];
    const started = { agent, directory, launchId };
    await end(started, { withinMs: 5_000, stdinEndMs: 3_000, log: (line) => log.push(line) });
    expect(log).toEqual([]);
    expect(await agent.exited).toEqual({ code: 7, signal: null });
  });

  test("is ended all the same when a stop has no such time", async () => {
    const { directory, launchId, environment } = testLaunch();
    const agent = await startAgent({
      command: ["perl", "-e", "$SIG{TERM} = 'IGNORE'; sleep 1 while 1", directory],
      cwd: directory,
      environment,
      proof: "scan",
    });
    agent.open();
    const started = { agent, directory, launchId };
    expect(await end(started, { withinMs: 1_000, stdinEndMs: 3_600_000 })).toMatchObject({ kind: "gone" });
    expect(await agent.exited).toEqual({ code: null, signal: "SIGKILL" });
  });
});
