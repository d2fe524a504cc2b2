import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { LaunchRequest } from "../../src/index.js";
import { LaunchHost, outcomeAs } from "../fixtures/launch-host.js";
import { writeFile, writeTicket } from "../fixtures/ticket-files.js";

const ticket = { id: "T-1", slug: "slow-search" };

/** What the Pod was told first. */
async function prompted(host: LaunchHost, request: Partial<LaunchRequest> = {}): Promise<string> {
  const launch = host.launcher().launch({ ticket, ...request });
  await outcomeAs(launch.outcome, "claimed");
  await host.launcher().release(ticket, { stop: true });
  return host.runtime.prompts(launch.launchId)[0]!;
}

describe("the first run of a launch", () => {
  test("holds the whole assignment: role, id, slug, title, text, and that there is to be no duplicate", async () => {
    const host = new LaunchHost();
    writeTicket(host.workspace, "T-1", { title: "Search is slow", body: "Two {{seconds}}.\n\nOn staging." });
    const prompt = await prompted(host);
    expect(prompt).toContain("as intake for ticket T-1 (slow-search): Search is slow\n");
    expect(prompt).toMatch(/existing ticket; do not create a duplicate/u);
    expect(prompt).toContain("Two {{seconds}}.\n\nOn staging.");
    expect(prompt).not.toContain("Hand-off");
  });

  test("names the peers that are handed off to, those that were not reached, too", async () => {
    const host = new LaunchHost();
    const runtime = host.runtimeWith({ registerPeer: () => Promise.reject(new Error("unreachable")) });
    const launch = host.launcher({ runtime }).launch({ ticket, peers: ["orchestrator-x"] });
    const { warnings } = await outcomeAs(launch.outcome, "claimed");
    expect(warnings).toMatchObject([{ code: "peer_not_registered" }]);
    const [prompt] = host.runtime.prompts(launch.launchId);
    expect(prompt).toMatch(
      /Hand-off\n- workspace: .*project\n- orchestrator Pod: orchestrator-x\n- report to it: /u,
    );
  });

  test("is the role's template with its placeholders filled in, once", async () => {
    const host = new LaunchHost();
    writeTicket(host.workspace, "T-1", { title: "'{{role}}'", body: "B" });
    host.configure({ roles: { intake: { prompt: "p.md", peers: ["orch"] } } });
    writeFile(
      host.workspace,
      "p.md",
      "{{role}} {{ ticket.id }} {{ticket.slug}} {{ticket.title}} {{ticket.body}} {{workspace}} {x} {{handoff}}",
    );
    const prompt = await prompted(host);
    expect(prompt).toMatch(/^intake T-1 slow-search \{\{role\}\} B \/.*project \{x\} Hand-off\n[^]*orch/u);
  });

  test("is not sent at all if the template has a placeholder that there is none of", async () => {
    const host = new LaunchHost();
    host.configure({ roles: { intake: { prompt: "p.md" } } });
    writeFile(host.workspace, "p.md", "{{ticket.owner}}");
    const outcome = await outcomeAs(host.launcher().launch({ ticket }).outcome, "failed");
    expect(outcome).toMatchObject({ code: "prompt_file_invalid", proof: "nothingStarted" });
    expect(outcome.message).toContain("{{ticket.owner}}");
    expect(outcome.message).toContain("{{ticket.title}}");
    host.expectNothingLeft("T-1");
  });

  test("is the request's own prompt alone, if it has one", async () => {
    const host = new LaunchHost();
    writeTicket(host.workspace, "T-1", { body: "B" });
    expect(await prompted(host, { prompt: "Only {{this}}." })).toBe("Only {{this}}.");
  });
});

describe("intake of a ticket that the workspace knows", () => {
  for (const state of ["ready", "queued", "inprogress", "done"]) {
    test(`and that is ${state} is refused, and leaves nothing; as another role, or of any state, it is launched`, async () => {
      const host = new LaunchHost();
      writeTicket(host.workspace, "T-1", { state });
      const refused = await outcomeAs(host.launcher().launch({ ticket }).outcome, "failed");
      expect(refused).toMatchObject({ code: "ticket_not_in_intake", proof: "nothingStarted" });
      expect(refused.message).toContain(state);
      host.expectNothingLeft("T-1");
      expect(await host.files.pods()).toEqual([]);
      await prompted(host, { anyState: true });
      await prompted(host, { role: "coder" });
    });
  }

  test("is judged by the file as it is once the launch lock is held", async () => {
    const host = new LaunchHost();
    const file = writeTicket(host.workspace, "T-1", { state: "intake" });
    const registry = host.registryWith({
      lockLaunch: (...args) => {
        fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace("intake", "ready"));
        return host.files.lockLaunch(...args);
      },
    });
    const launch = host.launcher({ registry }).launch({ ticket });
    expect(await outcomeAs(launch.outcome, "failed")).toMatchObject({ code: "ticket_not_in_intake" });
  });

  test("but cannot be read is refused; another role is launched with a warning", async () => {
    const host = new LaunchHost();
    writeFile(host.workspace, ".yoi/tickets/open/T-1/item.md", "no ticket");
    const refused = await outcomeAs(host.launcher().launch({ ticket }).outcome, "failed");
    expect(refused).toMatchObject({ code: "ticket_not_in_intake" });
    const { warnings } = await outcomeAs(
      host.launcher().launch({ ticket, role: "coder" }).outcome,
      "claimed",
    );
    expect(warnings).toMatchObject([{ code: "ticket_unreadable" }]);
  });
});

test("a ticket that the workspace does not know is launched with a warning, and without one where it has no tickets", async () => {
  const host = new LaunchHost();
  const warningsOf = async () => {
    const { warnings } = await outcomeAs(host.launcher().launch({ ticket }).outcome, "claimed");
    await host.launcher().release(ticket, { stop: true });
    return warnings;
  };
  expect(await warningsOf()).toEqual([]);
  writeTicket(host.workspace, "T-2");
  expect(await warningsOf()).toMatchObject([{ code: "ticket_unknown" }]);
});

test("tickets that cannot be looked at fail a launch before anything was started", async () => {
  const host = new LaunchHost();
  fs.mkdirSync(join(host.workspace, ".yoi"));
  fs.symlinkSync(host.directory, join(host.workspace, ".yoi/tickets"));
  const failed = await outcomeAs(host.launcher().launch({ ticket }).outcome, "failed");
  expect(failed).toMatchObject({ code: "tickets_unreadable", proof: "nothingStarted" });
  host.expectNothingLeft("T-1");
});
