import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { LaunchPlan, LaunchRequest } from "../../src/index.js";
import { clockByHand, Held, LaunchHost, LONG, outcomeAs } from "../fixtures/launch-host.js";

const ticket = { id: "T-1" };

/** What the runtime is told to start, and what the Pod is told first. */
async function planned(host: LaunchHost, request: Partial<LaunchRequest>): Promise<LaunchPlan> {
  const plans: LaunchPlan[] = [];
  const runtime = host.runtimeWith({
    start: (launch, context) => {
      plans.push(launch.plan);
      return host.runtime.start(launch, context);
    },
  });
  const launcher = host.launcher({ runtime });
  const launch = launcher.launch({ ticket, timeouts: LONG, ...request });
  const { claim } = await outcomeAs(launch.outcome, "claimed");
  expect(claim.role).toBe(plans[0]?.role);
  expect(host.runtime.prompts(launch.launchId)).toEqual([plans[0]?.prompt]);
  expect(host.runtime.peers(launch.launchId)).toEqual(plans[0]?.peers);
  await launcher.release(ticket, { stop: true });
  return plans[0]!;
}

function writePrompt(host: LaunchHost, name: string, text: string): void {
  fs.mkdirSync(join(host.workspace, "prompts"), { recursive: true });
  fs.writeFileSync(join(host.workspace, name), text);
}

describe("what a launch will do", () => {
  test("without a configuration: intake, no agent by name, an assignment that names the ticket, in the workspace", async () => {
    const host = new LaunchHost();
    const plan = await planned(host, { ticket: { id: "T-1", slug: "slow-search" } });
    expect(plan).toMatchObject({ role: "intake", peers: [], cwd: host.workspace });
    expect(plan).toMatchObject({ whenDone: "keep", idleStopMs: 1_800_000 });
    expect(plan).not.toHaveProperty("agent");
    expect(plan).not.toHaveProperty("recipe");
    expect(plan.prompt).toContain("T-1 (slow-search)");
  });

  test("is what the role is configured to", async () => {
    const host = new LaunchHost();
    writePrompt(host, "prompts/coder.md", "Write the code.\n");
    const coder = { agent: "mine", prompt: "prompts/coder.md", peers: ["panel"], whenDone: "release" };
    host.configure({ roles: { coder }, idleStopMs: 0 });
    expect(await planned(host, { role: "coder" })).toEqual({
      role: "coder",
      agent: "mine",
      prompt: "Write the code.\n",
      peers: ["panel"],
      cwd: host.workspace,
      whenDone: "release",
      idleStopMs: 0,
    });
    // Another role has nothing of it.
    expect(await planned(host, { role: "reviewer" })).toMatchObject({ role: "reviewer", peers: [] });
  });

  test("is what the request says, before the role's configuration, even where it says nothing", async () => {
    const host = new LaunchHost();
    host.configure({
      roles: {
        coder: { agent: "theirs", prompt: "prompts/missing.md", peers: ["panel"], whenDone: "release" },
      },
      idleStopMs: 0,
    });
    const request: Partial<LaunchRequest> & { role: string } = {
      ...{ role: "coder", agent: "mine", prompt: "", peers: [], cwd: "sub" },
      ...{ whenDone: "stop", idleStopMs: 5 },
    };
    fs.mkdirSync(join(host.workspace, "sub"));
    expect(await planned(host, request)).toEqual({ ...request, cwd: join(host.workspace, "sub") });
  });

  test("may be a role that only the configuration knows", async () => {
    const host = new LaunchHost();
    host.configure({ roles: { gardener: { peers: ["panel"] } } });
    expect(await planned(host, { role: "gardener" })).toMatchObject({ role: "gardener", peers: ["panel"] });
  });

  test("follows a configuration that was changed between two launches of one launcher", async () => {
    const host = new LaunchHost();
    const launcher = host.launcher();
    const held = new Held<never>();
    host.runtime.script(ticket.id, { connect: held.call });
    const afterMs: unknown[] = [];
    for (const connectMs of [20, 30]) {
      host.configure({ timeouts: { connectMs } });
      const outcome = await launcher.launch({ ticket }).outcome;
      afterMs.push(outcome.status === "timedOut" && outcome.afterMs);
    }
    expect(afterMs).toEqual([20, 30]);
    host.expectNothingLeft(ticket.id);
  });

  test("does not follow a configuration that is changed while it goes on", async () => {
    const host = new LaunchHost();
    const held = new Held<"ok">();
    const create = held.call;
    host.runtime.script(ticket.id, { create });
    host.configure({ roles: { intake: { peers: ["before"] } } });
    const launch = host.launcher().launch({ ticket });
    await held.called();
    host.configure({ roles: { intake: { peers: ["after"] } } });
    held.settle("ok");
    await outcomeAs(launch.outcome, "claimed");
    expect(host.runtime.peers(launch.launchId)).toEqual(["before"]);
  });

  for (const [who, configured, requested, expected] of [
    ["the request", { connectMs: 200 }, { connectMs: 100 }, 100],
    ["the configuration, where the request says nothing,", { connectMs: 200 }, {}, 200],
    [
      "the configuration, where the request says undefined,",
      { connectMs: 200 },
      { connectMs: undefined },
      200,
    ],
    ["the default, where neither says anything,", {}, { readyMs: 7 }, 5_000],
  ] as const) {
    test(`is given the time that ${who} decides`, async () => {
      const host = new LaunchHost();
      host.configure({ timeouts: configured });
      const held = new Held<never>();
      host.runtime.script(ticket.id, { connect: held.call });
      const { clock, pass } = clockByHand();
      const launch = host
        .launcher({ clock })
        .launch({ ticket, timeouts: requested as NonNullable<LaunchRequest["timeouts"]> });
      await held.called();
      pass(expected);
      const outcome = await outcomeAs(launch.outcome, "timedOut");
      expect(outcome).toMatchObject({ phase: "connecting", afterMs: expected });
      expect(outcome.message).toContain("connectMs");
    });
  }
});

