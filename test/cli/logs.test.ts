import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { waitUntil } from "../fixtures/processes.js";
import { CliHost } from "../fixtures/cli-host.js";

const FOREVER = { signal: new AbortController().signal };
const SOON = { deadlineMs: 10_000 };

/** A Pod of the ticket, and its log. */
async function podWithLog(host: CliHost, text?: string): Promise<{ pod: string; log: string }> {
  await host.expectCode(0, "launch", "T-1");
  const [stored] = await host.files.pods({ id: "T-1" });
  const pod = stored?.kind === "pod" ? stored.record.pod : "";
  const log = join(host.registry, "pods", "T-1", pod, "pod.log");
  if (text !== undefined) fs.writeFileSync(log, text);
  return { pod, log };
}

async function end(host: CliHost): Promise<void> {
  for (const pod of host.runtime.pods()) await host.runtime.stop(pod, FOREVER);
  const { launchId } = JSON.parse((await host.run("history", "T-1", "--json")).out) as { launchId?: string };
  expect(launchId).toBeUndefined();
  await host.expectCode(0, "release", "T-1");
}

describe("logs", () => {
  test("are those of the ticket's latest Pod, or of the Pod that is named", async () => {
    const host = new CliHost();
    const first = await podWithLog(host, "first\n");
    await end(host);
    await podWithLog(host, "one\ntwo\nthree\n");
    expect((await host.expectCode(0, "logs", "T-1")).out).toBe("one\ntwo\nthree\n");
    expect((await host.expectCode(0, "logs", "T-1", "--lines", "2")).out).toBe("two\nthree\n");
    expect((await host.expectCode(0, "logs", "T-1", "--lines", "0")).out).toBe("");
    expect((await host.expectCode(0, "logs", first.pod)).out).toBe("first\n");
  });

  test("of a launch that failed are still there", async () => {
    const host = new CliHost();
    host.runtime.script("T-1", { requestRun: "reject" });
    await host.expectCode(1, "launch", "T-1");
    const [pod = ""] = fs.readdirSync(join(host.registry, "pods", "T-1"));
    fs.writeFileSync(join(host.registry, "pods", "T-1", pod, "pod.log"), "not logged in\n");
    expect((await host.expectCode(0, "logs", "T-1")).out).toBe("not logged in\n");
  });

  test("begin with what was written before the log was begun anew, and make everything invisible visible", async () => {
    const host = new CliHost();
    const { pod, log } = await podWithLog(host, "after \u001b[2J\u202e\n");
    fs.writeFileSync(`${log}.1`, "before\n");
    expect((await host.expectCode(0, "logs", "T-1")).out).toBe("before\nafter \\u001b[2J\\u202e\n");
    const { out } = await host.expectCode(0, "logs", "T-1", "--json");
    expect(out).not.toContain("\u202e");
    expect(
      out
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { pod, line: "before" },
      { pod, line: "after \u001b[2J\u202e" },
    ]);
  });

  test("that are nowhere are 1, and a number of lines that is none is 2", async () => {
    const host = new CliHost();
    expect((await host.expectCode(1, "logs", "T-1")).err).toBe(
      'error: no Pod of a ticket "T-1", nor one of that name\n',
    );
    expect(await host.json(1, "logs", "T-1")).toMatchObject([{ error: { code: "pod_unreachable" } }]);
    const { log } = await podWithLog(host);
    expect((await host.expectCode(1, "logs", "T-1")).err).toContain("has no log here");
    fs.writeFileSync(log, "");
    expect((await host.expectCode(0, "logs", "T-1")).err).toMatch(/^\S+ wrote nothing\n$/u);
    fs.rmSync(log);
    expect((await host.expectCode(2, "logs", "T-1", "--lines", "x")).err).toContain('but came "x"');
    fs.symlinkSync("/etc/hostname", log);
    expect((await host.expectCode(1, "logs", "T-1")).err).toContain("ELOOP");
  });
});

describe("logs --follow", () => {
  test("goes on with each complete line, over a log that is begun anew, until it is interrupted", async () => {
    const host = new CliHost();
    const { log } = await podWithLog(host, "one\nhal");
    const ran = host.run("logs", "T-1", "--follow");
    const shows = (text: string) =>
      waitUntil(() => host.printed.out === text, {
        ...SOON,
        what: () => `${text}; it is ${host.printed.out}`,
      });
    await shows("one\n");
    fs.appendFileSync(log, "f\ntwo\n");
    await shows("one\nhalf\ntwo\n");
    fs.appendFileSync(log, "last\n");
    fs.renameSync(log, `${log}.1`);
    fs.writeFileSync(log, "new\n");
    await shows("one\nhalf\ntwo\nlast\nnew\n");
    host.interrupt("SIGTERM");
    expect(await ran).toMatchObject({ code: 0, err: "" });
  });

  test("waits for a log that is not there yet, and ends when nobody reads it any more", async () => {
    const host = new CliHost();
    const { log } = await podWithLog(host);
    const ran = host.run("logs", "T-1", "--follow");
    fs.writeFileSync(log, "begun\n");
    await waitUntil(() => host.printed.out === "begun\n", { ...SOON, what: "the first line" });
    host.closeOutput();
    expect(await ran).toMatchObject({ code: 0 });
  });
});
