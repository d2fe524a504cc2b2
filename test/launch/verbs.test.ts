import { createHash } from "node:crypto";
import fs from "node:fs";
import { join } from "node:path";
import { v7 as newLaunchId } from "uuid";
import { describe, expect, test } from "vitest";
import type { ClaimRegistry, Launcher } from "../../src/index.js";
import { forEver, Held, LaunchHost, LONG, outcomeAs } from "../fixtures/launch-host.js";
import { waitUntil } from "../fixtures/processes.js";

const ticket = { id: "T-1" };
const request = { ticket, timeouts: LONG };

async function claimed(host: LaunchHost, launcher = host.launcher()) {
  const { claim } = await outcomeAs(launcher.launch(request).outcome, "claimed");
  return claim;
}

/** The Pod has ended by itself; its claim stands. */
async function endPods(host: LaunchHost): Promise<void> {
  for (const pod of host.runtime.pods()) await host.runtime.stop(pod, forEver);
}

/** A launch that was accepted, and ended without anybody knowing whether its claim is on disk: it is not. */
async function acceptedButUnresolved(host: LaunchHost) {
  const failing = () => Promise.reject(new Error("EIO: injected"));
  const registry = host.registryWith({ commit: failing, readBack: failing });
  const launch = host.launcher({ registry }).launch(request);
  await outcomeAs(launch.outcome, "unresolved");
  return launch;
}

/** A launch whose Pod took no run, and could not be proven stopped. */
async function notProvenStopped(host: LaunchHost) {
  host.runtime.script(ticket.id, { requestRun: "reject", stop: "unproven" });
  const launch = host.launcher().launch(request);
  await outcomeAs(launch.outcome, "unresolved");
  host.runtime.script(ticket.id, {});
  return launch;
}

/** A launcher whose Pods are of another kind: it can neither ask nor stop those of this process. */
function foreignLauncher(host: LaunchHost): Launcher {
  return host.launcher({ runtime: { ...host.runtimeWith({}), kind: "of-another-host" } });
}

describe("status", () => {
  test("says nothing where nothing stands", async () => {
    const host = new LaunchHost();
    expect(await host.launcher().status()).toEqual({ claims: [] });
    expect(await host.launcher().status(ticket)).toEqual({ claims: [] });
  });

  test("gives every claim with its state, in the order of ticket ids, or that of one ticket alone", async () => {
    const host = new LaunchHost();
    const launcher = host.launcher();
    for (const id of ["T-2", "T-1", "T-3"])
      await outcomeAs(launcher.launch({ ticket: { id } }).outcome, "claimed");
    host.runtime.script("T-2", { probe: "restorable" });
    const { claims } = await launcher.status();
    expect(claims.map(({ ticket, state }) => [ticket?.id, state])).toEqual([
      ["T-1", "live"],
      ["T-2", "restorable"],
      ["T-3", "live"],
    ]);
    expect((await launcher.status({ id: "T-3" })).claims.map(({ claim }) => claim?.ticket.id)).toEqual([
      "T-3",
    ]);
  });

  for (const [probe, state] of [
    ["live", "live"],
    ["lingering", "lingering"],
    ["restorable", "restorable"],
    ["gone", "stale"],
    ["unknown", "unknown"],
    ["fail", "unknown"],
  ] as const) {
    test(`says ${state} of a claim whose runtime answers ${probe}, and a launch is blocked by just that`, async () => {
      const host = new LaunchHost();
      const claim = await claimed(host);
      await endPods(host);
      // A dead Pod is asked for as well: the runtime alone knows what can be restored.
      host.runtime.script(ticket.id, { probe });
      const { claims } = await host.launcher().status(ticket);
      expect(claims).toMatchObject([{ ticket, state, claim, evidence: { podLock: "free" } }]);
      expect(await outcomeAs(host.launcher().launch(request).outcome, "blocked")).toMatchObject({
        by: state,
        claim,
      });
    });
  }

  test("says what the Pod lock tells of a claim of another runtime's: live while it is held, unknown when it is free", async () => {
    const host = new LaunchHost();
    await claimed(host);
    const foreign = foreignLauncher(host);
    expect(await foreign.status()).toMatchObject({ claims: [{ state: "live" }] });
    await endPods(host);
    expect(await foreign.status()).toMatchObject({ claims: [{ state: "unknown" }] });
  });
});

