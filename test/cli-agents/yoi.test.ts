/** Launches of the scripted upstream Pod, through the built command line and the real guardian. */
import fs from "node:fs";
import { describe, expect, test } from "vitest";
import {
  cliBench,
  expectNothingLeft,
  sharedBench,
  type CliBench,
  type CliResult,
} from "../fixtures/bad-agents.js";
import { upstreamCommand } from "../fixtures/driven-upstream.js";
import { waitUntil } from "../fixtures/processes.js";
import { failure, IDLE, RUNNING, START, TURN, type UpstreamManner } from "../fixtures/upstream-pod.js";

const YOI = ["--driver", "yoi"];

async function launch(
  bench: CliBench,
  manner: UpstreamManner,
  flags: readonly string[] = [],
): Promise<CliResult> {
  const command = upstreamCommand({ transcript: bench.path("heard"), ...manner });
  return await bench.launch(command, [...YOI, ...flags], { env: environmentOf(bench) });
}

function environmentOf(bench: CliBench): NodeJS.ProcessEnv {
  return { YOI_HOME: bench.path("y"), YOI_RUNTIME_DIR: undefined };
}

function heard(bench: CliBench): { argv?: string[]; method?: string }[] {
  const lines = fs.readFileSync(bench.path("heard"), "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as object);
}

const claimIn = (told: CliResult) =>
  (told.json().at(-1) as { claim: { pod: string; launchId: string; session: object } }).claim;

describe("an upstream Pod that takes its run", () => {
  test("is claimed by its own word, named afresh, stopped by its own method, and restored by its name", async () => {
    const bench = cliBench();
    const told = await launch(bench, {}, ["--profile", "project:intake", "--json"]);
    expect(told.code, told.stderr).toBe(0);
    const claim = claimIn(told);
    expect(claim).toMatchObject({
      acceptance: { level: "ack", kind: "user_message" },
      agent: { driver: "yoi" },
      session: { id: claim.pod, restorable: true },
    });
    expect(heard(bench)[0]?.argv).toEqual([
      ...["pod", "--workspace", bench.project, "--pod", claim.pod],
      ...["--profile", "project:intake"],
    ]);
    expect((await bench.cli(["stop", "T"])).code).toBe(0);
    expect(heard(bench).at(-1)).toEqual({ method: "shutdown" });
    expect(bench.running()).toEqual([]);
    expect(await bench.state()).toBe("restorable");

    // As the claim knows it, without a word about the driver.
    const restored = await bench.cli(["restore", "T", "--json"], { env: environmentOf(bench) });
    expect(restored.code, restored.stderr + restored.stdout).toBe(0);
    const after = claimIn(restored);
    expect(after).toMatchObject({ restoredFrom: [claim.launchId], session: { id: claim.pod } });
    expect(after.pod).not.toBe(claim.pod);
    const again = heard(bench).filter(({ argv }) => argv);
    expect(again[1]?.argv).toEqual(["pod", "--workspace", bench.project, "--pod", claim.pod]);
    expect(heard(bench).filter(({ method }) => method === "run")).toHaveLength(1);
    expect(await bench.state()).toBe("live");
    expect((await bench.cli(["stop", "T"])).code).toBe(0);
  });

  test("and fails at the model is claimed, and its run has failed", async () => {
    const bench = cliBench();
    const steps = [
      RUNNING,
      START,
      { takes: "ours" },
      TURN,
      failure("provider_error", "no key"),
      IDLE,
    ] as const;
    const told = await launch(bench, { runs: [steps] }, ["--wait", "--when-done", "stop"]);
    expect(told.stdout + told.stderr).toMatch(/failed: the Pod's run failed: provider_error: no key/u);
    expect(bench.claims()).toHaveLength(1);
    await waitUntil(() => bench.running().length === 0, { deadlineMs: 20_000, what: "the Pod's end" });
  });

  test("and is killed with its guardian can be restored all the same", async () => {
    const bench = cliBench();
    const runs = [[RUNNING, START, { takes: "ours" } as const, TURN, { stall: true } as const]];
    const told = await launch(bench, { runs }, ["--json"]);
    expect(told.code, told.stderr).toBe(0);
    await bench.endAll();
    expect(await bench.state()).toBe("restorable");
    const restored = await bench.cli(["restore", "T", "--json"], { env: environmentOf(bench) });
    expect(restored.code, restored.stderr + restored.stdout).toBe(0);
    expect((await bench.cli(["stop", "T"])).code).toBe(0);
    expect(bench.running()).toEqual([]);
  });
});

describe("an upstream Pod that does not", () => {
  const bench = sharedBench();

  const ends: [string, UpstreamManner, RegExp][] = [
    [
      "rejects its run",
      { runs: [[RUNNING, failure("invalid_request", "no such workflow"), IDLE]] },
      /failed while waiting for the run[^]*invalid_request: no such workflow/u,
    ],
    [
      "exits before it is ready",
      { start: [{ stderr: "no such profile\n" }, { exit: 2 }] },
      /failed while starting the Pod[^]*exited with code 2[^]*no such profile/u,
    ],
    ["is another", { ready: { name: "stranger" } }, /Pod "stranger" says that it is ready/u],
    ["is killed in its run", { runs: [[RUNNING, START, { kill: "SIGKILL" }]] }, /was ended by SIGKILL/u],
  ];
  test.each(ends)(
    "because it %s has failed with that reason, and nothing is left",
    async (_what, manner, reason) => {
      const told = await launch(bench, manner);
      expect({ code: told.code, stdout: told.stdout }, told.stderr).toEqual({ code: 1, stdout: "" });
      expect(told.stderr).toMatch(reason);
      expect(told.stderr).toMatch(/No claim; nothing of it runs any more/u);
      expectNothingLeft(bench, told);
    },
  );

  test("because it is never ready has timed out, and nothing is left", async () => {
    const told = await launch(bench, { start: [{ stall: true }] }, ["--timeout", "ready=2s"]);
    expect(told.code, told.stderr).toBe(4);
    expectNothingLeft(bench, told);
  });

  test("because all that is heard is that it runs has timed out, and nothing is left", async () => {
    const runs = [[RUNNING, TURN, { stall: true } as const]];
    const told = await launch(bench, { runs }, ["--timeout", "runAck=2s"]);
    expect(told.code, told.stderr).toBe(4);
    expectNothingLeft(bench, told);
  });

  test("because its socket would lie too deep is not even started", async () => {
    fs.rmSync(bench.path("heard"), { force: true });
    const command = upstreamCommand({ transcript: bench.path("heard") });
    const told = await bench.launch(command, YOI, { env: { YOI_RUNTIME_DIR: `/${"deep/".repeat(25)}` } });
    expect(told.code).toBe(1);
    expect(told.stderr).toMatch(/and 107 are the limit[^]*hint: Give the agent a shorter YOI_RUNTIME_DIR/u);
    expect(fs.existsSync(bench.path("heard"))).toBe(false);
    expectNothingLeft(bench, told);
  });
});

describe("what is asked for amiss", () => {
  const bench = sharedBench();

  test.each([
    [["--driver", "yoi", "--accept", "exit"], /--driver yoi takes neither --evidence nor --accept/u],
    [["--driver", "yoi", "--evidence", "ack"], /takes neither/u],
    [["--profile", "project:intake"], /--profile is for --driver yoi/u],
  ])("on the command line is refused: %j", async (flags, reason) => {
    const told = await bench.launch(["yoi"], flags);
    expect(told.code).toBe(2);
    expect(told.stderr).toMatch(reason);
  });

  test.each([
    [{ profile: "--pod x" }, /expected a profile selector/u],
    [{ profile: 3 }, /profile/u],
    [{ command: ["yoi", "pod"] }, /expected the program alone/u],
    [{ evidence: "ack" }, /evidence/u],
  ])("in the configuration is refused: %j", async (entry, reason) => {
    const agents = { intake: { driver: "yoi", command: ["yoi"], ...entry } };
    fs.writeFileSync(`${bench.project}/launch-claim.config.json`, JSON.stringify({ agents }));
    const told = await bench.cli(["launch", "T", "--agent", "intake", "--prompt", "Do it."]);
    expect(told.code).toBe(2);
    expect(told.stderr).toMatch(reason);
  });
});
