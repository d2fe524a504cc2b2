import net from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { AgentScript } from "../../src/testing/scripted-agent/script.js";
import { CHUNK, cliBench, type CliBench } from "../fixtures/bad-agents.js";
import { peakMemoryOf, waitUntil } from "../fixtures/processes.js";

const WORKS_ON: AgentScript = { prompt: [CHUNK, { stall: true }] };

/** Claims ticket T. @returns the path of its Pod's socket */
async function claimed(bench: CliBench): Promise<string> {
  const told = await bench.launch(WORKS_ON);
  expect(told.code, told.stderr).toBe(0);
  return String(bench.podRecords()[0]?.["socket"]);
}

/** A client that is cut off may see it as an error; that is what it deserves. */
function clientOf(path: string): net.Socket {
  const socket = net.connect(path).on("error", () => undefined);
  onTestFinished(() => void socket.destroy());
  return socket;
}

async function expectStoppable(bench: CliBench): Promise<void> {
  expect(await bench.state()).toBe("live");
  const [guardian] = bench.guardians();
  expect(peakMemoryOf(guardian!.pid)).toBeLessThan(300);
  const stopped = await bench.cli(["stop", "T"]);
  expect(stopped.code, stopped.stderr).toBe(0);
  expect(bench.running()).toEqual([]);
  expect(bench.claims()).toHaveLength(1);
}

test.each<[string, string]>([
  ["a line without an end", "x".repeat(64 * 1024)],
  ["lines that are no JSON", `${"x".repeat(1_000)}\n`.repeat(64)],
  ["questions, and never reads an answer", '{"method":"status"}\n'.repeat(3_000)],
  [
    "notes to everybody, and never reads",
    `{"method":"notify","params":{"from":"me","message":"${"x".repeat(1_000)}"}}\n`.repeat(64),
  ],
  ["methods that nobody knows", '{"method":"explode","params":{}}\n'.repeat(2_000)],
])("a client that floods a Pod with %s is dropped, and the Pod goes on", async (_what, block) => {
  const bench = cliBench();
  const socket = clientOf(await claimed(bench));
  socket.pause();
  // As fast as the Pod takes it, until that one has had enough.
  const flood = () => {
    while (!socket.destroyed && socket.write(block));
  };
  socket.on("connect", flood).on("drain", flood);
  await waitUntil(() => socket.destroyed, { deadlineMs: 40_000, what: "the Pod to drop its client" });
  await expectStoppable(bench);
});

test("a client that sends JSON nested 100,000 deep hurts nobody but itself", async () => {
  const bench = cliBench();
  const path = await claimed(bench);
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  const other = clientOf(path);
  for (const line of [
    `{"method":"notify","params":{"from":"me","message":${deep}}}`,
    `{"method":"run","params":{"run_id":"r","launch_id":"l","input":${deep}}}`,
    `{"method":"permission_response","params":{"request_id":"r","outcome":{"outcome":"selected","optionId":"o","x":${deep}}}}`,
    deep,
  ])
    clientOf(path).end(`${line}\n`);
  let heard = "";
  other.on("data", (chunk: Buffer) => (heard += chunk.toString()));
  other.write('{"method":"status"}\n');
  await waitUntil(() => /"event":"status"/u.test(heard), { deadlineMs: 20_000, what: "an answer" });
  await expectStoppable(bench);
});

test("two hundred clients that say nothing keep nobody from status and stop", async () => {
  const bench = cliBench();
  const path = await claimed(bench);
  const clients = Array.from({ length: 200 }, () => clientOf(path));
  await waitUntil(() => clients.filter(({ destroyed }) => destroyed).length > 100, {
    deadlineMs: 20_000,
    what: "those beyond the limit to be turned away",
  });
  await expectStoppable(bench);
});