describe("stop", () => {
  test("is told as it was proven, even if the disk is too full to note it, and a release fails for that alone", async () => {
    const host = new LaunchHost();
    await claimed(host);
    const full = () => Promise.reject(new Error("ENOSPC: injected"));
    const launcher = host.launcher({ registry: host.registryWith({ writePod: full, end: full }) });
    await expect(launcher.release(ticket, { stop: true })).rejects.toThrow("ENOSPC");
    expect(host.runtime.pods()).toEqual([]);
    expect(await launcher.stop(ticket)).toMatchObject({ status: "stopped", claimed: true });
  });

  test("finds nothing to stop where no Pod is known", async () => {
    const host = new LaunchHost();
    expect(await host.launcher().stop(ticket)).toEqual({ status: "absent" });
  });

  test("ends the Pod and keeps the claim, which is stale then; again it is stopped again", async () => {
    const host = new LaunchHost();
    const launcher = host.launcher();
    const claim = await claimed(host, launcher);
    expect(await launcher.stop(ticket)).toEqual({
      status: "stopped",
      pods: [claim.pod],
      proof: "host",
      wasGone: false,
      claimed: true,
    });
    expect(host.runtime.pods()).toEqual([]);
    expect(await launcher.status()).toMatchObject({ claims: [{ state: "stale", claim }] });
    expect(await launcher.stop(ticket)).toMatchObject({ status: "stopped" });
    expect(host.observe(ticket.id).claims).toEqual([claim.launchId]);
  });

  test("ends a Pod that has no claim, after which the ticket is free", async () => {
    const host = new LaunchHost();
    const launch = await acceptedButUnresolved(host);
    const launcher = host.launcher();
    expect(await launcher.stop(ticket)).toMatchObject({ status: "stopped" });
    host.expectNothingLeft(ticket.id);
    expect(await host.files.pods(ticket)).toMatchObject([
      { record: { launchId: launch.launchId, state: "ended" } },
    ]);
    await claimed(host);
  });

  test("clears an unresolved launch once its Pod can be stopped", async () => {
    const host = new LaunchHost();
    await notProvenStopped(host);
    const launcher = host.launcher();
    expect(await outcomeAs(launcher.launch(request).outcome, "blocked")).toMatchObject({ by: "live" });
    expect(await launcher.stop(ticket)).toMatchObject({ status: "stopped" });
    await claimed(host);
  });

  test("that cannot prove it says so, with the pids, and keeps the claim", async () => {
    const host = new LaunchHost();
    const claim = await claimed(host);
    host.runtime.script(ticket.id, { stop: "unproven", survivors: [process.pid] });
    const answer = await host.launcher().stop(ticket);
    expect(answer).toMatchObject({ status: "unresolved", pids: [process.pid] });
    host.expectClaimed(ticket.id, claim.launchId);
  });

  test("does not wait for ever for a runtime that does not answer", async () => {
    const host = new LaunchHost();
    const claim = await claimed(host);
    host.configure({ timeouts: { stopMs: 50 } });
    host.runtime.script(ticket.id, { stop: new Promise<never>(() => undefined), deaf: true });
    expect(await host.launcher().stop(ticket)).toMatchObject({ status: "unresolved" });
    host.expectClaimed(ticket.id, claim.launchId);
  });

  test("of a Pod of another runtime's is left to that one", async () => {
    const host = new LaunchHost();
    const claim = await claimed(host);
    expect(await foreignLauncher(host).stop(ticket)).toMatchObject({ status: "unresolved" });
    host.expectClaimed(ticket.id, claim.launchId);
  });

  test("of a Pod that its runtime cannot locate is unresolved", async () => {
    const host = new LaunchHost();
    await claimed(host);
    const runtime = host.runtimeWith({
      podAt: () => {
        throw new Error("not one of mine");
      },
    });
    expect(await host.launcher({ runtime }).stop(ticket)).toMatchObject({
      status: "unresolved",
      reason: expect.stringContaining("not one of mine") as string,
    });
  });
});

