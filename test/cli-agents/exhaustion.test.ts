import fs from "node:fs";
import { describe, expect, test } from "vitest";
import type { AgentScript } from "../../src/testing/scripted-agent/script.js";
import {
  cliBench,
  expectFree,
  expectNothingLeft,
  type CliBench,
  type CliResult,
} from "../fixtures/bad-agents.js";
import { temporariesIn } from "../fixtures/files.js";
import { scriptedCommand } from "../fixtures/guardian-runtime.js";
import { peakMemoryOf } from "../fixtures/processes.js";
import { canMount, mountReadOnly, mountSmall } from "../fixtures/registry-mounts.js";

/** Writes until the file system is full, and goes on. */
const FILL = `head -c 64M /dev/zero > "$1" 2> "$1.err" || :`;

function fill(file: string): void {
  const block = Buffer.alloc(4_096);
  const fd = fs.openSync(file, "w");
  try {
    for (;;) fs.writeSync(fd, block);
  } catch (error) {
    expect(error).toMatchObject({ code: "ENOSPC" });
  } finally {
    fs.closeSync(fd);
  }
}

// Where mounting is not possible, these are shown as skipped; CI runs as root, where they must not be.
describe.skipIf(!canMount() && process.env["CI"] === undefined)("with a disk of half a megabyte", () => {
  function smallBench(): CliBench {
    const bench = cliBench();
    mountSmall(bench.home, 512);
    return bench;
  }

  test("that is full before, a launch has failed, and starts nothing", async () => {
    const bench = smallBench();
    fill(`${bench.home}/filler`);
    const told = await bench.launch({});
    expect(told.code, told.stderr).toBe(1);
    expect(told.stderr).toMatch(/failed|error:/u);
    expect(told.stderr).toMatch(/ENOSPC|no space/u);
    expectNothingLeft(bench, told);
    expect(temporariesIn(bench.home)).toEqual([]);
    fs.unlinkSync(`${bench.home}/filler`);
    await expectFree(bench);
  });

  test("that its agent has filled before it is ready, a launch has failed, and the agent is gone", async () => {
    const bench = smallBench();
    const filler = `${bench.home}/filler`;
    const agent = ["sh", "-c", `${FILL}; shift; exec "$@"`, "sh", filler, ...scriptedCommand({})];
    const told = await bench.launch(agent);
    expect(told.code, told.stderr).toBe(1);
    expect(told.stderr).toMatch(/ENOSPC|no space/u);
    expectNothingLeft(bench, told);
    fs.unlinkSync(filler);
    await expectFree(bench);
  });

  test("that is full when the receipt is to be written, nothing was accepted", async () => {
    const bench = smallBench();
    const filler = `${bench.home}/filler`;
    const flags = ["--driver", "command", "--accept", "output:^full$"];
    const told = await bench.launch(["sh", "-c", `${FILL}; echo full; exec sleep 600`, "sh", filler], flags);
    expect(told.code, told.stderr).toBe(1);
    expect(told.stderr).toMatch(/the receipt could not be written/u);
    expectNothingLeft(bench, told);
    fs.unlinkSync(filler);
    await expectFree(bench);
  });
});

test.skipIf(!canMount() && process.env["CI"] === undefined)(
  "a home that cannot be written is named",
  async () => {
    const bench = cliBench();
    mountReadOnly(bench.home);
    const told = await bench.launch({});
    expect(told.code, told.stderr).toBe(1);
    expect(told.stderr).toContain(bench.home);
    expectNothingLeft(bench, told);
  },
);

test.each([24, 64, 104, 112, 120])(
  "with %i descriptors a launch is claimed or leaves nothing",
  async (limit) => {
    const bench = cliBench();
    const under = ["sh", "-c", `ulimit -n ${limit}; exec "$@"`, "sh"];
    const told = await bench.launch({}, ["--when-done", "stop"], { under });
    if (told.code === 0) {
      expect(bench.claims()).toHaveLength(1);
      return;
    }
    // Node itself may not even start with so few.
    expect(told.code, told.stderr).not.toBe(null);
    expect(told.stderr).not.toBe("");
    expectNothingLeft(bench, told);
    await expectFree(bench);
  },
);

describe("an agent that prints a gigabyte", () => {
  const yes = `yes "$(printf '%01000d' 0)" | head -c 1000000000`;

  const plain = ["--driver", "command", "--accept", "exit"];

  test.each<[string, AgentScript | readonly string[], readonly string[], RegExp]>([
    ["in one line", { prompt: [{ flood: 1_000_000_000 }] }, [], /more than 16777216 bytes/u],
    ["in lines that are no JSON", ["sh", "-c", `${yes}; exit 9`], [], /exited with code 9/u],
    ["on stderr", ["sh", "-c", `${yes} >&2; exit 9`], [], /exited with code 9/u],
    ["in lines, as a plain command", ["sh", "-c", `${yes}; exit 9`], plain, /exited with code 9/u],
  ])("%s fills no memory of its guardian, and fails for its own reason", async (_what, agent, flags, why) => {
    const bench = cliBench();
    const { told, peak } = await launchWatched(bench, agent, flags);
    expect(told.code, told.stderr).toBe(1);
    expect(told.stderr).toMatch(why);
    expectNothingLeft(bench, told);
    expect(peak).toBeLessThan(300);
  });

  test("in lines and exits well is claimed, and whoever waits for its end is told", async () => {
    const bench = cliBench();
    const flags = [...plain, "--wait", "--when-done", "stop"];
    const { told, peak } = await launchWatched(bench, ["sh", "-c", yes], flags);
    expect(told.code, told.stderr).toBe(0);
    expect(told.stdout).toMatch(/claimed T: [^]*the run has ended: exit_0/u);
    expect(peak).toBeLessThan(300);
  });

  /** @returns also the most memory that its guardian was seen to hold, in MiB */
  async function launchWatched(
    bench: CliBench,
    agent: AgentScript | readonly string[],
    flags: readonly string[],
  ): Promise<{ told: CliResult; peak: number }> {
    let peak = 0;
    const watch = setInterval(() => {
      for (const { pid } of bench.guardians()) peak = Math.max(peak, peakMemoryOf(pid));
    }, 50);
    try {
      const told = await bench.launch(agent, ["--timeout", "ready=150s", ...flags]);
      expect(peak, told.stderr).toBeGreaterThan(0);
      return { told, peak };
    } finally {
      clearInterval(watch);
    }
  }
});
