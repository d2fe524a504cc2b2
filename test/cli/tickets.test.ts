import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CliHost } from "../fixtures/cli-host.js";
import { Held } from "../fixtures/launch-host.js";
import { imprintOf, writeFile, writeTicket } from "../fixtures/ticket-files.js";

/** A ticket in each state, and one that cannot be read. */
function withTickets(): CliHost {
  const host = new CliHost();
  for (const state of ["intake", "ready", "queued", "inprogress", "done"]) {
    writeTicket(host.workspace, `T-${state}`, { state, slug: `slug-${state}` });
  }
  writeFile(host.workspace, ".yoi/tickets/open/T-broken/item.md", "---\ntitle: \u001b[31m: [\n---\n");
  return host;
}

interface Row {
  readonly id: string;
  readonly action: string;
  readonly claim?: { readonly state: string };
}

async function rowsOf(host: CliHost): Promise<Record<string, string>> {
  const [board] = await host.json(0, "tickets");
  const { tickets } = board as unknown as { tickets: Row[] };
  return Object.fromEntries(
    tickets.map(({ id, action, claim }) => [id, claim ? `${action} ${claim.state}` : action]),
  );
}

describe("tickets", () => {
  test("offers what a panel would, by workflow state, and tells of one that cannot be read", async () => {
    const host = withTickets();
    expect(await rowsOf(host)).toEqual({
      "T-intake": "clarify",
      "T-ready": "queue",
      "T-queued": "wait",
      "T-inprogress": "wait",
      "T-done": "close",
    });
    const { out } = await host.expectCode(0, "tickets");
    expect(out).toMatch(/^T-intake +intake +Clarify +Title of T-intake$/mu);
    expect(out).toMatch(/^T-broken +unreadable: .*\.yoi\/tickets\/open\/T-broken\/item\.md/mu);
    expect(out).not.toContain("\u001b");
  });

  test("offers no Clarify where something stands, but what to do about it, as a launch would say", async () => {
    const host = withTickets();
    await host.expectCode(0, "launch", "T-intake");
    expect(await rowsOf(host)).toMatchObject({ "T-intake": "openPod live" });
    const living = await host.expectCode(0, "tickets");
    expect(living.out).toMatch(/^T-intake +intake +live +Pod intake-slug-intake-\w{6} /mu);
    expect(living.out).toContain("launch-claim logs T-intake");
    await host.expectCode(0, "stop", "T-intake");
    expect(await rowsOf(host)).toMatchObject({ "T-intake": "diagnose stale" });
    const { out } = await host.expectCode(0, "tickets");
    expect(out).toMatch(/Diagnose/u);
    expect(out).toMatch(/launch-claim reclaim T-intake --expect \S+ +it was abandoned: free the ticket/u);
    await host.expectCode(3, "launch", "T-intake");
  });

  test("says that a launch is in flight", async () => {
    const host = withTickets();
    const held = new Held<"ok">();
    host.runtime.script("T-intake", { create: held.call });
    const launch = host.launcher().launch({ ticket: { id: "T-intake" } });
    await held.called();
    expect(await rowsOf(host)).toMatchObject({ "T-intake": "inFlight" });
    held.settle("ok");
    await launch.outcome;
  });

  test("of a workspace that has none says so, and is 0", async () => {
    const host = new CliHost();
    expect((await host.expectCode(0, "tickets")).out).toContain("no tickets of its own");
    expect(await host.json(0, "tickets")).toEqual([{ tickets: [], unreadable: [] }]);
  });
});