describe("release", () => {
  test("of a ticket without a claim ends nothing", async () => {
    const host = new LaunchHost();
    expect(await host.launcher().release(ticket)).toEqual({ status: "absent" });
    expect(await host.launcher().history()).toEqual([]);
  });

  for (const by of ["live", "lingering", "unknown"] as const) {
    test(`of a claim that is ${by} is refused, and changes nothing`, async () => {
      const host = new LaunchHost();
      const claim = await claimed(host);
      host.runtime.script(ticket.id, { probe: by });
      expect(await host.launcher().release(ticket)).toMatchObject({ status: "refused", by });
      expect(await host.launcher().history()).toEqual([]);
      host.expectClaimed(ticket.id, claim.launchId);
    });
  }

  test("that is to stop the Pod ends it first, and then the claim, with reason and name", async () => {
    const host = new LaunchHost();
    const claim = await claimed(host);
    const podWhenEnded: unknown[] = [];
    const registry = host.registryWith({
      end: (...args) => {
        podWhenEnded.push(host.runtime.pods());
        return host.files.end(...args);
      },
    });
    const launcher = host.launcher({ registry });
    const ended = await launcher.release(ticket, { stop: true, reason: "merged", by: "me@here" });
    expect(ended).toMatchObject({
      status: "ended",
      entry: { claim, how: "released", reason: "merged", by: "me@here" },
    });
    expect(podWhenEnded).toEqual([[]]);
    expect(host.observe(ticket.id)).toMatchObject({ claims: [], launchLock: "free", podLock: "free" });
    expect(await launcher.history(ticket)).toMatchObject([{ claim }]);
    expect(await launcher.history({ id: "T-2" })).toEqual([]);
    // The role session is what stays of the work: it belongs to the history entry.
    expect(await launcher.sessions()).toMatchObject([{ launchId: claim.launchId }]);
    await claimed(host);
  });

  test("that is to stop a Pod which cannot be stopped keeps the claim", async () => {
    const host = new LaunchHost();
    const claim = await claimed(host);
    host.runtime.script(ticket.id, { stop: "unproven", survivors: [process.pid] });
    const answer = await host.launcher().release(ticket, { stop: true });
    expect(answer).toMatchObject({ status: "unresolved", pids: [process.pid] });
    expect(await host.launcher().history()).toEqual([]);
    host.expectClaimed(ticket.id, claim.launchId);
  });

  test("that is to stop a Pod which holds its lock on, whatever its runtime says, keeps the claim", async () => {
    const host = new LaunchHost();
    const claim = await claimed(host);
    const launcher = host.launcher({ runtime: host.runtimeWith({ stop: async () => ({ stopped: true }) }) });
    expect(await launcher.release(ticket, { stop: true })).toMatchObject({ status: "unresolved" });
    host.expectClaimed(ticket.id, claim.launchId);
  });

  for (const probe of ["gone", "restorable"] as const) {
    test(`of a claim whose Pod is ${probe} needs no stop`, async () => {
      const host = new LaunchHost();
      const claim = await claimed(host);
      await endPods(host);
      host.runtime.script(ticket.id, { probe, stop: "fail" });
      expect(await host.launcher().release(ticket)).toMatchObject({ status: "ended", entry: { claim } });
    });
  }

  test("of a claim of another runtime's is refused, and not to be had by stop either", async () => {
    const host = new LaunchHost();
    const claim = await claimed(host);
    await endPods(host);
    const foreign = foreignLauncher(host);
    expect(await foreign.release(ticket)).toMatchObject({ status: "refused", by: "unknown" });
    expect(await foreign.release(ticket, { stop: true })).toMatchObject({ status: "unresolved" });
    expect(host.observe(ticket.id).claims).toEqual([claim.launchId]);
  });
});

