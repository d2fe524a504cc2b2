/** The command line in this process, attached to a real guardian's Pod. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { LineEditor, type Typed } from "../../src/cli/attach/line-editor.js";
import { CliHost, type Ran } from "../fixtures/cli-host.js";
import { processesOfLaunch, waitUntil } from "../fixtures/processes.js";
import { dial, promptsIn, runOf, startPod, startRestored, untilGone, type TestPod } from "../pod/bench.js";

const SOON = { deadlineMs: 20_000 };
const update = (sessionUpdate: string, more: object) => ({ update: { sessionUpdate, ...more } });
const says = (text: string, kind = "agent_message_chunk") =>
  update(kind, { content: { type: "text", text } });
const options = [
  { optionId: "once", name: "Allow once", kind: "allow_once" },
  { optionId: "no", name: "Reject", kind: "reject_once" },
];
const asks = { permission: { toolCall: { toolCallId: "c", title: "Run make" }, options } };
const end = { end: "end_turn" } as const;

/** A terminal that is attached, or about to be. */
function terminalOn(pod: TestPod, { tty = true } = {}) {
  const host = new CliHost();
  host.cwd = join(pod.root, "project");
  host.env["LAUNCH_CLAIM_HOME"] = join(pod.root, "home");
  host.tty = tty;
  host.keyboard.isTTY = tty;
  host.env["NO_COLOR"] = "1";
  const shows = (text: string, times = 1) =>
    waitUntil(() => host.printed.out.split(text).length > times && host.printed.out, {
      ...SOON,
      what: () => `${times} × ${JSON.stringify(text)} in ${host.printed.out}${host.printed.err}`,
    });
  const attach = async (...flags: string[]): Promise<Promise<Ran>[]> => {
    const ran = host.run("attach", "T-1", ...flags);
    await waitUntil(() => host.keyboard.ear, { ...SOON, what: () => `to be attached: ${host.printed.err}` });
    return [ran];
  };
  return { host, shows, attach, type: (text: string) => host.keyboard.type(text) };
}

