/** `pod.log` is bounded, whatever the agent says and for however long: at its limit it becomes `pod.log.1`, and there is no third. */
import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PodLog } from "../../src/pod/pod-log.js";
import { waitUntil } from "../fixtures/processes.js";
import { temporaryDirectory } from "../fixtures/temporary.js";
import { dial, patient, runOf, startPod } from "./bench.js";

const MAX_BYTES = 4_096;
/** The guardian's own. */
const MIBIBYTE = 1024 * 1024;

function openLog(directory = temporaryDirectory()) {
  let second = 0;
  // A second a line: nothing is left out for its number.
  const now = () => new Date(1_000 * (second += 1));
  const log = new PodLog(directory, { maxBytes: MAX_BYTES, now });
  const sizes = () =>
    Object.fromEntries(
      fs.readdirSync(directory).map((name) => [name, fs.statSync(join(directory, name)).size]),
    );
  const read = (name: string) => fs.readFileSync(join(directory, name), "utf8");
  return { log, directory, sizes, read };
}

describe("a Pod's log", () => {
  it("is rotated at its limit, with the newest lines in pod.log and those before them in pod.log.1", () => {
    const { log, sizes, read } = openLog();
    for (let line = 1; line <= 1_000; line += 1) log.write("agent", `line ${line}`);
    log.close();
    expect(Object.keys(sizes())).toEqual(["pod.log", "pod.log.1"]);
    expect(Math.max(...Object.values(sizes()))).toBeLessThanOrEqual(MAX_BYTES);
    const numbers = [...`${read("pod.log.1")}${read("pod.log")}`.matchAll(/line (?<number>\d+)\n/gu)].map(
      ({ groups }) => Number(groups?.["number"]),
    );
    // Whole lines, without a gap, up to the last.
    expect(numbers).toEqual(numbers.map((_, index) => 1_000 - numbers.length + 1 + index));
    expect(numbers.length).toBeGreaterThan(MAX_BYTES / 64);
  });

  it("is bounded in bytes, also for text that takes several a character", () => {
    const { log, sizes } = openLog();
    for (let line = 0; line < 200; line += 1) log.write("agent", "\u{1F980}".repeat(line));
    log.close();
    expect(Math.max(...Object.values(sizes()))).toBeLessThanOrEqual(MAX_BYTES);
  });

  it("goes on with what an earlier one wrote, and counts it", () => {
    const directory = temporaryDirectory();
    fs.writeFileSync(join(directory, "pod.log"), "x".repeat(MAX_BYTES));
    const { log, sizes, read } = openLog(directory);
    log.write("guardian", "the first line");
    log.write("guardian", "the second line");
    log.close();
    expect(read("pod.log")).toContain("the second line");
    expect(sizes()["pod.log"]).toBeLessThan(200);
  });

  it("goes on when somebody has removed it", () => {
    const { log, directory, read } = openLog();
    const fill = (text: string) => {
      for (let line = 0; line < 100; line += 1) log.write("agent", text);
    };
    fill("before");
    for (const name of fs.readdirSync(directory)) fs.unlinkSync(join(directory, name));
    fill("after");
    log.close();
    expect(read("pod.log")).toContain("after");
  });

  it("leaves out what the agent says faster than 500 lines a second, and says how much; the guardian's own lines stay", () => {
    const directory = temporaryDirectory();
    let milliseconds = 5_000;
    const log = new PodLog(directory, { maxBytes: MIBIBYTE, now: () => new Date(milliseconds) });
    for (let line = 0; line < 700; line += 1) log.write("agent", "flood");
    log.write("guardian", "ending");
    milliseconds += 1_000;
    log.write("agent", "later");
    log.close();
    const text = fs.readFileSync(join(directory, "pod.log"), "utf8");
    expect(text.split("flood")).toHaveLength(501);
    expect(text).toContain(" guardian ending\n");
    expect(text).toMatch(/guardian 200 lines were left out\n.*later\n$/u);
  });

  it("stays within two files of a megabyte under a real guardian, while its agent floods stderr and works on", async () => {
    const shell = 'while :; do yes "$0" | head -n 600 >&2; sleep 1; done';
    const more = {
      recipe: {
        driver: "command",
        command: ["sh", "-c", shell, "x".repeat(1_900)],
        accept: { kind: "alive", afterMs: 0 },
      },
    } as const;
    const pod = await startPod({ more });
    dial(pod.socket).send(runOf(pod.launchId));
    await waitUntil(() => fs.existsSync(join(pod.directory, "pod.log.1")), {
      deadlineMs: 40_000,
      what: "the rotation",
    });
    await pod.runtime.stop(pod.pod, { ...patient, withinMs: 8_000 });
    const logs = fs.readdirSync(pod.directory).filter((name) => name.startsWith("pod.log"));
    expect(logs).toEqual(["pod.log", "pod.log.1"]);
    for (const name of logs)
      expect(fs.statSync(join(pod.directory, name)).size, name).toBeLessThanOrEqual(MIBIBYTE);
    expect(fs.readFileSync(join(pod.directory, "pod.log"), "utf8")).toMatch(/ guardian stopped\n$/u);
  });
});