describe("reclaim", () => {
  test("of a living claim is refused, whatever is asked for", async () => {
    const host = new LaunchHost();
    const claim = await claimed(host);
    for (const options of [{}, { stop: true }, { dryRun: true }]) {
      const answer = await host.launcher().reclaim(ticket, { expect: claim.launchId, ...options });
      expect(answer).toMatchObject({ status: "refused", by: "live" });
    }
    host.expectClaimed(ticket.id, claim.launchId);
  });

  test("that expects another launch is refused, and changes nothing", async () => {
    const host = new LaunchHost();
    const claim = await claimed(host);
    await endPods(host);
    const answer = await host.launcher().reclaim(ticket, { expect: "some-other-launch" });
    expect(answer).toMatchObject({ status: "refused", by: "mismatch" });
    expect(answer).toHaveProperty("reason", expect.stringContaining(claim.launchId));
    expect(host.observe(ticket.id).claims).toEqual([claim.launchId]);
    expect(await host.launcher().history()).toEqual([]);
  });

  for (const [probe, state] of [
    ["gone", "stale"],
    ["restorable", "restorable"],
  ] as const) {
    test(`shows that a claim is ${state} when asked to, and ends it into history when it is to`, async () => {
      const host = new LaunchHost();
      const claim = await claimed(host);
      await endPods(host);
      host.runtime.script(ticket.id, { probe });
      const launcher = host.launcher();
      const before = host.observe(ticket.id);
      const expected = { expect: claim.launchId };
      expect(await launcher.reclaim(ticket, { ...expected, dryRun: true })).toMatchObject({
        status: "wouldEnd",
        judgement: { state },
        claim,
      });
      expect(host.observe(ticket.id)).toEqual(before);
      expect(await launcher.reclaim(ticket, expected)).toMatchObject({
        status: "ended",
        entry: { how: "reclaimed", claim },
      });
      expect(await launcher.status()).toEqual({ claims: [] });
      expect(await launcher.history(ticket)).toMatchObject([{ claim, how: "reclaimed" }]);
      host.runtime.script(ticket.id, {});
      await claimed(host);
    });
  }

  test("of a claim whose Pod is gone leaves nothing: no second one has anything to end, and no doctor to find", async () => {
    const host = new LaunchHost();
    const claim = await claimed(host);
    await endPods(host);
    const launcher = host.launcher();
    const expected = { expect: claim.launchId };
    expect(await launcher.reclaim(ticket, expected)).toMatchObject({ status: "ended", entry: { claim } });
    expect(await launcher.doctor()).toEqual({ healthy: true, findings: [] });
    expect(await launcher.reclaim(ticket, expected)).toEqual({ status: "absent" });
  });

  test("of a lingering claim is refused, and ends it once its survivors were to be stopped and are", async () => {
    const host = new LaunchHost();
    const claim = await claimed(host);
    host.runtime.script(ticket.id, { probe: "lingering" });
    const launcher = host.launcher();
    const expected = { expect: claim.launchId };
    expect(await launcher.reclaim(ticket, expected)).toMatchObject({ status: "refused", by: "lingering" });
    host.expectClaimed(ticket.id, claim.launchId);
    expect(await launcher.reclaim(ticket, { ...expected, stop: true })).toMatchObject({ status: "ended" });
    expect(host.runtime.pods()).toEqual([]);
    expect(host.observe(ticket.id)).toMatchObject({ claims: [], podLock: "free" });
  });

  test("of a damaged claim wants its bytes' digest, and keeps the bytes", async () => {
    const host = new LaunchHost();
    await claimed(host);
    await endPods(host);
    const file = join(host.registry, "claims", "T-1.json");
    fs.writeFileSync(file, "{ damaged");
    const expected = `sha256:${createHash("sha256").update("{ damaged").digest("hex")}`;
    const launcher = host.launcher();
    expect(await launcher.status()).toMatchObject({
      claims: [{ state: "unreadable", file, expect: expected }],
    });
    expect(await launcher.release(ticket, { stop: true })).toMatchObject({
      status: "refused",
      by: "unreadable",
    });
    expect(await launcher.reclaim(ticket, { expect: "sha256:0" })).toMatchObject({
      status: "refused",
      by: "mismatch",
    });
    const ended = await launcher.reclaim(ticket, { expect: expected });
    expect(ended).toMatchObject({ status: "ended" });
    expect(ended.status === "ended" && fs.readFileSync(ended.file!, "utf8")).toBe("{ damaged");
    await claimed(host);
  });

  test("clears an unresolved launch when nothing is known of its Pod, by its launch id alone", async () => {
    const host = new LaunchHost();
    const held = new Held<never>();
    host.configure({ timeouts: { readyMs: 50, stopMs: 50 } });
    const launch = host.launcher({ runtime: host.runtimeWith({ start: held.call }) }).launch({ ticket });
    await outcomeAs(launch.outcome, "unresolved");
    const launcher = host.launcher();
    const blocked = await outcomeAs(launcher.launch(request).outcome, "blocked");
    expect(blocked).toMatchObject({ by: "unknown", pod: { launchId: launch.launchId } });
    expect(blocked.advice).toContain(launch.launchId);

    expect(await launcher.reclaim(ticket, { expect: "another-launch" })).toEqual({ status: "absent" });
    const expected = { expect: launch.launchId };
    expect(await launcher.reclaim(ticket, { ...expected, dryRun: true })).toMatchObject({
      status: "wouldEnd",
    });
    await outcomeAs(launcher.launch(request).outcome, "blocked");
    expect(await launcher.reclaim(ticket, expected)).toEqual({ status: "ended" });
    await claimed(host);
  });

  test("clears what an earlier launch has left beside another's claim, and leaves the claim", async () => {
    const host = new LaunchHost();
    const claim = await claimed(host);
    const [record] = await host.files.pods(ticket);
    if (record?.kind !== "pod") throw new Error("the launch has left no Pod record");
    const left = { ...record.record, pod: "left", launchId: newLaunchId(), state: "starting" as const };
    await host.files.writePod({ ...left, runtime: { kind: host.runtime.kind } });
    await endPods(host);

    const launcher = host.launcher();
    expect(await launcher.reclaim(ticket, { expect: left.launchId })).toEqual({ status: "ended" });
    expect((await launcher.status(ticket)).claims).toMatchObject([{ claim: { launchId: claim.launchId } }]);
    const again = await launcher.reclaim(ticket, { expect: left.launchId });
    expect(again).toMatchObject({ status: "refused", by: "mismatch" });
  });

  test("of an unresolved launch whose Pod lives is refused", async () => {
    const host = new LaunchHost();
    const { launchId } = await notProvenStopped(host);
    const answer = await host.launcher().reclaim(ticket, { expect: launchId });
    expect(answer).toMatchObject({ status: "refused", by: "live" });
    expect(host.runtime.pods()).toHaveLength(1);
  });

  test("is what a blocked launch advises only where it is not refused", async () => {
    const host = new LaunchHost();
    const claim = await claimed(host);
    await endPods(host);
    const foreign = foreignLauncher(host);
    const { by, advice } = await outcomeAs(foreign.launch(request).outcome, "blocked");
    expect(by).toBe("unknown");
    const answer = await foreign.reclaim(ticket, { expect: claim.launchId });
    expect({ advised: advice.includes("reclaim"), possible: answer.status === "ended" }).toEqual({
      advised: answer.status === "ended",
      possible: answer.status === "ended",
    });
  });
});

