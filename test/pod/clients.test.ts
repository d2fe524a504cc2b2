/** What several clients of one Pod do: permissions, further runs, and what a late one is told. */
import { describe, expect, it } from "vitest";
import type { PermissionPolicy } from "../../machines/launch.types.js";
import { RunHistory } from "../../src/pod/run-history.js";
import { waitUntil } from "../fixtures/processes.js";
import { dial, promptsIn, runOf, startPod, type TestPod } from "./bench.js";

const SOON = { deadlineMs: 20_000 };
const options = [
  { optionId: "ever", name: "Always", kind: "allow_always" },
  { optionId: "once", name: "Once", kind: "allow_once" },
  { optionId: "no", name: "No", kind: "reject_once" },
];
const permission = { permission: { toolCall: { toolCallId: "c", title: "Run \u001b[2Jmake" }, options } };
const end = { end: "end_turn" } as const;
const chunk = (text: string) => ({
  update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text } },
});

type Client = ReturnType<typeof dial>;

function answer(client: Client, requestId: unknown, optionId: string): void {
  const outcome = { outcome: "selected", optionId } as const;
  client.send({ method: "permission_response", params: { request_id: String(requestId), outcome } });
}

async function untilWaits(pod: TestPod, count: number): Promise<void> {
  await waitUntil(async () => ((await pod.record()).permissions?.length ?? 0) === count, {
    ...SOON,
    what: `${count} permission requests in the record`,
  });
}

describe("a permission request", () => {
  it("is answered by the first client that answers; the others are told, a later answer counts for nothing", async () => {
    const pod = await startPod({ script: { prompt: [permission, end] } });
    const [one, two] = [dial(pod.socket), dial(pod.socket)];
    await two.first("snapshot");
    one.send(runOf(pod.launchId));
    const { request_id } = await one.first("permission_request");
    await untilWaits(pod, 1);
    expect((await pod.record()).permissions?.[0]?.title).toBe(String.raw`Run \u001b[2Jmake`);
    answer(one, request_id, "nothing of the kind");
    expect(await one.first("error")).toMatchObject({ code: "invalid_request", request_id });
    answer(one, request_id, "once");
    const resolved = { request_id, by: "client", outcome: { outcome: "selected", optionId: "once" } };
    expect(await two.first("permission_resolved")).toEqual(resolved);
    answer(two, request_id, "no");
    expect(await two.first("error")).toMatchObject({ code: "permission_resolved", request_id });
    await one.first("run_ended");
    expect(JSON.stringify(one.all("update"))).toContain(String.raw`\"optionId\":\"once\"`);
    expect(one.all("permission_resolved")).toEqual([resolved]);
    await untilWaits(pod, 0);
  });

  it("stays open when the client that saw it goes, and a cancel of the run resolves it", async () => {
    const pod = await startPod({ script: { prompt: [permission, { stall: true }] } });
    const client = dial(pod.socket);
    client.send(runOf(pod.launchId));
    const asked = await client.first("permission_request");
    const gone = dial(pod.socket);
    await gone.first("permission_request");
    gone.close();
    await client.roundTrip();
    const late = dial(pod.socket);
    expect(await late.first("permission_request")).toEqual(asked);
    late.send({ method: "cancel", params: { run_id: pod.launchId } });
    expect(await client.first("permission_resolved")).toMatchObject({
      by: "agent",
      outcome: { outcome: "cancelled" },
    });
    await untilWaits(pod, 0);
  });

  const policies: readonly [PermissionPolicy, object][] = [
    ["allow", { outcome: "selected", optionId: "once" }],
    ["deny", { outcome: "selected", optionId: "no" }],
  ];
  it.each(policies)(
    "is answered by the role's policy %s, this one time, without a client",
    async (policy, outcome) => {
      const pod = await startPod({ script: { prompt: [permission, end] }, more: { permissions: policy } });
      const client = dial(pod.socket);
      client.send(runOf(pod.launchId));
      expect(await client.first("permission_resolved")).toMatchObject({ by: "policy", outcome });
      expect(await client.first("permission_request")).toMatchObject({ waits: false });
      await client.first("run_ended");
    },
  );

  it("that offers nothing for this one time waits for somebody, whatever is allowed", async () => {
    const always = { permission: { options: options.slice(0, 1) } };
    const pod = await startPod({ script: { prompt: [always, end] }, more: { permissions: "allow" } });
    const client = dial(pod.socket);
    client.send(runOf(pod.launchId));
    const { request_id, waits } = await client.first("permission_request");
    expect(waits).toBe(true);
    await untilWaits(pod, 1);
    answer(client, request_id, "ever");
    await client.first("run_ended");
  });
});

