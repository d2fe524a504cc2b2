/** Promises 3 and 4: exactly one, by a lock that is the kernel's. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createLauncher, FileRegistry, findWorkspace, type ClaimRegistry, type Outcome } from "launch-claim";
import { InProcessRuntime } from "launch-claim/testing";
import { built } from "../fixtures/guardian-runtime.js";
import { OwnPodsWorld } from "../fixtures/own-pods-world.js";
import { disposableDirectory, temporaryDirectory } from "../fixtures/temporary.js";
import { waitUntil } from "../fixtures/processes.js";

const RACERS = 16;

interface Racer {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
}

/** Started and ready, waiting for the shot. */
async function racer(world: OwnPodsWorld, ticketId: string): Promise<Racer> {
  const args = [built("test/fixtures/race-launcher.js"), world.workspace, world.home, world.pods, ticketId];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const outcome = once(child, "close").then(() => JSON.parse(said.split("\n")[1] ?? "null") as Outcome);
  await waitUntil(() => said.includes("ready\n"), { deadlineMs: 30_000, what: "a racer" });
  return { child, outcome };
}

/** A launcher that was stopped while it held the launch lock. One that was faster than the signal has claimed, and is no example. */
async function stoppedHolder(world: OwnPodsWorld): Promise<{ slow: Racer; id: string }> {
  for (let attempt = 1; attempt <= 10; attempt += 1) {
    const id = `SLOW-${attempt}`;
    const slow = await racer(world, id);
    slow.child.stdin?.end();
    await waitUntil(() => world.observe(id).launchLock === "held", { deadlineMs: 20_000, what: "its lock" });
    slow.child.kill("SIGSTOP");
    if (world.observe(id).launchLock === "held") return { slow, id };
    slow.child.kill("SIGCONT");
    await slow.outcome;
    await world.clear(id);
  }
  throw new Error("every launcher was faster than the signal");
}

describe("racing on one ticket", () => {
  it.each(["first", "second", "third"])(
    "16 processes: one is told claimed, fifteen blocked, one Pod lives (%s round)",
    async (round) => {
      using directory = disposableDirectory();
      const world = new OwnPodsWorld(directory.path);
      const id = `RACE-${round}`;
      const racers = await Promise.all(Array.from({ length: RACERS }, () => racer(world, id)));
      for (const { child } of racers) child.stdin?.end();
      const outcomes = await Promise.all(racers.map(({ outcome }) => outcome));
      try {
        const ended = (status: Outcome["status"]) => outcomes.filter((outcome) => outcome.status === status);
        expect(ended("claimed"), JSON.stringify(outcomes.map(({ status }) => status))).toHaveLength(1);
        expect(ended("blocked")).toHaveLength(RACERS - 1);
        for (const outcome of outcomes) {
          if (outcome.status === "blocked") expect(["live", "inFlight"]).toContain(outcome.by);
        }
        expect(world.livingPods(id)).toEqual(world.observe(id).claims);
        expect(world.observe(id).claims).toHaveLength(1);
        expect(world.prompts(id)).toBe(1);
      } finally {
        await world.clear(id);
      }
    },
  );

  it.each([2, 16])("%i launches in one process: one claimed, the others blocked, one Pod", async (count) => {
    using directory = disposableDirectory();
    const world = new OwnPodsWorld(directory.path);
    const launcher = world.launcher();
    const launches = Array.from({ length: count }, () =>
      launcher.launch({ ticket: { id: "ONE" }, prompt: "race" }),
    );
    expect(launcher.inFlight()).toHaveLength(count);
    const statuses = (await Promise.all(launches.map(({ outcome }) => outcome))).map(({ status }) => status);
    try {
      expect(statuses.filter((status) => status === "claimed")).toHaveLength(1);
      expect(statuses.filter((status) => status === "blocked")).toHaveLength(count - 1);
      expect(world.livingPods("ONE")).toHaveLength(1);
      expect(launcher.inFlight()).toHaveLength(0);
    } finally {
      await world.clear("ONE");
    }
  });

  it("is not over for a launcher that was stopped: no age of the lock ever frees it, and it goes on when it is continued", async () => {
    using directory = disposableDirectory();
    const world = new OwnPodsWorld(directory.path);
    const { slow, id } = await stoppedHolder(world);
    const lockFile = join(world.registry, "locks", `${id}.launch`);
    try {
      // Whatever a clock could say of the lock's age: long ago.
      fs.utimesSync(lockFile, 0, 0);
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const other = await world.launcher().launch({ ticket: { id }, prompt: "impatient" }).outcome;
        expect(other).toMatchObject({ status: "blocked", by: "inFlight" });
      }
      slow.child.kill("SIGCONT");
      expect(await slow.outcome).toMatchObject({ status: "claimed" });
      expect(world.livingPods(id)).toHaveLength(1);
    } finally {
      slow.child.kill("SIGCONT");
      await world.clear(id);
    }
  });

  it("is judged by what stands once the lock is ours: a claim that came while the lock was waited for blocks", async () => {
    const directory = temporaryDirectory();
    const workspace = join(directory, "w");
    fs.mkdirSync(workspace);
    const home = join(directory, "h");
    const runtime = new InProcessRuntime();
    const files = new FileRegistry({ workspace: findWorkspace(workspace, home) });
    const other = createLauncher({ workspace, home, runtime });
    let overtaken: Outcome | undefined;
    const registry = Object.create(files, {
      lockLaunch: {
        value: async (...args: Parameters<ClaimRegistry["lockLaunch"]>) => {
          overtaken ??= await other.launch({ ticket: { id: "LATE" }, prompt: "faster" }).outcome;
          return await files.lockLaunch(...args);
        },
      },
    }) as ClaimRegistry;
    const bound = new Proxy(registry, {
      get: (target, name, receiver) => {
        const value: unknown = Reflect.get(target, name, receiver);
        return typeof value === "function" && name !== "lockLaunch"
          ? (value as () => unknown).bind(files)
          : value;
      },
    });
    const late = await createLauncher({ workspace, home, runtime, registry: bound }).launch({
      ticket: { id: "LATE" },
      prompt: "slower",
    }).outcome;
    expect(overtaken).toMatchObject({ status: "claimed" });
    expect(late).toMatchObject({ status: "blocked", by: "live" });
    expect(runtime.pods()).toHaveLength(1);
    await other.release({ id: "LATE" }, { stop: true });
  });
});