describe("adopt", () => {
  test("where there is nothing to adopt has failed as nothing_to_adopt, and has started nothing", async () => {
    const host = new LaunchHost();
    const outcome = await host.launcher().adopt(ticket);
    expect(outcome).toMatchObject({ status: "failed", code: "nothing_to_adopt", proof: "nothingStarted" });
    host.expectNothingLeft(ticket.id);
    expect(await host.files.pods(ticket)).toEqual([]);
  });

  test("of a ticket that is claimed is blocked by its claim", async () => {
    const host = new LaunchHost();
    const claim = await claimed(host);
    expect(await host.launcher().adopt(ticket)).toMatchObject({ status: "blocked", by: "live", claim });
  });

  test("of a living, accepted Pod commits its claim under its own launch id, and sends no prompt", async () => {
    const host = new LaunchHost();
    const pod = await host.runtime.acceptedPod(ticket, { registry: host.files });
    const outcome = await host.launcher().adopt(ticket, { role: "coder" });
    expect(outcome).toMatchObject({
      status: "claimed",
      adopted: true,
      claim: { launchId: pod.launchId, pod: pod.name, role: "coder", adopted: true },
    });
    host.expectClaimed(ticket.id, pod.launchId);
  });

  test("takes an accepted Pod whose launch is unresolved; a launch does not, and advises it", async () => {
    const host = new LaunchHost();
    const { launchId } = await acceptedButUnresolved(host);
    const launcher = host.launcher();
    const blocked = await outcomeAs(launcher.launch(request).outcome, "blocked");
    expect(blocked).toMatchObject({ by: "live", pod: { launchId } });
    expect(blocked.advice).toContain("adopt");
    expect(await launcher.doctor()).toMatchObject({ healthy: false, findings: [{ code: "pod_adoptable" }] });
    expect(await launcher.adopt(ticket)).toMatchObject({
      status: "claimed",
      adopted: true,
      claim: { launchId },
    });
    host.expectClaimed(ticket.id, launchId);
    expect(await launcher.doctor()).toEqual({ healthy: true, findings: [] });
  });

  test("does not take a Pod that has accepted nothing", async () => {
    const host = new LaunchHost();
    await notProvenStopped(host);
    expect(await host.launcher().adopt(ticket)).toMatchObject({ status: "blocked", by: "live" });
    expect(host.observe(ticket.id).claims).toEqual([]);
  });

  test("that is cancelled leaves the Pod as it was", async () => {
    const host = new LaunchHost();
    const pod = await host.runtime.acceptedPod(ticket, { registry: host.files });
    const held = new Held<never>();
    host.runtime.script(ticket.id, { connect: held.call });
    const controller = new AbortController();
    const adopting = host.launcher().adopt(ticket, { signal: controller.signal, timeouts: LONG });
    await held.called();
    controller.abort();
    expect(await adopting).toMatchObject({ status: "cancelled", phase: "connecting" });
    expect(host.runtime.pods()).toEqual([pod]);
    expect(host.observe(ticket.id)).toMatchObject({ claims: [], launchLock: "free", podLock: "held" });
  });
});