describe("a further run", () => {
  it("is refused before the first was accepted, leaves no receipt, and does not stand in its way", async () => {
    const pod = await startPod({});
    const client = dial(pod.socket);
    client.send(runOf(pod.launchId, "too early", "mine"));
    expect(await client.first("run_rejected")).toMatchObject({ code: "not_accepted", run_id: "mine" });
    expect(await pod.runtime.findAccepted(pod.ticket)).toBeUndefined();
    client.send(runOf(pod.launchId));
    await client.first("run_accepted");
    expect(promptsIn(pod.promptsFile)).toBe(1);
  });

  it("is taken when the Pod is idle, refused while it runs, and writes no second receipt", async () => {
    const pod = await startPod({ script: { prompt: [permission, end] } });
    const [one, two] = [dial(pod.socket), dial(pod.socket)];
    one.send(runOf(pod.launchId));
    const first = await one.first("permission_request");
    answer(one, first["request_id"], "once");
    await one.first("run_ended");
    const { acceptance } = await pod.record();
    two.send(runOf(pod.launchId, "go on", "mine"));
    const second = await waitUntil(() => one.all("permission_request")[1], {
      ...SOON,
      what: "the second run",
    });
    two.send(runOf(pod.launchId, "and now?", "refused"));
    expect(await two.first("run_rejected")).toMatchObject({ code: "already_running", run_id: "refused" });
    answer(two, second["request_id"], "no");
    const ended = await waitUntil(() => one.all("run_ended")[1], { ...SOON, what: "its end" });
    expect(ended).toEqual({ run_id: "mine", stop_reason: "end_turn" });
    expect(one.all("user_message").map(({ run_id }) => run_id)).toEqual([pod.launchId, "mine"]);
    expect(promptsIn(pod.promptsFile)).toBe(2);
    expect((await pod.record()).acceptance).toEqual(acceptance);
  });
});

describe("the history", () => {
  it("tells a late client the run so far, in its order, and what is open after it", async () => {
    const pod = await startPod({ script: { prompt: [chunk("On it."), permission, end] } });
    const client = dial(pod.socket);
    client.send(runOf(pod.launchId));
    await client.first("permission_request");
    await client.first("run_accepted");
    const late = dial(pod.socket);
    late.send({ method: "history" });
    const { status, left_out, events } = await late.first("history");
    expect([status, left_out]).toEqual(["running", 0]);
    expect((events as { event: string }[]).map(({ event }) => event)).toEqual(
      expect.arrayContaining(["user_message", "update", "permission_request", "run_accepted"]),
    );
    expect((events as { event: string }[])[0]?.event).toBe("user_message");
    await late.roundTrip();
    expect(late.all("permission_request")).toHaveLength(2);
  });

  it("keeps the last of a long run, and says how much is left out", () => {
    const history = new RunHistory(1_000);
    for (let count = 0; count < 50; count += 1)
      history.add({ event: "update", data: `${count} ${"x".repeat(100)}` });
    history.add({ event: "update", data: "y".repeat(2_000) });
    const told = history.told("running");
    if (told.event !== "history") throw new Error("a history was expected");
    const { left_out, events } = told.data;
    expect(left_out + events.length).toBe(51);
    expect(JSON.stringify(events).length).toBeLessThan(1_100);
    expect(JSON.stringify(events.at(-1))).toContain("49 x");
    history.begin();
    expect(history.told("idle")).toEqual({
      event: "history",
      data: { status: "idle", left_out: 0, events: [] },
    });
  });
});
