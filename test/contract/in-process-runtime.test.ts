/** What the scripts of the in-process Pods do: the path tests and hosts rely on it. The rest is in the contract suite. */
import { beforeEach, expect, test } from "vitest";
import { DEFAULT_TIMEOUTS } from "../../src/config/defaults.js";
import type { LaunchInfo, LaunchLock, StartContext } from "../../src/ports.js";
import { InProcessRuntime, type InProcessPod } from "../../src/testing/in-process-runtime.js";
import { MemoryRegistry } from "../../src/testing/memory-registry.js";

const ticket = { id: "T-1" };
const patient = { signal: new AbortController().signal };
const launchId = "0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000";
const plan = { role: "coder", prompt: "the prompt", peers: [], cwd: "/" };
const launch: LaunchInfo = {
  ticket,
  launchId,
  podName: "coder-1",
  plan,
  timeouts: DEFAULT_TIMEOUTS,
  environment: {},
};
const run = {
  runId: launchId,
  launchId,
  input: [{ kind: "text", content: "the prompt" }],
  adopted: false,
} as const;

let registry: MemoryRegistry;
let runtime: InProcessRuntime;
let lock: LaunchLock;
let owned: InProcessPod[];

beforeEach(async () => {
  registry = new MemoryRegistry();
  runtime = new InProcessRuntime();
  owned = [];
  const taken = await registry.lockLaunch(ticket, patient);
  if (!taken) throw new Error("the launch lock of a new registry should be free");
  lock = taken;
});

function context(signal = patient.signal): StartContext<InProcessPod> {
  return {
    signal,
    own: (pod) => owned.push(pod),
    lockPod: async () => {
      const podLock = await registry.lockPod(lock, { signal });
      if (podLock) return podLock;
      throw new Error("the Pod lock is held");
    },
  };
}

function gate<Answer>() {
  let open: (answer: Answer) => void = () => undefined;
  const opened = new Promise<Answer>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

test("a Pod that fails before it exists leaves nothing, one that fails after it was published lives until it is stopped", async () => {
  runtime.script(ticket.id, { create: "fail" });
  await expect(runtime.start(launch, context())).rejects.toMatchObject({ code: "runtime_failed" });
  expect([owned, runtime.pods()]).toEqual([[], []]);

  registry = new MemoryRegistry();
  runtime.script(ticket.id, { start: "fail" });
  await expect(runtime.start(launch, context())).rejects.toMatchObject({ code: "runtime_failed" });
  expect(runtime.pods()).toEqual(owned);
  expect(await registry.probeLocks(ticket)).toMatchObject({ pod: "held" });
});

test("a gate holds a call until it is opened, and is told what it is asked for", async () => {
  const peers: string[] = [];
  const answer = gate<"ok">();
  runtime.script(ticket.id, {
    registerPeer: (name) => {
      peers.push(name);
      return answer.opened;
    },
  });
  const pod = await runtime.start(launch, context());
  const registering = runtime.registerPeer(pod, "the orchestrator", patient);
  await Promise.resolve();
  expect([peers, runtime.peers(launchId)]).toEqual([["the orchestrator"], []]);
  answer.open("ok");
  await registering;
  expect(runtime.peers(launchId)).toEqual(["the orchestrator"]);
});

test("a call that is held is given up by its signal, and by the end of its Pod", async () => {
  runtime.script(ticket.id, { connect: gate<"ok">().opened, requestRun: gate<"accept">().opened });
  const pod = await runtime.start(launch, context());
  const giveUp = new AbortController();
  const connecting = runtime.connect(pod, giveUp);
  giveUp.abort();
  await expect(connecting).rejects.toMatchObject({ code: "aborted" });
  const running = runtime.requestRun(pod, run, patient);
  expect(await runtime.stop(pod, patient)).toEqual({ stopped: true });
  await expect(running).rejects.toMatchObject({ code: "aborted" });
  expect(runtime.prompts(launchId)).toEqual(["the prompt"]);
});

test("a deaf Pod comes late: the start that was given up goes on when its gate is opened", async () => {
  const created = gate<"ok">();
  runtime.script(ticket.id, { create: created.opened, deaf: true });
  const giveUp = new AbortController();
  const starting = runtime.start(launch, context(giveUp.signal));
  giveUp.abort();
  expect(runtime.pods()).toEqual([]);
  created.open("ok");
  const pod = await starting;
  expect(runtime.pods()).toEqual([pod]);
});

test("a stop that is not proven names the survivors, and the Pod lives on", async () => {
  runtime.script(ticket.id, { stop: "unproven", survivors: [4242] });
  const pod = await runtime.start(launch, context());
  expect(await runtime.stop(pod, patient)).toEqual({ stopped: false, pids: [4242] });
  expect(runtime.pods()).toEqual([pod]);
  expect(await registry.probeLocks(ticket)).toMatchObject({ pod: "held" });
  runtime.script(ticket.id, {});
  expect(await runtime.stop(pod, patient)).toEqual({ stopped: true });
  expect(runtime.pods()).toEqual([]);
});

test("a snapshot and a probe say what the script says instead of the truth", async () => {
  runtime.script(ticket.id, { connect: { launchId: "another" }, probe: "unknown" });
  const pod = await runtime.start(launch, context());
  expect(await runtime.connect(pod, patient)).toMatchObject({
    protocol: 1,
    pod: "coder-1",
    launchId: "another",
  });
  const reference = {
    ticket,
    pod: pod.name,
    launchId,
    runtime: { kind: runtime.kind, locator: pod.locator },
  };
  expect(await runtime.probe(reference, { ...patient, podLock: "held" })).toBe("unknown");
});

test("an accepted Pod holds its lock, was given one prompt, and answers an adoption until the script says otherwise", async () => {
  lock.close();
  const pod = await runtime.acceptedPod(ticket, { registry });
  expect(await registry.probeLocks(ticket)).toEqual({ launch: "free", pod: "held" });
  await expect(runtime.acceptedPod(ticket, { registry })).rejects.toMatchObject({ code: "lock_busy" });
  expect(await runtime.findAccepted(ticket)).toBe(pod);
  const adoption = { runId: pod.launchId, launchId: pod.launchId, input: [], adopted: true };
  expect(await runtime.requestRun(pod, adoption, patient)).toMatchObject({ kind: "accepted" });
  runtime.script(ticket.id, { requestRun: "reject" });
  expect(await runtime.requestRun(pod, adoption, patient)).toMatchObject({ kind: "rejected" });
  expect(runtime.prompts(pod.launchId)).toHaveLength(1);
});

test("a Pod is tied to the instance that started or dialed it, until it is detached", async () => {
  const pod = await runtime.start(launch, context());
  const elsewhere = new InProcessRuntime(runtime);
  expect([runtime.tied(), elsewhere.tied()]).toEqual([[pod], []]);
  await elsewhere.connect(pod, patient);
  runtime.detach(pod);
  expect([runtime.tied(), elsewhere.tied()]).toEqual([[], [pod]]);
});