describe("while a launch is in flight", () => {
  test("whatever changes the claim is refused, what only looks is answered, and the launch is not disturbed", async () => {
    const host = new LaunchHost();
    const held = new Held<"accept">();
    host.runtime.script(ticket.id, { requestRun: held.call });
    const launcher = host.launcher();
    const launch = launcher.launch(request);
    await held.called();
    const refused = { status: "refused", by: "inFlight" };
    expect(await launcher.stop(ticket)).toMatchObject(refused);
    expect(await launcher.release(ticket, { stop: true })).toMatchObject(refused);
    expect(await launcher.reclaim(ticket, { expect: launch.launchId })).toMatchObject(refused);
    expect(await launcher.adopt(ticket)).toMatchObject({ status: "blocked", by: "inFlight" });
    expect(await launcher.status()).toEqual({ claims: [] });
    expect(await launcher.doctor({ fix: true })).toEqual({ healthy: true, findings: [] });
    held.settle("accept");
    await outcomeAs(launch.outcome, "claimed");
    host.expectClaimed(ticket.id, launch.launchId);
  });
});

describe("role sessions", () => {
  test("are recorded without a ticket and without a claim, and stand beside those of launches", async () => {
    const host = new LaunchHost();
    const launcher = host.launcher();
    const entry = { pod: "intake-before-any-ticket", role: "intake", sessionId: "ses-1" };
    const session = await launcher.recordSession(entry);
    expect(session).toMatchObject({ ...entry, origin: "pre_ticket_intake", tickets: [] });
    expect(await launcher.status()).toEqual({ claims: [] });
    const claim = await claimed(host);
    expect(await launcher.sessions()).toMatchObject([
      session,
      { pod: claim.pod, origin: "launch", tickets: [ticket] },
    ]);
    expect(await launcher.doctor({ fix: true })).toEqual({ healthy: true, findings: [] });
    expect(await launcher.sessions()).toHaveLength(2);
  });

  for (const pod of ["", "  ", "two\nlines", "x".repeat(201)]) {
    test(`of a Pod that is named ${JSON.stringify(pod.slice(0, 12))} are refused`, async () => {
      const host = new LaunchHost();
      const recording = host.launcher().recordSession({ pod, role: "intake" });
      await expect(recording).rejects.toMatchObject({ code: "pod_name_invalid" });
      expect(await host.launcher().sessions()).toEqual([]);
    });
  }
});