describe("a launch that cannot be planned", () => {
  const cases: [string, string, (host: LaunchHost) => Partial<LaunchRequest>][] = [
    ["has a role that nobody knows", "role_unknown", () => ({ role: "wizard" })],
    ["has a role that every object knows", "role_unknown", () => ({ role: "constructor" })],
    [
      "has a prompt file that is not there",
      "prompt_file_invalid",
      (host) => (host.configure({ roles: { coder: { prompt: "prompts/no.md" } } }), { role: "coder" }),
    ],
    [
      "has a prompt file that is empty",
      "prompt_file_invalid",
      (host) => {
        writePrompt(host, "prompts/empty.md", " \n");
        host.configure({ roles: { coder: { prompt: "prompts/empty.md" } } });
        return { role: "coder" };
      },
    ],
    [
      "has a prompt file outside of the workspace",
      "prompt_file_invalid",
      (host) => {
        fs.writeFileSync(join(host.directory, "secret"), "secret");
        host.configure({ roles: { coder: { prompt: "../secret" } } });
        return { role: "coder" };
      },
    ],
    [
      "has a prompt file that is a link out of the workspace",
      "prompt_file_invalid",
      (host) => {
        fs.writeFileSync(join(host.directory, "secret"), "secret");
        fs.symlinkSync(join(host.directory, "secret"), join(host.workspace, "prompt.md"));
        host.configure({ roles: { coder: { prompt: "prompt.md" } } });
        return { role: "coder" };
      },
    ],
  ];
  for (const [what, code, prepare] of cases) {
    test(`because it ${what} has failed as ${code}, with nothing started and nothing left`, async () => {
      const host = new LaunchHost();
      const launch = host.launcher().launch({ ticket, ...prepare(host) });
      expect(await outcomeAs(launch.outcome, "failed")).toMatchObject({
        phase: "spawning",
        code,
        hint: expect.any(String) as string,
        proof: "nothingStarted",
      });
      host.expectNothingLeft(ticket.id);
      expect(await host.files.pods(ticket)).toEqual([]);
    });
  }

  test("says what stands before it says what is wrong with the plan", async () => {
    const host = new LaunchHost();
    await outcomeAs(host.launcher().launch({ ticket }).outcome, "claimed");
    await outcomeAs(host.launcher().launch({ ticket, role: "wizard" }).outcome, "blocked");
  });
});