describe("launch of a ticket that the workspace has", () => {
  test("takes its slug, and is found by it if no other has it", async () => {
    const host = withTickets();
    const { out, err } = await host.expectCode(0, "launch", "slug-intake");
    expect(err).toContain("slug-intake is ticket T-intake");
    expect(out).toMatch(/^claimed T-intake: Pod intake-slug-intake-/u);
    writeTicket(host.workspace, "T-other", { slug: "slug-intake" });
    const twice = await host.expectCode(2, "launch", "slug-intake");
    expect(twice.err).toContain("T-intake T-other");
    // An id comes before any slug.
    writeTicket(host.workspace, "slug-ready", {});
    expect((await host.expectCode(0, "launch", "slug-ready")).out).toContain("claimed slug-ready:");
  });

  test("as intake is refused with 3 when it has left intake, unless --any-state", async () => {
    const host = withTickets();
    const { err } = await host.expectCode(3, "launch", "T-ready");
    expect(err).toContain('ticket "T-ready" is ready, not in intake');
    host.expectNothingLeft("T-ready");
    await host.expectCode(0, "launch", "T-ready", "--any-state");
    await host.expectCode(0, "launch", "T-queued", "--role", "coder");
  });

  test("and that it does not have goes on with a warning on standard error", async () => {
    const { err } = await withTickets().expectCode(0, "launch", "T-elsewhere");
    expect(err).toMatch(/warning: .*"T-elsewhere"/u);
    expect((await new CliHost().expectCode(0, "launch", "T-elsewhere")).err).not.toContain("warning");
  });
});

describe("a launch without a ticket", () => {
  const LAUNCH = ["launch", "--no-ticket", "--role", "intake", "--prompt", "Ideas for search."];

  test("starts the Pod and records its session, without any claim", async () => {
    const host = new CliHost();
    const lines = await host.json(0, ...LAUNCH, "--slug", "search");
    const outcome = lines.at(-1) as { session: { pod: string; launchId: string } };
    expect(outcome).toMatchObject({
      type: "outcome",
      status: "recorded",
      adopted: false,
      session: { role: "intake", origin: "pre_ticket_intake", tickets: [] },
    });
    const { pod, launchId } = outcome.session;
    expect(pod).toMatch(/^intake-search-\w{6}$/u);
    expect(host.runtime.prompts(launchId)).toEqual(["Ideas for search."]);
    expect(await host.json(0, "status")).toEqual([{ claims: [] }]);
    expect(host.observe(`pod%3A${pod}`)).toMatchObject({ claims: [], podLock: "held" });
    expect(await host.json(0, "sessions")).toMatchObject([{ sessions: [{ pod, podState: "live" }] }]);
    expect(await host.json(0, "doctor", "--fix")).toEqual([{ healthy: true, findings: [] }]);

    expect((await host.expectCode(0, "stop", pod)).out).toContain(`stopped ${pod}`);
    expect(host.runtime.pods()).toEqual([]);
    expect(await host.json(0, "sessions")).toMatchObject([{ sessions: [{ pod, podState: "gone" }] }]);
  });

  test.each([
    ["create", "fail"],
    ["connect", "fail"],
    ["requestRun", "reject"],
  ])("that fails in %s leaves no session, no claim and no Pod", async (method, how) => {
    const host = new CliHost();
    host.podRuntime = host.runtimeWith({
      ...(method === "create" && { start: () => Promise.reject(new Error(how)) }),
      ...(method === "connect" && { connect: () => Promise.reject(new Error(how)) }),
      ...(method === "requestRun" && {
        requestRun: () => Promise.resolve({ kind: "rejected" as const, code: "no", message: how }),
      }),
    });
    await host.expectCode(1, ...LAUNCH);
    expect(host.runtime.pods()).toEqual([]);
    expect(await host.json(0, "sessions")).toEqual([{ sessions: [] }]);
    expect(await host.json(0, "doctor")).toEqual([{ healthy: true, findings: [] }]);
  });

  test("ends as failed, with its Pod stopped, if its session cannot be written", async () => {
    const host = new CliHost();
    const registry = host.registryWith({ writeSession: () => Promise.reject(new Error("disk full")) });
    const launch = host.launcher({ registry }).launchWithoutTicket({ prompt: "x" });
    expect(await launch.outcome).toMatchObject({ status: "failed", phase: "committingClaim" });
    expect(host.runtime.pods()).toEqual([]);
    expect(await host.files.sessions()).toEqual([]);
  });

  test("whose write of the session is doubtful is read back: what is there is ours", async () => {
    const host = new CliHost();
    let writes = 0;
    const registry = host.registryWith({
      writeSession: async (session) => {
        await host.files.writeSession(session);
        writes += 1;
        if (writes === 1) throw new Error("its directory could not be synced");
      },
    });
    const launch = host.launcher({ registry }).launchWithoutTicket({ prompt: "x" });
    expect(await launch.outcome).toMatchObject({ status: "recorded" });
    expect(writes).toBe(2);
    expect(await host.files.list()).toEqual([]);
  });

  test("is not understood without a prompt, or with a ticket; and no ticket has a Pod's key for its id", async () => {
    const host = new CliHost();
    expect((await host.expectCode(2, "launch", "--no-ticket")).err).toContain("--no-ticket needs --prompt");
    expect((await host.expectCode(2, ...LAUNCH, "T-1")).err).toContain('both came: "T-1"');
    await host.expectCode(2, "launch", "pod:intake-x", "--prompt", "x");
    await expect(host.launcher().adopt({ id: "pod:x" })).rejects.toMatchObject({ code: "ticket_id_invalid" });
    expect(host.runtime.pods()).toEqual([]);
  });
});