describe("the doctor", () => {
  for (const [probe, code, severity] of [
    ["gone", "claim_stale", "warning"],
    ["restorable", "claim_restorable", "warning"],
    ["unknown", "claim_unknown", "warning"],
    ["lingering", "claim_lingering", "error"],
  ] as const) {
    test(`finds ${code}, says what mends it, and mends nothing that could lose something`, async () => {
      const host = new LaunchHost();
      const claim = await claimed(host);
      host.runtime.script(ticket.id, { probe });
      for (const fix of [false, true]) {
        const { healthy, findings } = await host.launcher().doctor({ fix });
        expect(findings).toMatchObject([{ code, severity, ticket, safe: false }]);
        expect(healthy).toBe(severity === "warning");
        host.expectClaimed(ticket.id, claim.launchId);
      }
    });
  }

  test("finds nothing of a Pod that is claimed while it looks", async () => {
    const host = new LaunchHost();
    await acceptedButUnresolved(host);
    const other = host.launcher();
    let adopting: Promise<unknown> | undefined;
    const lockLaunch: ClaimRegistry["lockLaunch"] = async (asked, context) => {
      await (adopting ??= other.adopt(ticket));
      return await host.files.lockLaunch(asked, context);
    };
    const launcher = host.launcher({ registry: host.registryWith({ lockLaunch }) });
    expect(await launcher.doctor()).toEqual({ healthy: true, findings: [] });
  });

  test("finds a Pod that could not be stopped, and nothing any more once it is", async () => {
    const host = new LaunchHost();
    await notProvenStopped(host);
    const launcher = host.launcher();
    expect(await launcher.doctor()).toMatchObject({
      healthy: false,
      findings: [{ code: "pod_live", ticket }],
    });
    await launcher.stop(ticket);
    expect(await launcher.doctor()).toEqual({ healthy: true, findings: [] });
  });

  test("closes the record of a Pod that is gone only when it is to", async () => {
    const host = new LaunchHost();
    await notProvenStopped(host);
    await endPods(host);
    const launcher = host.launcher();
    const left = { healthy: true, findings: [{ code: "pod_record_left", safe: true, mended: false }] };
    expect(await launcher.doctor()).toMatchObject(left);
    expect(await launcher.doctor()).toMatchObject(left);
    expect(await launcher.doctor({ fix: true })).toMatchObject({
      findings: [{ code: "pod_record_left", mended: true }],
    });
    expect(await launcher.doctor()).toEqual({ healthy: true, findings: [] });
  });
});

