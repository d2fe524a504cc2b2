import { spawn } from "node:child_process";
import { once } from "node:events";
import { v7 as newLaunchId } from "uuid";
import { expect, onTestFinished, test } from "vitest";
import { DEFAULT_TIMEOUTS } from "../../src/config/defaults.js";
import { LaunchScope } from "../../src/launch/scope.js";
import type { PodProcess, PodRecord, PodRuntime } from "../../src/ports.js";
import { podRecordOf } from "../../src/pod-records.js";
import { identityOf, ownIdentity } from "../../src/processes.js";
import { MemoryRegistry } from "../../src/testing/memory-registry.js";

const now = () => "2026-01-01T00:00:00.000Z";
const agent: PodProcess = { ...ownIdentity(), pid: 2, startTime: "17", as: "agent" };

/** A launch that has written down that it starts a Pod, which keeps its own record from then on. */
async function startedLaunch() {
  const registry = new MemoryRegistry();
  const runtime = { kind: "test", recordsPods: true } as PodRuntime;
  const launchId = newLaunchId();
  const scope = new LaunchScope(launchId, { registry, runtime, now, timeouts: DEFAULT_TIMEOUTS });
  const starting: PodRecord = {
    ticket: { id: "T-1" },
    role: "coder",
    pod: "coder-T-1",
    launchId,
    runtime: { kind: "test", locator: {} },
    launcher: ownIdentity(),
    state: "starting",
    processes: [],
    startedAt: now(),
    updatedAt: now(),
  };
  await scope.openRecord(starting);
  const pod = spawn("sleep", ["600"], { stdio: "ignore" });
  onTestFinished(() => void pod.kill("SIGKILL"));
  const pid = pod.pid ?? 0;
  scope.own({ name: starting.pod, launchId, pids: [pid], locator: {} });
  const guardian: PodProcess = { ...(identityOf(pid) ?? ownIdentity()), as: "guardian" };
  return {
    scope,
    pid,
    guardian,
    kill: async () => {
      pod.kill("SIGKILL");
      await once(pod, "exit");
    },
    podRecordsItself: async () =>
      await registry.writePod({ ...starting, state: "started", processes: [guardian, agent] }),
    recorded: async () => await podRecordOf(starting, registry),
  };
}

test("a launch that ends as unresolved leaves the record to a Pod that may still write down whom it starts", async () => {
  const { scope, pid, recorded } = await startedLaunch();
  await scope.markUnresolved([pid]);
  expect(await recorded()).toMatchObject({ state: "starting", processes: [] });
});

test("a launch that ends as unresolved while its start is under way leaves the record to the Pod that may come", async () => {
  const { scope, pid, kill, recorded } = await startedLaunch();
  scope.trackStart(new Promise(() => undefined));
  await kill();
  await scope.markUnresolved([pid]);
  expect(await recorded()).toMatchObject({ state: "starting", processes: [] });
});

test("a launch that ends as unresolved keeps whom its Pod has written down", async () => {
  const { scope, pid, guardian, podRecordsItself, recorded } = await startedLaunch();
  await podRecordsItself();
  await scope.markUnresolved([pid, process.pid]);
  const { pid: other } = ownIdentity();
  expect(await recorded()).toMatchObject({
    state: "unresolved",
    processes: [guardian, agent, { pid: other }],
  });
});

test("a launch that ends as unresolved marks the record of a Pod that is gone and has written nothing", async () => {
  const { scope, pid, kill, recorded } = await startedLaunch();
  await kill();
  await scope.markUnresolved([pid]);
  expect(await recorded()).toMatchObject({ state: "unresolved", processes: [] });
});