describe("sessions link", () => {
  async function unticketed(host: CliHost): Promise<string> {
    const outcome = await host.launcher().launchWithoutTicket({ prompt: "x" }).outcome;
    if (outcome.status !== "recorded") throw new Error(outcome.status);
    return outcome.session.pod;
  }

  test("adds the ticket once, with the slug that the workspace knows, and claims nothing", async () => {
    const host = withTickets();
    const pod = await unticketed(host);
    const linked = { id: "T-intake", slug: "slug-intake" };
    expect(await host.json(0, "sessions", "link", pod, "T-intake")).toMatchObject([
      { status: "linked", added: true, session: { tickets: [linked] } },
    ]);
    expect(await host.json(0, "sessions", "link", pod, "slug-intake")).toMatchObject([
      { status: "linked", added: false, session: { tickets: [linked] } },
    ]);
    await host.expectCode(0, "sessions", "link", pod, "T-9");
    expect(await host.files.sessions()).toMatchObject([
      { origin: "pre_ticket_intake", tickets: [linked, { id: "T-9" }] },
    ]);
    expect(await host.json(0, "status")).toEqual([{ claims: [] }]);
    expect(await host.json(0, "doctor", "--fix")).toEqual([{ healthy: true, findings: [] }]);
    // Recording it again, as an adoption does, loses no link.
    await host.expectCode(0, "adopt", `pod:${pod}`);
    expect(await host.files.sessions()).toMatchObject([{ tickets: [linked, { id: "T-9" }] }]);
    await host.expectCode(0, "launch", "T-intake");
  });

  test("loses neither of two links that are made at once", async () => {
    const host = new CliHost();
    const pod = await unticketed(host);
    const link = async (id: string): Promise<void> => {
      const outcome = await host.launcher().linkSession(pod, { id });
      if (outcome.status !== "linked") await link(id);
    };
    await Promise.all(["a", "b", "c"].map(link));
    const [session] = await host.files.sessions();
    expect(session?.tickets.map(({ id }) => id).sort()).toEqual(["a", "b", "c"]);
  });

  test("of a Pod without a session is 1, and of one that is in the middle of a change 3", async () => {
    const host = new CliHost();
    await host.expectCode(1, "sessions", "link", "nobody", "T-1");
    await host.expectCode(2, "sessions", "link", "nobody");
    const pod = await unticketed(host);
    const signal = new AbortController().signal;
    const lock = await host.files.lockLaunch({ id: `pod:${pod}` }, { signal });
    await host.expectCode(3, "sessions", "link", pod, "T-1");
    lock?.close();
    await host.expectCode(0, "sessions", "link", pod, "T-1");
  });
});

test("no command touches the tickets: byte for byte, and to the nanosecond, they are as they were", async () => {
  const host = withTickets();
  const before = imprintOf(join(host.workspace, ".yoi"));
  await host.run("tickets");
  await host.run("launch", "slug-intake");
  await host.run("launch", "T-ready");
  await host.run("launch", "T-ready", "--any-state");
  await host.run("launch", "T-broken");
  for (const command of ["status", "logs", "adopt", "stop", "release"]) await host.run(command, "T-intake");
  await host.run("reclaim", "T-ready", "--expect", "x");
  await host.run("launch", "--no-ticket", "--prompt", "x");
  const [session] = await host.files.sessions();
  await host.run("sessions", "link", session?.pod ?? "", "T-intake");
  for (const command of ["sessions", "history", "doctor", "trust"]) await host.run(command);
  await host.run("doctor", "--fix");
  expect(imprintOf(join(host.workspace, ".yoi"))).toEqual(before);
});