describe("a doctor whose time has run out", () => {
  test("tells of Pods as unknown, and still finds what nobody need be asked for", async () => {
    const host = new LaunchHost();
    const admitMs = 1;
    host.configure({ timeouts: { admitMs } });
    await notProvenStopped(host);
    const at = new Date().toISOString();
    const left = {
      launchId: "01234567-left",
      role: "intake",
      origin: "launch",
      createdAt: at,
      updatedAt: at,
    } as const;
    await host.files.writeSession({ ...left, pod: "left", tickets: [{ id: "T-2" }] });
    const list = async () => {
      const since = performance.now();
      await waitUntil(() => performance.now() - since > 10 * admitMs, {
        deadlineMs: 10_000,
        what: "its limit",
      });
      return await host.files.list();
    };
    const { findings } = await host.launcher({ registry: host.registryWith({ list }) }).doctor();
    expect(findings).toMatchObject([{ code: "pod_unknown", ticket }, { code: "session_orphaned" }]);
  });
});

describe("the ticket's own files", () => {
  test("are byte for byte the same after every verb, the Orchestrator's and Companion's files beside them too", async () => {
    const host = new LaunchHost();
    const item = join(host.workspace, ".yoi", "tickets", "open", ticket.id);
    fs.mkdirSync(item, { recursive: true });
    fs.writeFileSync(
      join(item, "item.md"),
      "---\nid: T-1\nworkflow_state: intake\n---\n\n# A ticket \u0000 of any bytes\n",
    );
    fs.writeFileSync(join(item, "events.jsonl"), '{"event":"created"}\n');
    fs.writeFileSync(join(host.workspace, ".yoi", "companion.json"), "{}");
    const before = treeOf(host.workspace);
    expect(before).toHaveLength(8);
    const unchanged = (after: string) =>
      expect({ after, tree: treeOf(host.workspace) }).toEqual({ after, tree: before });

    const launcher = host.launcher();
    const verbs: [string, () => Promise<unknown>][] = [
      [
        "a launch that fails",
        () => withScript({ requestRun: "reject" }, () => launcher.launch(request).outcome),
      ],
      ["a launch", () => launcher.launch(request).outcome],
      ["a launch that is blocked", () => launcher.launch(request).outcome],
      ["status", () => launcher.status()],
      ["adopt", () => launcher.adopt(ticket)],
      ["stop", () => launcher.stop(ticket)],
      ["doctor", () => launcher.doctor({ fix: true })],
      ["release", () => launcher.release(ticket)],
      ["history", () => launcher.history()],
      ["sessions", () => launcher.sessions()],
      ["recordSession", () => launcher.recordSession({ pod: "p", role: "intake", tickets: [ticket] })],
      ["reclaim", async () => launcher.reclaim(ticket, { expect: (await claimed(host)).launchId })],
    ];
    const withScript = async (
      script: Parameters<typeof host.runtime.script>[1],
      act: () => Promise<unknown>,
    ) => {
      host.runtime.script(ticket.id, script);
      await act();
      host.runtime.script(ticket.id, {});
    };
    for (const [name, act] of verbs) {
      await act();
      unchanged(name);
    }
  });
});

/** Every path below a directory with mode, time of change and bytes. */
function treeOf(directory: string): string[] {
  return [".", ...(fs.readdirSync(directory, { recursive: true }) as string[])].sort().map((name) => {
    const path = join(directory, name);
    const { mode, mtimeMs, ino } = fs.lstatSync(path);
    const bytes = fs.statSync(path).isDirectory() ? "" : fs.readFileSync(path, "latin1");
    return JSON.stringify([name, mode, mtimeMs, ino, bytes]);
  });
}
