import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { LaunchInfo, PodRuntime } from "../../src/index.js";
import type { PodScript } from "../../src/testing/index.js";
import { Held } from "../fixtures/launch-host.js";
import { waitUntil } from "../fixtures/processes.js";
import { outcomeJson } from "../../src/cli/outcome-report.js";
import { CliHost, textOf } from "../fixtures/cli-host.js";

const ticket = { id: "T-1" };

/** What the runtime was told, by the one launch. */
async function told(host: CliHost, ...argv: string[]): Promise<LaunchInfo> {
  const launches: LaunchInfo[] = [];
  host.podRuntime = host.runtimeWith({
    start: (launch, context) => {
      launches.push(launch);
      return host.runtime.start(launch, context);
    },
  });
  await host.expectCode(0, "launch", ...argv);
  await host.expectCode(0, "release", "T-1", "--stop");
  expect(launches).toHaveLength(1);
  return launches[0]!;
}

describe("what launch is told becomes the launch:", () => {
  test("every flag", async () => {
    const host = new CliHost();
    fs.mkdirSync(join(host.workspace, "sub"));
    const { plan, timeouts, podName } = await told(
      host,
      ...["T-1", "--slug", "slow-search", "--role", "coder", "--agent", "opencode", "--prompt", "Go on."],
      ...[
        "--peer",
        "panel",
        "--peer",
        "other",
        "--cwd",
        "sub",
        "--when-done",
        "release",
        "--idle-stop",
        "2h",
      ],
      ...["--timeout", "ready=1.5s", "--timeout", "runAck=3m", "--timeout=peer=250ms"],
    );
    expect(podName).toMatch(/^coder-slow-search-/u);
    expect(plan).toMatchObject({
      role: "coder",
      agent: "opencode",
      recipe: { command: ["opencode", "acp"] },
      prompt: "Go on.",
      peers: ["panel", "other"],
      cwd: join(host.workspace, "sub"),
      whenDone: "release",
      idleStopMs: 7_200_000,
    });
    expect(timeouts).toMatchObject({ readyMs: 1_500, runAckMs: 180_000, peerMs: 250, admitMs: 5_000 });
  });

  test("a command after --, flags of its own included", async () => {
    const { plan } = await told(
      new CliHost(),
      "T-1",
      "--evidence",
      "ack",
      "--",
      "/bin/agent",
      "--json",
      "-h",
      "--",
    );
    expect(plan).toMatchObject({
      agent: "agent",
      recipe: { driver: "acp", command: ["/bin/agent", "--json", "-h", "--"], evidence: { level: "ack" } },
    });
  });

  test.each([
    ["exit", { kind: "exit" }],
    ["output:^ready: .+$", { kind: "output", pattern: "^ready: .+$" }],
    ["alive:2s", { kind: "alive", afterMs: 2_000 }],
  ])("a plain command that is accepted by %s", async (accept, expected) => {
    const argv = [
      "T-1",
      "--driver",
      "command",
      "--accept",
      accept,
      "--idle-stop",
      "0",
      "--",
      "make",
      "{promptFile}",
    ];
    const { plan } = await told(new CliHost(), ...argv);
    expect(plan).toMatchObject({
      recipe: { driver: "command", command: ["make", "{promptFile}"], accept: expected },
      idleStopMs: 0,
    });
  });

  test("a prompt from a file outside of the workspace, or from standard input", async () => {
    const host = new CliHost();
    fs.writeFileSync(join(host.directory, "prompt.md"), "From a file.\n");
    expect((await told(host, "T-1", "--prompt-file", "../prompt.md")).plan.prompt).toBe("From a file.\n");
    host.stdin = textOf("From ", "a pipe.\n");
    expect((await told(host, "T-1", "--prompt-file", "-")).plan.prompt).toBe("From a pipe.\n");
  });
});

