import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Claim } from "../../src/index.js";
import { waitUntil } from "../fixtures/processes.js";
import { CliHost } from "../fixtures/cli-host.js";

const ticket = { id: "T-1" };
const FOREVER = { signal: new AbortController().signal };

async function claimed(host: CliHost, id = "T-1"): Promise<Claim> {
  const lines = await host.json(0, "launch", id);
  return (lines.at(-1) as unknown as { claim: Claim }).claim;
}

/** Claimed, and nothing of it runs any more. */
async function stale(host: CliHost): Promise<Claim> {
  const claim = await claimed(host);
  for (const pod of host.runtime.pods()) await host.runtime.stop(pod, FOREVER);
  return claim;
}

/** A Pod without a claim, whose launch could not prove it gone. */
async function unresolved(host: CliHost): Promise<void> {
  host.runtime.script("T-1", { requestRun: "reject", stop: "unproven", survivors: [7] });
  await host.expectCode(5, "launch", "T-1");
}

describe("status", () => {
  test("of no claims, and of a ticket without one", async () => {
    const host = new CliHost();
    expect((await host.expectCode(0, "status")).out).toBe("no claims\n");
    expect((await host.expectCode(0, "status", "T-1")).out).toBe("no claim on T-1\n");
    expect(await host.json(0, "status")).toEqual([{ claims: [] }]);
  });

  test("is a table, with the evidence for what is not simply live", async () => {
    const host = new CliHost();
    const { launchId } = await stale(host);
    await claimed(host, "a/longer#ticket");
    const { out } = await host.expectCode(0, "status");
    const lines = out.split("\n");
    expect(lines[0]).toMatch(/^TICKET +STATE +ROLE +POD +AGENT +CLAIMED AT$/u);
    expect(out).toMatch(/^T-1 +stale +intake +intake-T-1-/mu);
    expect(out).toMatch(/^a\/longer#ticket +live +intake/mu);
    expect(out).toContain(`  launch: ${launchId}`);
    expect(
      new Set(
        lines
          .filter((line) => / live | stale |STATE/u.test(line))
          .map((line) => line.search(/ (?:live|stale|STATE)/u)),
      ).size,
    ).toBe(1);
  });

  test("as JSON is a claim with its state and its evidence, each", async () => {
    const host = new CliHost();
    const claim = await claimed(host);
    const evidence = { podLock: "held", probe: "live" };
    expect(await host.json(0, "status", "T-1")).toMatchObject([
      { claims: [{ ticket, state: "live", claim, evidence }] },
    ]);
  });

  test("shows a record that cannot be read, with its file and what to expect", async () => {
    const host = new CliHost();
    await claimed(host);
    fs.writeFileSync(join(host.registry, "claims", "T-1.json"), "{\u009b");
    const { out } = await host.expectCode(0, "status");
    expect(out).toMatch(/^T-1 +unreadable/mu);
    expect(out).toMatch(/file: .*T-1\.json\n {2}bytes: sha256:[0-9a-f]{64}/u);
    expect(out).not.toContain("\u009b");
  });

  test("--watch draws it again until it is interrupted, and wants a terminal", async () => {
    const host = new CliHost();
    await host.expectCode(2, "status", "--watch");
    host.tty = true;
    await host.expectCode(2, "status", "--watch", "--json");
    const ran = host.run("status", "--watch");
    await waitUntil(() => host.printed.out.includes("no claims"), {
      deadlineMs: 10_000,
      what: "the first drawing",
    });
    expect(host.printed.out.startsWith("\u001b[H")).toBe(true);
    host.interrupt("SIGINT");
    expect(await ran).toMatchObject({ code: 0 });
  });
});

describe("with a configuration that cannot be used", () => {
  async function broken(): Promise<CliHost> {
    const host = new CliHost();
    await claimed(host);
    fs.writeFileSync(host.configFile(), '{"agents":\n');
    return host;
  }

  test.each([["status"], ["stop", "T-1"], ["release", "T-1", "--stop"], ["history"], ["sessions"]])(
    "%s works, and warns once",
    async (...argv: string[]) => {
      const { err } = await (await broken()).expectCode(0, ...argv);
      expect(err.match(/warning: .*launch-claim\.config\.json:2:1: it is not JSON/gu)).toHaveLength(1);
      expect(err).toContain("default timeouts");
    },
  );

  test("the doctor lists it as an error, with the file", async () => {
    const host = await broken();
    const { out, err } = await host.expectCode(1, "doctor");
    expect(out).toMatch(/^error {2}.*config\.json:2:1: it is not JSON/u);
    expect(out).toContain(`  ${host.configFile()}\n  Correct the file`);
    expect(err).toBe("");
    const findings = [{ severity: "error", code: "config_invalid" }];
    expect(await host.json(1, "doctor")).toMatchObject([{ healthy: false, findings }]);
  });

  test("nothing is launched", async () => {
    const host = await broken();
    await host.expectCode(2, "launch", "T-2");
  });
});

describe("stop", () => {
  test("stops the Pod and keeps the claim; of nothing it is done already", async () => {
    const host = new CliHost();
    expect((await host.expectCode(0, "stop", "T-1")).out).toBe("no Pod of T-1\n");
    const { pod } = await claimed(host);
    const stopped = await host.expectCode(0, "stop", "T-1");
    expect(stopped.out).toBe(`stopped ${pod}: gone, by the word of its host\n`);
    expect(stopped.err).toBe("  launch-claim release T-1  the work is over\n");
    const again = await host.expectCode(0, "stop", "T-1");
    expect(again.out).toBe(`${pod} was gone already, by the word of its host\n`);
    expect(again.err).toContain("launch-claim release T-1");
    expect(await host.json(0, "stop", "T-1")).toMatchObject([{ status: "stopped", wasGone: true }]);
    expect(await host.json(0, "status", "T-1")).toMatchObject([{ claims: [{ state: "stale" }] }]);
    expect(await host.json(0, "stop", "T-2")).toEqual([{ status: "absent" }]);
  });

  test("that cannot be proven is 5, and names the processes", async () => {
    const host = new CliHost();
    await claimed(host);
    host.runtime.script("T-1", { stop: "unproven", survivors: [7] });
    const { err } = await host.expectCode(5, "stop", "T-1");
    expect(err).toMatch(/^unresolved: .*\n {2}May still run: 7\n/u);
  });

  test("while another changes the claim is refused", async () => {
    const host = new CliHost();
    const lock = await host.files.lockLaunch(ticket, FOREVER);
    const { err } = await host.expectCode(3, "stop", "T-1");
    expect(err).toMatch(/^refused: T-1: another process/u);
    lock?.close();
  });

  test("of a ticket whose id looks like a flag comes after --", async () => {
    const host = new CliHost();
    expect((await host.expectCode(0, "stop", "--", "-x")).out).toBe("no Pod of -x\n");
  });
});

describe("release", () => {
  test("of nothing is 1, of a living claim is refused with the commands that do it", async () => {
    const host = new CliHost();
    expect((await host.expectCode(1, "release", "T-1")).err).toBe("no claim on T-1\n");
    await claimed(host);
    const { err } = await host.expectCode(3, "release", "T-1");
    expect(err).toMatch(/^refused: T-1: .*\n/u);
    expect(err).toContain("launch-claim stop T-1");
    expect(err).toContain("launch-claim release T-1 --stop");
  });

  test("--stop stops it and ends the claim into history, with the reason", async () => {
    const host = new CliHost();
    await claimed(host);
    expect((await host.expectCode(0, "release", "T-1", "--stop", "--reason", "merged")).out).toBe(
      "released T-1\n",
    );
    expect(host.runtime.pods()).toEqual([]);
    expect(await host.json(0, "history", "T-1")).toMatchObject([
      { history: [{ claim: { ticket }, how: "released", reason: "merged" }] },
    ]);
    expect((await host.expectCode(0, "history")).out).toMatch(/^TICKET.*\nT-1 .*released.*merged\n$/u);
  });
});

describe("reclaim", () => {
  test("without --expect shows the evidence and the exact command, changes nothing, and is 0; --dry-run likewise", async () => {
    const host = new CliHost();
    const { launchId } = await stale(host);
    const { out, err } = await host.expectCode(0, "reclaim", "T-1");
    expect(out).toMatch(/^T-1: stale\n {2}.+\n/u);
    expect(err).not.toContain("error:");
    expect(await host.run("reclaim", "T-1", "--dry-run")).toEqual({ code: 0, out, err });
    expect(err).toContain(`launch-claim reclaim T-1 --expect ${launchId}`);
    expect(await host.json(0, "reclaim", "T-1")).toMatchObject([
      { claims: [{ state: "stale" }], next: `launch-claim reclaim T-1 --expect ${launchId}` },
    ]);
    expect(await host.json(0, "status", "T-1")).toMatchObject([{ claims: [{ state: "stale" }] }]);
  });

  test("without --expect of a living one advises to stop it, and of nothing is 1", async () => {
    const host = new CliHost();
    expect((await host.expectCode(1, "reclaim", "T-1")).err).toBe("no claim on T-1\n");
    await claimed(host);
    expect((await host.expectCode(0, "reclaim", "T-1")).err).toContain("launch-claim stop T-1");
  });

  test("with what stands ends it; --dry-run only says so; with what does not stand is refused", async () => {
    const host = new CliHost();
    const { launchId } = await stale(host);
    expect((await host.expectCode(3, "reclaim", "T-1", "--expect", "another-one")).err).toContain(
      "stands, not",
    );
    expect((await host.expectCode(0, "reclaim", "T-1", "--expect", launchId, "--dry-run")).out).toMatch(
      /^would be ended: stale: /u,
    );
    expect(await host.json(0, "status")).toMatchObject([{ claims: [{ state: "stale" }] }]);
    expect((await host.expectCode(0, "reclaim", "T-1", "--expect", launchId)).out).toBe("reclaimed T-1\n");
    expect(await host.json(0, "status")).toEqual([{ claims: [] }]);
    expect(await host.json(1, "reclaim", "T-1", "--expect", launchId)).toEqual([{ status: "absent" }]);
  });

  test("never ends a living one", async () => {
    const host = new CliHost();
    const { launchId } = await claimed(host);
    const { err } = await host.expectCode(3, "reclaim", "T-1", "--expect", launchId);
    expect(err).toContain("launch-claim stop T-1");
    host.expectClaimed("T-1", launchId);
  });

  test("ends an unreadable one by the hash of its bytes", async () => {
    const host = new CliHost();
    await stale(host);
    fs.writeFileSync(join(host.registry, "claims", "T-1.json"), "{");
    const { err } = await host.expectCode(0, "reclaim", "T-1");
    const [command = ""] = /reclaim T-1 --expect sha256:[0-9a-f]{64}/u.exec(err) ?? [];
    expect(await host.json(0, ...command.split(" "))).toMatchObject([{ status: "ended" }]);
  });

  test("shows a Pod that stands without a claim, too", async () => {
    const host = new CliHost();
    await unresolved(host);
    const { out } = await host.expectCode(0, "reclaim", "T-1");
    expect(out).toMatch(/^Pod intake-T-1-\w+ stands without a claim\n/u);
  });
});

describe("adopt", () => {
  test("claims the ticket for a Pod that has accepted its run, and of nothing is 1", async () => {
    const host = new CliHost();
    expect((await host.expectCode(1, "adopt", "T-1")).err).toContain("no living Pod of this ticket");
    await host.runtime.acceptedPod(ticket, { registry: host.files });
    const { out, err } = await host.expectCode(0, "adopt", "T-1");
    expect(out).toMatch(/^adopted T-1: /u);
    expect(err).not.toContain("was not sent");
    expect((await host.json(3, "adopt", "T-1")).at(-1)).toMatchObject({ type: "outcome", status: "blocked" });
  });
});

describe("doctor", () => {
  test("of a healthy registry is 0 and says so", async () => {
    const host = new CliHost();
    expect((await host.expectCode(0, "doctor")).out).toBe("everything is as it should be\n");
    expect(await host.json(0, "doctor")).toEqual([{ healthy: true, findings: [] }]);
  });

  test("is 1 if there are errors, and names the command that mends each finding", async () => {
    const host = new CliHost();
    await unresolved(host);
    const { out, err } = await host.expectCode(1, "doctor");
    expect(out).toMatch(/^error {2}T-1: .*\n {2}launch-claim stop T-1 /u);
    expect(err).toBe("");
  });

  test("is 0 if there are warnings alone, and --fix mends what loses nothing", async () => {
    const host = new CliHost();
    host.runtime.script("T-1", { requestRun: "reject", stop: "unproven" });
    await host.expectCode(5, "launch", "T-1");
    host.runtime.script("T-1", {});
    for (const pod of host.runtime.pods()) await host.runtime.stop(pod, FOREVER);
    expect((await host.expectCode(0, "doctor")).out).toContain("launch-claim doctor --fix");
    expect((await host.expectCode(0, "doctor", "--fix")).out).toMatch(/^info .*\n(?:.*\n)*? {2}mended\n/u);
    expect((await host.expectCode(0, "doctor")).out).toBe("everything is as it should be\n");
  });
});

test("sessions lists which Pod ran which role for which tickets", async () => {
  const host = new CliHost();
  expect((await host.expectCode(0, "sessions")).out).toBe("no role sessions\n");
  const { pod } = await claimed(host);
  expect((await host.expectCode(0, "sessions")).out).toMatch(
    new RegExp(`^POD .*\\n${pod} +\\w+ +intake +T-1 `, "u"),
  );
  expect(await host.json(0, "sessions")).toMatchObject([{ sessions: [{ pod, tickets: [ticket] }] }]);
});

test("history of nothing says so", async () => {
  const host = new CliHost();
  expect((await host.expectCode(0, "history")).out).toBe("no ended claims\n");
  expect(await host.json(0, "history")).toEqual([{ history: [] }]);
});