describe("attach", () => {
  test("shows the run so far, streams what comes, and a key answers; nothing of it acts on the terminal", async () => {
    const pod = await startPod({
      script: {
        prompt: [
          says("Hel"),
          says("lo \u001b[2J\u202ethere\nnext"),
          says("hm", "agent_thought_chunk"),
          update("tool_call", { toolCallId: "t", title: "Read", status: "pending" }),
          update("tool_call_update", { toolCallId: "t", status: "completed" }),
          update("plan", { entries: [{ content: "step", status: "in_progress" }] }),
          update("current_mode_update", { currentModeId: "code" }),
          update("usage_update", { used: 1 }),
          asks,
          says("\nDone."),
          end,
        ],
      },
    });
    const client = dial(pod.socket);
    client.send(runOf(pod.launchId));
    await client.first("permission_request");
    const { host, shows, attach, type } = terminalOn(pod);
    const [ran] = await attach();
    const shown = await shows("press 1 or 2 to answer");
    expect(shown).toContain(
      [
        "> the secret prompt",
        String.raw`Hello \u001b[2J\u202ethere`,
        "next",
        "hm",
        "* Read [pending]",
        "* Read [completed]",
        "plan:",
        "  [~] step",
        "mode: code",
        "permission: Run make",
        "  1  Allow once",
        "  2  Reject",
      ].join("\n"),
    );
    expect(host.keyboard.ear?.keys).toBe(true);
    type("3");
    type("\u007f");
    type("1");
    await shows("the run has ended: end_turn");
    expect(host.printed.out).toContain("Allow once (somebody who is attached)");
    expect(host.printed.out).toContain(String.raw`"optionId":"once"`);
    expect(host.printed.out).not.toContain("\u001b[2J");
    type("\u0003");
    expect(await ran).toMatchObject({ code: 0, err: `detached; Pod ${pod.pod.name} goes on\n` });
    expect(host.keyboard.ear).toBeUndefined();
    await client.roundTrip();
  });

  test("sends a line as a message, which waits for the run that is under way; two terminals see the same", async () => {
    const pod = await startPod({ script: { prompt: [asks, end] } });
    const client = dial(pod.socket);
    client.send(runOf(pod.launchId));
    const one = terminalOn(pod);
    const two = terminalOn(pod);
    const [ranOne] = await one.attach();
    const [ranTwo] = await two.attach();
    await one.shows("press 1 or 2");
    await two.shows("press 1 or 2");
    one.type("go ");
    one.type("1");
    one.type("\r");
    await one.shows("waits: sent when");
    expect(promptsIn(pod.promptsFile)).toBe(1);
    two.type("2");
    for (const { shows } of [one, two]) {
      await shows("> go 1\n");
      await shows("Run make", 2);
    }
    expect(promptsIn(pod.promptsFile)).toBe(2);
    one.type("1");
    await one.shows("the run has ended", 2);
    await two.shows("the run has ended", 2);
    one.type("\u0004");
    two.host.interrupt("SIGTERM");
    expect(await ranOne).toMatchObject({ code: 0 });
    expect(await ranTwo).toMatchObject({ code: 0 });
  });

  test("keeps a message for a Pod that was restored a moment ago until it takes one", async () => {
    const { pod, confirm } = await startRestored();
    const { shows, attach, type } = terminalOn(pod);
    const [ran] = await attach();
    type("go on\r");
    await shows("waits: sent when");
    expect(promptsIn(pod.promptsFile)).toBe(0);
    await confirm();
    await shows("the run has ended: end_turn");
    expect(promptsIn(pod.promptsFile)).toBe(1);
    type("\u0004");
    expect(await ran).toMatchObject({ code: 0 });
  });

  test("leaves the request open for the next, and says which messages were not sent", async () => {
    const pod = await startPod({ script: { prompt: [asks, end] } });
    dial(pod.socket).send(runOf(pod.launchId));
    const first = terminalOn(pod);
    const [ran] = await first.attach();
    await first.shows("press 1 or 2");
    first.type("later\r");
    await first.shows("waits: sent when");
    first.type("\u0003");
    expect((await ran)?.err).toContain("not sent: messages that waited (1)");
    const second = terminalOn(pod);
    const [ranSecond] = await second.attach();
    await second.shows("press 1 or 2");
    second.type("\u0003");
    expect(await ranSecond).toMatchObject({ code: 0 });
    expect(promptsIn(pod.promptsFile)).toBe(1);
  });

  test("ends with the Pod, and says how", async () => {
    const pod = await startPod({});
    const client = dial(pod.socket);
    client.send(runOf(pod.launchId));
    await client.first("run_ended");
    const { shows, attach } = terminalOn(pod);
    const [ran] = await attach();
    await shows("the run has ended: end_turn");
    client.send({ method: "shutdown" });
    const { code, err } = (await ran) ?? { code: -1, err: "" };
    expect([code, err]).toEqual([0, `Pod ${pod.pod.name} has ended; its first run had ended: end_turn\n`]);
    await untilGone(pod.launchId);
  });

  test("says so when the Pod is gone without a word", async () => {
    const pod = await startPod({});
    const { shows, attach } = terminalOn(pod);
    const [ran] = await attach();
    await shows("for ticket T-1");
    process.kill(await pod.pidOf("guardian"), "SIGKILL");
    const { code, err } = (await ran) ?? { code: -1, err: "" };
    expect(code).toBe(0);
    expect(err).toContain("gone without a word");
    await waitUntil(() => processesOfLaunch(pod.launchId).length === 0, { ...SOON, what: "its agent's end" });
  });

  test("without a terminal reads lines as messages, answers nothing, and goes on when there are no more", async () => {
    const pod = await startPod({ script: { prompt: [asks, end] } });
    const client = dial(pod.socket);
    client.send(runOf(pod.launchId));
    await client.first("permission_request");
    const { host, shows, attach, type } = terminalOn(pod, { tty: false });
    const [ran] = await attach();
    await shows("permission: Run make");
    expect(host.keyboard.ear?.keys).toBe(false);
    await waitUntil(() => host.printed.err.includes("in a terminal: launch-claim attach T-1"), {
      ...SOON,
      what: "how it is answered",
    });
    type("1\nsec");
    type("ond");
    host.keyboard.ear?.end();
    await client.roundTrip();
    expect(client.all("permission_resolved")).toEqual([]);
    const answer = (request: Record<string, unknown> | undefined) =>
      client.send({
        method: "permission_response",
        params: {
          request_id: String(request?.["request_id"]),
          outcome: { outcome: "selected", optionId: "no" },
        },
      });
    for (const count of [1, 2, 3]) {
      const request = await waitUntil(() => client.all("permission_request")[count - 1], {
        ...SOON,
        what: `request ${count}`,
      });
      answer(request);
    }
    await shows("the run has ended", 3);
    expect(host.printed.out).toMatch(/> 1\n[^]*> second\n/u);
    host.interrupt("SIGINT");
    expect(await ran).toMatchObject({ code: 0 });
  });

  test("with --json passes every event as the Pod told it, and asks nothing", async () => {
    const pod = await startPod({ script: { prompt: [says("\u202ehi"), asks, end] } });
    const client = dial(pod.socket);
    client.send(runOf(pod.launchId));
    await client.first("permission_request");
    const { host, shows, attach, type } = terminalOn(pod);
    const [ran] = await attach("--json");
    await shows('"permission_request"', 2);
    expect(host.keyboard.ear?.keys).toBe(false);
    type("1\n");
    client.send({ method: "notify", params: { from: "x", message: "hello" } });
    await shows('"notify"');
    host.interrupt("SIGINT");
    const { code, out, err } = (await ran) ?? { code: -1, out: "", err: "" };
    expect([code, err]).toEqual([0, ""]);
    expect(out).not.toContain("\u202e");
    const lines = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { event: string; data: { events?: unknown[] } });
    expect(lines.slice(0, 3).map(({ event }) => event)).toEqual([
      "snapshot",
      "history",
      "permission_request",
    ]);
    expect(lines[1]?.data.events).toContainEqual({ event: "update", data: says("\u202ehi").update });
    expect(client.all("permission_resolved")).toEqual([]);
  });
});

