/** A session that cannot be loaded is an outcome with its reason: the claim stays as it was, and no fresh session is begun. */
import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { AgentScript } from "../../src/testing/scripted-agent/script.js";
import { methodsIn } from "../fixtures/agent-calls.js";
import { CliWorld } from "../fixtures/cli-world.js";
import { expectRestored, fileIn, LOADS, LONG, lost, restoredClaim } from "./bench.js";

const NOT_FOUND = { code: -32_603, message: "no such session" };
const NO_LOGIN = { code: -32_000, message: "Authentication required" };
const ALSO = { resumeSession: true, deleteSession: true };

const cases: readonly {
  readonly how: string;
  readonly script: AgentScript;
  readonly told: Readonly<Record<string, unknown>>;
  readonly code: number;
}[] = [
  {
    how: "the agent answers with an error",
    script: { ...LOADS, ...ALSO, load: { error: NOT_FOUND } },
    told: {
      status: "failed",
      code: "session_not_loaded",
      message: expect.stringContaining("no such session"),
    },
    code: 1,
  },
  {
    how: "the agent does not offer it",
    script: { deleteSession: true },
    told: {
      status: "failed",
      code: "session_not_loaded",
      message: expect.stringContaining("does not offer"),
    },
    code: 1,
  },
  {
    how: "the agent wants a log-in first",
    script: { ...LOADS, ...ALSO, load: { error: NO_LOGIN } },
    told: { status: "failed", code: "agent_auth_required" },
    code: 1,
  },
  {
    how: "the agent exits while it loads",
    script: { ...LOADS, ...ALSO, load: { steps: [{ stderr: "out of memory" }, { exit: 9 }] } },
    told: { status: "failed", code: "agent_exited", message: expect.stringContaining("out of memory") },
    code: 1,
  },
  {
    how: "the agent never answers",
    script: { ...LOADS, ...ALSO, load: "stall" },
    told: { status: "timedOut", afterMs: 2_000 },
    code: 4,
  },
];

describe("a session that cannot be loaded", () => {
  it.each(cases)(
    "because $how: told, the claim as it was, no process, no other session",
    LONG,
    async (one) => {
      const { script, told, code } = one;
      await using world = new CliWorld();
      await lost(world, "T");
      const before = world.observe("T");
      const callsFile = fileIn(world, "calls");
      const flags = told["status"] === "timedOut" ? ["--timeout", "ready=2s"] : [];
      const ended = await world.restore("T", { ...script, callsFile }, flags);

      expect(ended.outcome, ended.stderr).toMatchObject({ phase: "starting", ...told });
      expect(ended.code).toBe(code);
      expect(world.observe("T")).toMatchObject({
        claimBytes: before.claimBytes,
        sessions: before.sessions,
        launchLock: "free",
        podLock: "free",
      });
      expect(world.livingPods("T")).toEqual([]);
      const asked = methodsIn(callsFile);
      for (const never of ["session/new", "session/delete", "session/prompt"])
        expect(asked).not.toContain(never);

      // And so it can still be restored.
      const claim = restoredClaim((await world.restore("T", LOADS)).outcome);
      expectRestored(world, "T", claim);
    },
  );

  it("is asked for once only by the older of two ways that an agent offers", LONG, async () => {
    await using world = new CliWorld();
    await lost(world, "T");
    const callsFile = fileIn(world, "calls");
    await world.restore("T", { ...LOADS, resumeSession: true, callsFile });
    expect(methodsIn(callsFile)).toEqual(["initialize", "session/load"]);
  });

  it("is not asked for at all by the way that the agent does not offer", LONG, async () => {
    await using world = new CliWorld();
    await lost(world, "T");
    const callsFile = fileIn(world, "calls");
    const { outcome } = await world.restore("T", { resumeSession: true, callsFile });
    expectRestored(world, "T", restoredClaim(outcome));
    expect(methodsIn(callsFile)).toEqual(["initialize", "session/resume"]);
  });
});

it(
  "a Pod that loads none, because its agent is another's kind, is not taken for the session",
  LONG,
  async () => {
    await using world = new CliWorld();
    await lost(world, "T");
    const before = world.observe("T").claimBytes;
    const agents = { plain: { driver: "command", command: ["sleep", "600"], accept: "alive:1s" } };
    fs.writeFileSync(join(world.workspace, "launch-claim.config.json"), JSON.stringify({ agents }));
    expect((await world.run("trust")).code).toBe(0);
    const { code, results } = await world.run("restore", "T", "--json", "--agent", "plain");
    expect(code).toBe(1);
    expect(results.at(-1)).toMatchObject({ status: "failed", code: "session_not_loaded" });
    expect(world.observe("T").claimBytes).toBe(before);
    expect(world.livingPods("T")).toEqual([]);
  },
);
