import fs from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { RoleSession } from "launch-claim";
import { CliWorld, DEADLINE_MS, type EndedCommand } from "../fixtures/cli-world.js";
import { waitUntil } from "../fixtures/processes.js";
import { writeTicket } from "../fixtures/ticket-files.js";

async function launch(world: CliWorld): Promise<RoleSession> {
  const words = ["launch", "--no-ticket", "--prompt", "Ideas.", "--json", "--", ...world.agent({})];
  return sessionOf(await world.run(...words));
}

function sessionOf(ended: EndedCommand): RoleSession {
  const last = ended.results.at(-1) as { status?: string; session: RoleSession } | undefined;
  if (last?.status === "recorded") return last.session;
  throw new Error(`recorded was expected, not ${JSON.stringify(last)} ${ended.stderr}`);
}

test("a Pod without a ticket runs under a guardian, is seen, adopted once its launcher is lost, and stopped by its name", async () => {
  await using world = new CliWorld();
  const { pod, launchId } = await launch(world);
  const directory = `pod%3A${pod}`;
  expect(world.processesOf(launchId).length).toBeGreaterThan(0);
  expect(world.observe(directory).claims).toEqual([]);
  expect((await world.run("doctor", "--json")).results).toEqual([{ healthy: true, findings: [] }]);

  // As it is left by a launcher that dies between acceptance and record.
  fs.rmSync(join(world.registry, "sessions", `${pod}.json`));
  const { stderr, results } = await world.run("doctor", "--json");
  expect(results, stderr).toMatchObject([{ healthy: false, findings: [{ code: "pod_adoptable" }] }]);
  const adopted = await world.run("adopt", `pod:${pod}`, "--json");
  expect(sessionOf(adopted)).toMatchObject({ pod, launchId, origin: "pre_ticket_intake", tickets: [] });
  expect(world.prompts()).toBe(1);

  writeTicket(world.workspace, "T-1", {});
  expect((await world.run("sessions", "link", pod, "T-1", "--json")).code).toBe(0);
  expect((await world.run("sessions", "--json")).results).toMatchObject([
    { sessions: [{ pod, podState: "live", tickets: [{ id: "T-1" }] }] },
  ]);
  expect((await world.run("stop", pod, "--json")).results).toMatchObject([
    { status: "stopped", pods: [pod] },
  ]);
  expect(world.isQuiet(directory)).toBe(true);
  expect((await world.run("sessions", "--json")).results).toMatchObject([
    { sessions: [{ podState: "gone" }] },
  ]);
});

test("a Pod without a ticket stops when its run is done, if that was asked for, once its session was seen", async () => {
  await using world = new CliWorld();
  const words = ["launch", "--no-ticket", "--prompt", "Ideas.", "--when-done", "stop", "--wait", "--json"];
  const { code, results, stderr } = await world.run(...words, "--", ...world.agent({}));
  expect(results.at(-1), stderr).toMatchObject({ type: "runEnded" });
  expect(code).toBe(0);
  const { pod, launchId } = (results.at(-2) as { session: RoleSession }).session;
  await waitUntil(() => world.processesOf(launchId).length === 0, {
    deadlineMs: DEADLINE_MS,
    what: "its end",
  });
  await world.untilQuiet(`pod%3A${pod}`);
});
