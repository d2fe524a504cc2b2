/** What real agents were seen to do under the guardian, replayed by the scripted one. */
import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createLauncher } from "../../src/launcher.js";
import type { LaunchRequest } from "../../src/requests.js";
import type { AgentScript } from "../../src/testing/scripted-agent/script.js";
import { guardianProgram, scriptedRecipe } from "../fixtures/guardian-runtime.js";
import { temporaryDirectory } from "../fixtures/temporary.js";

const ticket = { id: "T-1" };

async function launched(script: AgentScript, more: Partial<LaunchRequest> & { restorable?: boolean } = {}) {
  const { restorable, ...request } = more;
  const home = join(temporaryDirectory(), "home");
  const workspace = temporaryDirectory();
  const launcher = createLauncher({ workspace, home, ...guardianProgram });
  onTestFinished(async () => {
    expect(await launcher.stop(ticket)).toMatchObject({
      status: expect.stringMatching(/stopped|absent/u) as unknown,
    });
  });
  const recipe = { ...scriptedRecipe(script), ...(restorable !== undefined && { restorable }) };
  const outcome = await launcher.launch({ ticket, recipe, prompt: "Clarify T-1.", ...request }).outcome;
  const logs = () =>
    fs
      .readdirSync(home, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith("pod.log"))
      .map((path) => fs.readFileSync(join(home, path), "utf8"))
      .join("");
  return { launcher, outcome, logs };
}

describe("a login that is wanted only when the run comes", () => {
  test("is told as one that is wanted at the start: by the same code and hint", async () => {
    const refusal = { error: { code: -32_000, message: "Please log in" } };
    const late = await launched({ prompt: [refusal] });
    const early = await launched({ newSession: refusal });
    const hint: unknown = expect.stringContaining("key in the environment");
    const told = { status: "failed", code: "agent_auth_required", hint };
    expect(late.outcome).toMatchObject({ ...told, phase: "awaitingRunAck" });
    expect(early.outcome).toMatchObject({ ...told, phase: "spawning" });
  });
});

test("an agent that closes its stdin before it is ready is told by that, not as a Pod that did not start", async () => {
  const { outcome } = await launched({ initialize: { steps: [{ closeStdin: true }] } });
  expect(outcome).toMatchObject({ status: "failed", phase: "spawning", code: "agent_closed_stdin" });
});

describe("an agent that offers to load sessions", () => {
  test.each([
    [true, undefined],
    [true, true],
    [false, false],
  ])(
    "leaves a claim that is restorable: %j, where its recipe says restorable: %j",
    async (expected, said) => {
      const { launcher, outcome } = await launched(
        { loadSession: true },
        said === undefined ? {} : { restorable: said },
      );
      expect(outcome).toMatchObject({ status: "claimed", claim: { session: { restorable: expected } } });
      await launcher.stop(ticket);
      const { claims } = await launcher.status(ticket);
      expect(claims).toMatchObject([{ state: expected ? "restorable" : "stale" }]);
    },
  );
});

describe("a Pod's log", () => {
  test("says by what the run was accepted, and how it ended", async () => {
    const { launcher, logs } = await launched({});
    await launcher.runEnded(ticket);
    expect(logs()).toMatch(/guardian the run was accepted: agent_message_chunk\n/u);
    expect(logs()).toMatch(/guardian the run has ended: end_turn\n/u);
  });

  test("says why the run was not taken, and the agent's own words once", async () => {
    const error = { error: { code: -32_603, message: "no model" } };
    const { logs } = await launched({ prompt: [{ stderr: "its own words" }, error] });
    expect(logs()).toMatch(
      /guardian the run was not taken \(agent_error\): .*-32603: no model; its last words:?\n/u,
    );
    expect(logs().split("its own words")).toHaveLength(2);
  });
});
