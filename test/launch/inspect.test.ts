import { execFile } from "node:child_process";
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import type { InspectionEvent, StateValue } from "xstate";
import { inspectorTo, LocalSink } from "../../examples/inspect.js";
import type { Launch } from "../../src/index.js";
import { dotted } from "../../src/launch/steps.js";
import { LaunchHost, outcomeAs, stepsOf, turns, watchUnhandled } from "../fixtures/launch-host.js";
import { waitUntil } from "../fixtures/processes.js";

const ticket = { id: "T-1" };
const SECRET = "the prompt that nobody else may read";

/** The states that an inspector is shown of the launch's own actor. */
class Seen {
  readonly events: InspectionEvent[] = [];
  readonly take = (event: InspectionEvent) => void this.events.push(event);

  statesOf({ actor }: Launch): string[] {
    const values = this.events
      .filter((event) => event.type === "@xstate.snapshot" && event.actorRef === actor)
      .map((event) => dotted(((event as { snapshot: unknown }).snapshot as { value: StateValue }).value));
    return values.filter((state, index) => state !== values[index - 1]);
  }
}

describe("an inspector", () => {
  for (const [form, inspectorOf] of [
    ["a function", (seen: Seen) => seen.take],
    ["an observer", (seen: Seen) => ({ next: seen.take })],
  ] as const) {
    for (const requestRun of ["accept", "reject"] as const) {
      test(`that is ${form} sees every state of a launch whose run the agent is to ${requestRun}`, async () => {
        const host = new LaunchHost();
        host.runtime.script(ticket.id, { requestRun });
        const seen = new Seen();
        const launch = host.launcher({ inspect: inspectorOf(seen) }).launch({ ticket });
        const steps = await stepsOf(launch);
        expect(seen.statesOf(launch)).toEqual(steps);
        expect(steps.at(-1)).toBe(requestRun === "accept" ? "claimed" : "failed");
        // The actors that the machine invokes as well: an inspector draws the whole of it.
        const actors = seen.events.filter(({ type }) => type === "@xstate.actor");
        expect(actors.length).toBeGreaterThan(5);
      });
    }
  }

  test("sees the launches of one launcher apart", async () => {
    const host = new LaunchHost();
    const seen = new Seen();
    const launcher = host.launcher({ inspect: seen.take });
    const launches = ["T-1", "T-2"].map((id) => launcher.launch({ ticket: { id } }));
    for (const launch of launches) {
      await outcomeAs(launch.outcome, "claimed");
      expect(seen.statesOf(launch)).toEqual(await stepsOf(launch));
    }
  });

  const throwing = () => {
    throw new Error("a defect of the inspector");
  };
  for (const [form, inspect] of [
    ["throws on every event", throwing],
    ["throws on every event, as an observer,", { next: throwing }],
    ["has nothing to be told by", {}],
    [
      "has a getter that throws",
      {
        get next(): never {
          throw new Error("a defect of the inspector");
        },
      },
    ],
  ] as const) {
    test(`that ${form} disturbs nothing: the same steps, outcomes and files as without it`, async () => {
      const unhandled = watchUnhandled();
      const run = async (options: object) => {
        const host = new LaunchHost();
        let ids = 0;
        const launcher = host.launcher({ ...options, newLaunchId: () => `launch-${(ids += 1)}` });
        const results: unknown[] = [];
        for (const requestRun of ["reject", "accept", "accept"] as const) {
          host.runtime.script(ticket.id, { requestRun });
          const launch = launcher.launch({ ticket, peers: ["panel"] });
          const { status } = await launch.outcome;
          const { claims, sessions, launchLock, podLock, launches } = host.observe(ticket.id);
          const left = { claims, sessions, launchLock, podLock, launches };
          results.push({ status, steps: await stepsOf(launch), left });
        }
        return results;
      };
      expect(await run({ inspect })).toEqual(await run({}));
      await turns();
      expect(unhandled.map(String)).toEqual([]);
    });
  }
});