describe("a launch that is not understood starts nothing, exit code 2:", () => {
  const wrong: Readonly<Record<string, readonly [argv: string[], says: string]>> = {
    "a phase": [["--timeout", "boot=5s"], "one of admit ready connect peer runAck commit verify stop"],
    "a phase without a time": [["--timeout", "ready"], "PHASE=DURATION with one of admit ready connect"],
    "a time": [["--timeout", "ready=5"], "--timeout ready: expected a duration such as 500ms, 2s or 3m"],
    "no time at all": [["--timeout", "ready=0"], "--timeout ready: expected more than 0"],
    "a time that overflows the timer": [["--timeout", "ready=999h"], "at most 24 days"],
    "an idle time": [["--idle-stop", "soon"], "--idle-stop: expected a duration such as"],
    "an end of work": [
      ["--when-done", "never"],
      '--when-done: expected keep, stop, release, but came "never"',
    ],
    "a driver": [["--driver", "ssh", "--", "x"], '--driver: expected acp, command, yoi, but came "ssh"'],
    "a plain command without --accept": [
      ["--driver", "command", "--", "x"],
      "--driver command needs --accept",
    ],
    "a sign of acceptance": [["--driver", "command", "--accept", "soon", "--", "x"], 'but came "soon"'],
    "a regular expression": [
      ["--driver", "command", "--accept", "output:(", "--", "x"],
      "a regular expression",
    ],
    "--accept of an ACP agent": [["--accept", "exit", "--", "x"], "--accept is for --driver command"],
    "--evidence of a plain command": [
      ["--driver", "command", "--evidence", "ack", "--", "x"],
      "is for --driver acp",
    ],
    "--driver without a command": [["--driver", "acp"], '--driver says how the command after "--" is run'],
    "a command that is empty": [["--"], "but nothing came"],
    "two prompts": [["--prompt", "a", "--prompt-file", "b"], "--prompt or --prompt-file, but both came"],
    "a blank prompt": [["--prompt", " "], "--prompt: expected text, but it is blank"],
    "a prompt file that is missing": [["--prompt-file", "none.md"], "ENOENT"],
    "a prompt file that is a link": [["--prompt-file", "link.md"], "ELOOP"],
    "a prompt file that is a directory": [["--prompt-file", "."], "it is not a file"],
    "a prompt file that is too large": [["--prompt-file", "large.md"], "more than 1 MiB"],
    "a directory": [["--cwd", "none"], "--cwd: expected a directory"],
    "a ticket": [["--slug", "a\nb"], "slug"],
    "a role": [["--role", "wizard"], 'there is no role "wizard"'],
  };
  test.each(Object.entries(wrong))("%s", async (_, [argv, says]) => {
    const host = new CliHost();
    fs.writeFileSync(join(host.workspace, "good.md"), "x");
    fs.symlinkSync("good.md", join(host.workspace, "link.md"));
    fs.writeFileSync(join(host.workspace, "large.md"), "x".repeat(1024 * 1024 + 1));
    const { out, err } = await host.expectCode(2, "launch", "T-1", ...argv);
    expect(out).toBe("");
    expect(err).toContain(says);
    host.expectNothingLeft("T-1");
  });

  test("an empty ticket id, and a standard input without end", async () => {
    const host = new CliHost();
    expect((await host.expectCode(2, "launch", "")).err).toContain("ticket id must not be empty");
    host.stdin = textOf(...Array<string>(17).fill("x".repeat(64 * 1024)));
    expect((await host.expectCode(2, "launch", "T-1", "--prompt-file", "-")).err).toContain(
      "more than 1 MiB",
    );
  });

  test("a command of a configuration that is not trusted: it is shown, with the command that trusts it", async () => {
    const host = new CliHost();
    host.configure({ agents: { mine: { driver: "acp", command: ["sh", "-c", "evil\u001b[2J"] } } });
    const { err } = await host.expectCode(2, "launch", "T-1", "--agent", "mine");
    expect(err).toContain("sh -c 'evil\\u001b[2J'");
    expect(err).toMatch(/^ {2}launch-claim trust /mu);
    host.expectNothingLeft("T-1");
  });
});