describe("a request that cannot be used", () => {
  const requests: [string, object, string, RegExp][] = [
    ["an empty ticket id", { ticket: { id: "" } }, "ticket_id_invalid", /./u],
    ["a ticket id of two lines", { ticket: { id: "a\nb" } }, "ticket_id_invalid", /./u],
    ["no ticket", {}, "request_invalid", /ticket/u],
    ["no ticket but null", { ticket: null }, "ticket_id_invalid", /./u],
    ["a field that nobody knows", { ticket, rôle: "coder" }, "request_invalid", /rôle/u],
    ["an empty role", { ticket, role: "" }, "request_invalid", /role/u],
    ["a prompt that is no text", { ticket, prompt: 7 }, "request_invalid", /prompt.*but came 7/u],
    ["peers that are no list", { ticket, peers: "panel" }, "request_invalid", /peers/u],
    [
      "a timeout of 0",
      { ticket, timeouts: { stopMs: 0 } },
      "request_invalid",
      /timeouts\.stopMs.*but came 0/u,
    ],
    [
      "a timeout that no timer can hold",
      { ticket, timeouts: { stopMs: 2 ** 31 } },
      "request_invalid",
      /stopMs/u,
    ],
    ["a timeout that is no number", { ticket, timeouts: { stopMs: "5s" } }, "request_invalid", /stopMs/u],
    [
      "a timeout of a phase that does not exist",
      { ticket, timeouts: { bootMs: 5 } },
      "request_invalid",
      /bootMs/u,
    ],
    [
      "a recipe without a driver",
      { ticket, recipe: { command: ["x"] } },
      "request_invalid",
      /recipe\.driver": .*"acp"\|"command"/u,
    ],
    [
      "a recipe that never counts as accepted",
      { ticket, recipe: { driver: "command", command: ["x"] } },
      "request_invalid",
      /recipe\.accept/u,
    ],
    [
      "an end of work that is unknown",
      { ticket, whenDone: "never" },
      "request_invalid",
      /whenDone.*"never"/u,
    ],
    ["an idle time below 0", { ticket, idleStopMs: -1 }, "request_invalid", /idleStopMs.*-1/u],
    ["a signal that is none", { ticket, signal: {} }, "request_invalid", /signal/u],
  ];
  for (const [what, request, code, message] of requests) {
    test(`because of ${what} throws ${code} with what came, and starts nothing`, () => {
      const host = new LaunchHost();
      const launcher = host.launcher();
      const launch = () => launcher.launch(request as LaunchRequest);
      expect(launch).toThrow(expect.objectContaining({ name: "LaunchClaimError", code }) as Error);
      expect(launch).toThrow(message);
      expect(launcher.inFlight()).toEqual([]);
      expect(fs.readdirSync(join(host.registry, "locks"))).toEqual([]);
    });
  }

  test("or a configuration that cannot be used throws from the launch, which starts nothing", () => {
    const host = new LaunchHost();
    const launcher = host.launcher();
    host.configure({ timeouts: { stopMs: "5s" } });
    expect(() => launcher.launch({ ticket })).toThrow(
      expect.objectContaining({ code: "config_invalid" }) as Error,
    );
    expect(() => host.launcher()).toThrow(/launch-claim\.config\.json.*timeouts\.stopMs.*5s/u);
    expect(launcher.inFlight()).toEqual([]);
  });
});
