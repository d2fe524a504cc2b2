/** A restored Pod, from the loading of its session until it has seen whether the claim is its own. */
import { describe, expect, it } from "vitest";
import { waitUntil } from "../fixtures/processes.js";
import { dial, promptsIn, runOf, startRestored, untilGone } from "./bench.js";

describe("a restored Pod that has not seen its claim yet", () => {
  it("refuses a run for that, and tells when it takes one", async () => {
    const { pod, confirm } = await startRestored();
    const client = dial(pod.socket);
    client.send(runOf(pod.launchId, "too early", "mine"));
    expect(await client.first("run_rejected")).toMatchObject({ code: "not_confirmed", run_id: "mine" });
    expect(client.all("status")).toEqual([]);

    await confirm();
    expect(await client.first("status")).toEqual({ status: "idle" });
    client.send(runOf(pod.launchId, "go on", "again"));
    expect(await client.first("run_accepted")).toMatchObject({ run_id: "again" });
    expect(promptsIn(pod.promptsFile)).toBe(1);
  });

  it("ends when its agent dies, and says so before it has gone", async () => {
    const { pod } = await startRestored();
    const client = dial(pod.socket);
    await client.first("snapshot");
    process.kill(await pod.pidOf("agent"), "SIGKILL");
    expect(await client.first("status")).toEqual({ status: "draining" });
    await untilGone(pod.launchId);
    await waitUntil(async () => (await pod.registry.probeLocks(pod.ticket)).pod === "free", {
      deadlineMs: 20_000,
      what: "the Pod lock to be free",
    });
  });
});