describe("attach to nothing", () => {
  test("of a ticket that nobody knows is 1; of a claim whose Pod does not run is 3, with what can be done", async () => {
    const host = new CliHost();
    expect((await host.expectCode(1, "attach", "T-1")).err).toContain('no Pod of a ticket "T-1"');
    await host.expectCode(0, "launch", "T-1");
    expect((await host.expectCode(3, "attach", "T-1")).err).toContain("only its own host can attach");
    for (const pod of host.runtime.pods())
      await host.runtime.stop(pod, { signal: new AbortController().signal });
    const { err } = await host.expectCode(3, "attach", "T-1");
    expect(err).toContain("not attached: T-1");
    expect(err).toContain("launch-claim reclaim T-1 --expect");
    await host.expectCode(2, "attach");
  });
});

describe("a line that is typed", () => {
  const typed = (...parts: string[]): { typed: Typed[]; line: string } => {
    const editor = new LineEditor();
    const told = parts.flatMap((part) => [...editor.press(part, (key) => key === "1")]);
    return { typed: told, line: editor.line };
  };

  test.each<[string, string[], Typed[], string]>([
    ["ends with Enter", ["a", "b", "\r"], [{ kind: "line", text: "ab" }], ""],
    ["is nothing if it is blank", [" ", "\r", "\r"], [], ""],
    ["is mended by backspace, by whole characters", ["a", "🙂", "\u007f", "c"], [], "ac"],
    ["is mended by word and by line", ["one two", "\u0017", "x", "\u0015", "y"], [], "y"],
    ["takes no arrows, in one piece or in several", ["a\u001b[1;5D", "\u001b", "[", "A", "b"], [], "ab"],
    ["holds no control character", ["a\u0007\u0000b"], [], "ab"],
    ["is no answer once something stands before it", ["x", "1"], [], "x1"],
    ["is no answer if it was pasted", ["1 more thing"], [], "1 more thing"],
    ["may be an answer by itself", ["1"], [{ kind: "key", key: "1" }], ""],
    [
      "is left by Ctrl-C, and by Ctrl-D where it is empty",
      ["a", "\u0004", "\u0003"],
      [{ kind: "leave" }],
      "a",
    ],
  ])("%s", (_, parts, told, line) => {
    expect(typed(...parts)).toEqual({ typed: told, line });
  });
});