describe("@statelyai/inspect", () => {
  test("shows a local viewer every state of a launch, and never the prompt, nor what the agent says", async () => {
    const host = new LaunchHost();
    host.runtime.script(ticket.id, {
      connect: { status: "saying what it should not", session: { id: "a secret session", restorable: true } },
    });
    await using sink = await LocalSink.open();
    const response = await fetch(sink.url);
    expect(response.headers.get("content-type")).toBe("text/event-stream");

    const inspector = inspectorTo(sink);
    const launch = host.launcher({ inspect: inspector.inspect }).launch({ ticket, prompt: SECRET });
    const steps = await stepsOf(launch);
    await outcomeAs(launch.outcome, "claimed");
    expect(host.runtime.prompts(launch.launchId)).toEqual([SECRET]);

    let heard = "";
    const decoder = new TextDecoder();
    for await (const chunk of response.body!) {
      heard += decoder.decode(chunk as Uint8Array, { stream: true });
      if (statesHeard(heard).at(-1) === "claimed") break;
    }
    expect(statesHeard(heard)).toEqual(steps);
    for (const secret of [SECRET, "a secret session", "saying what it should not", host.workspace]) {
      expect(heard).not.toContain(secret);
    }
  });

  test("is heard on this machine only, and only by who knows the token", async () => {
    await using sink = await LocalSink.open();
    const { hostname, port, pathname } = new URL(sink.url);
    expect(hostname).toBe("127.0.0.1");
    expect(pathname.length).toBeGreaterThan(20);
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
    const listening = fs
      .readFileSync("/proc/net/tcp", "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/u))
      .filter(
        ([, local, , state]) =>
          state === "0A" && local?.endsWith(`:${Number(port).toString(16).toUpperCase().padStart(4, "0")}`),
      )
      .map(([, local]) => local?.split(":")[0]);
    expect(listening).toEqual(["0100007F"]);
  });

  test("whose sink is closed disturbs no launch", async () => {
    const host = new LaunchHost();
    const unhandled = watchUnhandled();
    const sink = await LocalSink.open();
    const { inspect } = inspectorTo(sink);
    await sink.close();
    const launch = host.launcher({ inspect }).launch({ ticket });
    await outcomeAs(launch.outcome, "claimed");
    await turns();
    expect(unhandled.map(String)).toEqual([]);
    host.expectClaimed(ticket.id, launch.launchId);
  });

  test("is wired by an example that runs, ends by itself, shows the states and leaves nothing", async () => {
    const program = fileURLToPath(new URL("../../dist/examples/inspect.js", import.meta.url));
    await waitUntil(() => fs.existsSync(program), {
      deadlineMs: 100,
      what: `${program}: run "npm run build"`,
    });
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [program], { timeout: 30_000 });
    expect(stderr).toBe("");
    expect(stdout).toContain("committingClaim.writing");
    expect(stdout).toContain("claimed");
    expect(stdout).not.toContain("Clarify");
    const url = /http:\/\/\S+/u.exec(stdout)?.[0];
    await expect(fetch(url!)).rejects.toThrow();
  });
});

/** The states of the launch's own actor in a stream of server-sent events. */
function statesHeard(stream: string): string[] {
  const complete = stream.slice(0, stream.lastIndexOf("\n\n") + 1);
  const values = complete
    .split("\n")
    .filter((line) => line.startsWith("data: "))
    .map(
      (line) =>
        JSON.parse(line.slice(6)) as {
          type: string;
          sessionId: string;
          rootId: string;
          snapshot?: { value?: StateValue };
        },
    )
    .filter(({ type, sessionId, rootId }) => type === "@xstate.snapshot" && sessionId === rootId)
    .flatMap(({ snapshot }) => (snapshot?.value === undefined ? [] : [dotted(snapshot.value)]));
  return values.filter((state, index) => state !== values[index - 1]);
}