describe("how a launch ends is its exit code:", () => {
  const ends: Readonly<Record<string, readonly [code: number, script: PodScript, says: RegExp]>> = {
    failed: [
      1,
      { requestRun: "reject" },
      /^failed while waiting for the run to be accepted: .*\n {2}No claim; nothing of it runs any more/mu,
    ],
    timedOut: [
      4,
      { connect: new Promise(() => undefined) },
      /^timed out while connecting to the Pod: .*\n {2}No claim;/mu,
    ],
    unresolved: [
      5,
      { requestRun: "reject", stop: "unproven", survivors: [1] },
      /^unresolved: .*\n {2}May still run: 1\n.*\n.*blocked/mu,
    ],
  };
  test.each(Object.entries(ends))("%s", async (status, [code, script, says]) => {
    const host = new CliHost();
    host.runtime.script("T-1", script);
    const { out, err } = await host.expectCode(code, "launch", "T-1", "--timeout", "connect=20ms");
    expect(out).toBe("");
    expect(err).toMatch(says);
    expect(err).toContain(code === 5 ? "launch-claim stop T-1" : "launch-claim logs T-1");
    if (status !== "unresolved") host.expectNothingLeft("T-1");
  });

  test("claimed: the result alone is on standard output, the phases are on standard error", async () => {
    const host = new CliHost();
    const { out, err } = await host.expectCode(0, "launch", "T-1");
    expect(out).toMatch(/^claimed T-1: Pod intake-T-1-\w{6}.*, launch [0-9a-f-]{36}\n$/u);
    expect(err.split("\n").slice(0, 3)).toEqual([
      "spawning.admitting: looking what stands",
      "spawning.starting: starting the Pod",
      "connecting.dialing: connecting to the Pod",
    ]);
  });

  test("claimed with a warning for a peer that cannot be told", async () => {
    const host = new CliHost();
    host.runtime.script("T-1", { registerPeer: "fail" });
    const { err } = await host.expectCode(0, "launch", "T-1", "--peer", "gone");
    expect(err).toMatch(/^warning: .+/mu);
  });

  test("blocked: by what, and the exact commands to go on with", async () => {
    const host = new CliHost();
    await host.expectCode(0, "launch", "T 1'", "--slug", "x");
    const { out, err } = await host.expectCode(3, "launch", "T 1'");
    expect(out).toBe("");
    expect(err).toMatch(/^blocked: T 1': .*\n {2}Pod intake-x-\w{6}, launch/mu);
    for (const command of ["logs", "stop", "release"]) {
      expect(err).toContain(`launch-claim ${command} 'T 1'\\'''`);
    }
  });

  test("adopted: it says that the prompt of this call was not sent", async () => {
    const host = new CliHost();
    const pod = await host.runtime.acceptedPod(ticket, { registry: host.files });
    const { out, err } = await host.expectCode(0, "launch", "T-1", "--prompt", "Mine.");
    expect(out).toMatch(/^adopted T-1: Pod /u);
    expect(err).toContain("the prompt of this call was not sent");
    expect(host.runtime.prompts(pod.launchId)).toHaveLength(1);
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 143],
  ] as const)("cancelled by %s is %i, after the Pod was stopped", async (signal, code) => {
    const host = new CliHost();
    const held = new Held<never>();
    host.runtime.script("T-1", { requestRun: held.call });
    const ran = host.run("launch", "T-1");
    await held.called();
    expect(host.runtime.pods()).toHaveLength(1);
    host.interrupt(signal);
    const { err, ...rest } = await ran;
    expect(rest).toEqual({ code, out: "" });
    expect(err).toMatch(
      /^cancelled while waiting for the run to be accepted: no claim; nothing of it runs any more/mu,
    );
    host.expectNothingLeft("T-1");
  });

  test("an interruption that comes while the claim is written changes nothing: it is claimed, and says so", async () => {
    const host = new CliHost();
    const real = host.runtime;
    host.podRuntime = host.runtimeWith({
      detach: (pod) => {
        host.interrupt("SIGINT");
        real.detach(pod);
      },
    });
    const { err } = await host.expectCode(0, "launch", "T-1");
    expect(err).toContain("the Pod works on");
  });
});

describe("launch --wait", () => {
  const ending = (host: CliHost, runEnded: NonNullable<PodRuntime["runEnded"]>) => {
    host.podRuntime = host.runtimeWith({ runEnded });
  };

  test("returns when the run has ended, with the reason that its agent gave", async () => {
    const host = new CliHost();
    ending(host, async () => "end_turn\u202e");
    const { out } = await host.expectCode(0, "launch", "T-1", "--wait");
    expect(out).toMatch(/^claimed T-1: .*\nthe run has ended: end_turn\\u202e\n$/u);
    await host.expectCode(0, "release", "T-1", "--stop");
    expect((await host.json(0, "launch", "T-1", "--wait")).slice(-2)).toMatchObject([
      { type: "outcome", status: "claimed" },
      { type: "runEnded", stopReason: "end_turn\u202e" },
    ]);
  });

  test("that is interrupted no longer waits: the Pod works on, and the claim stays", async () => {
    const host = new CliHost();
    ending(host, (_, { signal }) => {
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(new Error("given up")));
        host.interrupt("SIGTERM");
      });
    });
    const { err } = await host.expectCode(143, "launch", "T-1", "--wait");
    expect(err).toContain("no longer waited for; the Pod works on");
    expect(host.runtime.pods()).toHaveLength(1);
  });

  test("of a Pod that cannot tell is 1, after it was claimed", async () => {
    const { out, err } = await new CliHost().expectCode(1, "launch", "T-1", "--wait");
    expect(out).toMatch(/^claimed T-1/u);
    expect(err).toContain("could tell when its run ends");
  });
});

