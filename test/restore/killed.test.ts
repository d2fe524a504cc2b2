/** A restorer that is SIGKILLed leaves the claim as it was and no Pod, or the restored claim and its Pod; nothing in between. */
import { describe, expect, it } from "vitest";
import type { AgentScript } from "../../src/testing/scripted-agent/script.js";
import { methodsIn } from "../fixtures/agent-calls.js";
import { CliWorld, DEADLINE_MS } from "../fixtures/cli-world.js";
import { waitUntil } from "../fixtures/processes.js";
import { expectRestored, fileIn, LOADS, LONG, loseGuardian, lost, restoredClaim, STUBBORN } from "./bench.js";

const moments: readonly { readonly state: string; readonly script: AgentScript; readonly where?: string }[] =
  [
    { state: "judging", script: LOADS },
    { state: "endingSurvivors", script: LOADS },
    { state: "starting", script: LOADS },
    { state: "starting", script: { ...LOADS, load: "stall" as const }, where: "starting, its agent loading" },
    { state: "connecting", script: LOADS },
    { state: "replacingClaim.writing", script: LOADS },
    { state: "restored", script: LOADS },
  ];

describe("a restore command that is SIGKILLed", () => {
  it.each(moments.map((moment) => ({ where: moment.state, ...moment })))(
    "in $where: as it was, or restored; then it can be restored",
    LONG,
    async (one) => {
      await using world = new CliWorld();
      const old = await lost(world, "T");
      const before = world.observe("T").claimBytes;
      const callsFile = fileIn(world, "calls");
      const restorer = world.startRestore("T", { ...one.script, deleteSession: true, callsFile });
      await restorer.stopsOnceItSaid(`"state":"${one.state}"`);
      await restorer.dies();

      // A Pod without a claim ends by itself; one with its claim stays. Both take a moment.
      const settled = () => {
        const { claims, claimBytes, launchLock } = world.observe("T");
        const living = world.livingPods("T");
        if (launchLock === "held") return undefined;
        if (claimBytes === before) return living.length === 0 ? "as it was" : undefined;
        return living.join() === claims.join() ? "restored" : undefined;
      };
      const what = () =>
        `an end; ${JSON.stringify(world.observe("T").claims)}, ${world.livingPods("T").join()}`;
      const left = await waitUntil(settled, { deadlineMs: DEADLINE_MS, what });
      if (one.state === "restored") expect(left).toBe("restored");
      if (!one.state.startsWith("re")) expect(left).toBe("as it was");

      // The session is the claim's, whoever has let go of it.
      for (const never of ["session/new", "session/delete", "session/prompt"])
        expect(methodsIn(callsFile)).not.toContain(never);

      const again = await world.restore("T", LOADS);
      if (left === "restored") {
        expect(again.outcome).toMatchObject({ status: "blocked", by: "live" });
        const [launchId = ""] = world.observe("T").claims;
        expectRestored(world, "T", { ...old, launchId });
      } else {
        const claim = restoredClaim(again.outcome);
        expect(claim.restoredFrom).toEqual([old.launchId]);
        expectRestored(world, "T", claim);
      }
    },
  );

  it("while it ends survivors: they are ended by the next", LONG, async () => {
    await using world = new CliWorld();
    const old = await lost(world, "T", STUBBORN);
    const restorer = world.startRestore("T", LOADS);
    await restorer.stopsOnceItSaid('"state":"endingSurvivors"');
    await restorer.dies();
    const { outcome } = await world.restore("T", LOADS, ["--timeout", "stop=5s"]);
    expectRestored(world, "T", restoredClaim(outcome));
    expect(world.processesOf(old.launchId)).toEqual([]);
  });

  it("and its guardian, while its agent loads and will not end: stop ends that, too", LONG, async () => {
    await using world = new CliWorld();
    const old = await lost(world, "T");
    const restorer = world.startRestore("T", { ...STUBBORN, load: "stall" });
    const agentOfRestore = () =>
      world.livingPods("T").find((launchId) => launchId !== old.launchId && world.agentOf(launchId));
    const launchId = await waitUntil(agentOfRestore, { deadlineMs: DEADLINE_MS, what: "its agent" });
    await loseGuardian(world, "T", launchId);
    await restorer.dies();
    const stopped = await world.run("stop", "T", "--json");
    expect(stopped.code, stopped.stderr).toBe(0);
    expect(world.livingPods("T")).toEqual([]);
    expectRestored(world, "T", restoredClaim((await world.restore("T", LOADS)).outcome));
  });
});