describe("launch --json", () => {
  test("prints a line for each transition, and last the outcome", async () => {
    const host = new CliHost();
    const lines = await host.json(0, "launch", "T-1");
    expect(lines.slice(0, -1).map(({ type, state }) => `${String(type)} ${String(state)}`)).toEqual([
      "transition idle",
      "transition spawning.admitting",
      "transition spawning.starting",
      "transition connecting.dialing",
      "transition connecting.registeringPeers",
      "transition awaitingRunAck",
      "transition committingClaim.writing",
      "transition claimed",
    ]);
    expect(lines.at(-1)).toMatchObject({
      type: "outcome",
      status: "claimed",
      adopted: false,
      claim: { ticket, role: "intake", launchId: expect.any(String) as string },
      warnings: [],
    });
  });

  test("has the message of what was thrown, and nothing else of it", async () => {
    const host = new CliHost();
    const secret = Object.assign(new Error("broken\u009b"), { secret: "s3cret" });
    host.podRuntime = host.runtimeWith({ connect: () => Promise.reject(secret) });
    const { out } = await host.expectCode(1, "launch", "T-1", "--json");
    expect(out).not.toContain("s3cret");
    expect(out).not.toContain("\u009b");
    expect(JSON.parse(out.trimEnd().split("\n").at(-1)!)).toMatchObject({
      status: "failed",
      phase: "connecting",
      message: "broken\u009b",
      proof: "host",
    });
  });

  test.each([
    ["an object with a message", { code: 7, message: "no such session" }, "no such session"],
    ["an object without one", { code: 7 }, undefined],
    ["what the message says already", new Error("told"), undefined],
  ])("tells of a cause that is %s no more than its message", (_what, cause, told) => {
    const failed = {
      status: "failed",
      phase: "connecting",
      code: "x",
      message: "told",
      proof: "host",
    } as const;
    expect(outcomeJson({ ...failed, hint: undefined, cause })).toMatchObject({ cause: told });
  });

  test("of a blocked launch has the claim that stands, and the library's advice", async () => {
    const host = new CliHost();
    await host.expectCode(0, "launch", "T-1");
    expect((await host.json(3, "launch", "T-1")).at(-1)).toMatchObject({
      ...{ type: "outcome", status: "blocked", by: "live" },
      ...{ claim: { ticket }, advice: expect.any(String) as string },
    });
  });

  test("tells an error of the request as an object", async () => {
    expect(await new CliHost().json(2, "launch", "T-1", "--role", "")).toMatchObject([
      { error: { code: "request_invalid" } },
    ]);
  });
});

describe("on a terminal", () => {
  test("one line is drawn over for each phase, and none is left behind", async () => {
    const host = new CliHost();
    host.tty = true;
    const held = new Held<"ok">();
    host.runtime.script("T-1", { start: held.call });
    const ran = host.run("launch", "T-1");
    await held.called();
    const frames = () => host.printed.err.split("starting the Pod").length - 1;
    await waitUntil(() => frames() >= 3, { deadlineMs: 10_000, what: "the line to be drawn again" });
    held.settle("ok");
    const { err, out } = await ran;
    expect(err.split("\r\u001b[2K").filter((line) => /starting the Pod.*\n/u.test(line))).toHaveLength(1);
    expect(out).toContain("\u001b[32mclaimed\u001b[39m T-1");
    expect(err.split("\n").at(-1)).toBe("");
  });

  test("there is no colour with NO_COLOR, and nothing is drawn over on a dumb one", async () => {
    const host = new CliHost();
    host.tty = true;
    Object.assign(host.env, { NO_COLOR: "1", TERM: "dumb" });
    const { out, err } = await host.expectCode(0, "launch", "T-1");
    expect(out + err).not.toContain("\u001b");
  });
});
