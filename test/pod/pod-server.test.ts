import fs from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { PodServer, type Client } from "../../src/pod/pod-server.js";
import { PodConnection } from "../../src/protocol/connection.js";
import { lineOf } from "../../src/protocol/lines.js";
import type { Method, PodEvent } from "../../src/protocol/messages.js";
import { waitUntil } from "../fixtures/processes.js";
import { temporaryDirectory } from "../fixtures/temporary.js";

const snapshot: PodEvent = {
  event: "snapshot",
  data: {
    protocol: 1,
    pod: "pod",
    launch_id: "launch",
    ticket: { id: "T-1" },
    role: "coder",
    status: "idle",
    launcher: "present",
    agent: { driver: "acp", name: "scripted" },
  },
};
const MIB = 1024 * 1024;

async function serving({ maxLineBytes = 16 * MIB } = {}) {
  const path = join(temporaryDirectory(), "s.sock");
  const methods: Method[] = [];
  let greeted = 0;
  const server = new PodServer(
    {
      greet(client: Client) {
        greeted += 1;
        client.send(snapshot);
      },
      method(client, method) {
        methods.push(method);
        if (method.method === "status") client.send({ event: "status", data: { status: "idle" } });
      },
    },
    { maxLineBytes },
  );
  await server.listen(path);
  onTestFinished(() => server.close());
  return { server, path, methods, greeted: () => greeted };
}

/** A client below the protocol: sends bytes, and keeps what comes. */
function raw(path: string) {
  const socket = net.connect(path);
  const client = { socket, said: "", closed: false };
  socket.on("error", () => undefined);
  socket.on("close", () => (client.closed = true));
  onTestFinished(() => void socket.destroy());
  return client;
}

function reading(path: string) {
  const client = raw(path);
  client.socket.setEncoding("utf8").on("data", (chunk: string) => (client.said += chunk));
  return client;
}

/** A well-behaved client still gets its answer. */
async function expectServed(path: string): Promise<void> {
  const signal = AbortSignal.timeout(20_000);
  const { connection } = await PodConnection.open(path, signal);
  const isStatus = (event: PodEvent) => (event.event === "status" ? true : undefined);
  expect(await connection.request({ method: "status" }, isStatus, signal)).toBe(true);
  connection.close();
}

describe("the Pod's server", () => {
  it("lets only its user in", async () => {
    const { path } = await serving();
    expect(fs.statSync(path).mode & 0o777).toBe(0o600);
  });

  it("answers an unknown method by an error, and goes on with that client", async () => {
    const { path } = await serving();
    const client = reading(path);
    client.socket.write('{"method":"later"}\n[]\n{"method":"run"}\n{"method":"status"}\n');
    await waitUntil(() => client.said.includes('"status","data"'), {
      deadlineMs: 10_000,
      what: "the status",
    });
    expect(client.said.match(/"event":"error"/gu)).toHaveLength(3);
    expect(client.said).toContain("invalid_request");
  });

  it.each([
    ["no JSON", "broken\n"],
    ["an empty line", "\n"],
  ])("ends the connection of a client that sends %s, and no other", async (_, bytes) => {
    const { path, methods } = await serving();
    const other = reading(path);
    const client = reading(path);
    client.socket.write(`${bytes}{"method":"shutdown"}\n`);
    await waitUntil(() => client.closed, { deadlineMs: 10_000, what: "the end of the connection" });
    expect(methods).toEqual([]);
    expect(other.closed).toBe(false);
    await expectServed(path);
  });

  it("takes half a line for nothing, also when its client has gone", async () => {
    const { path, methods } = await serving();
    const client = raw(path);
    client.socket.end('{"method":"shutdown"}');
    client.socket.resume();
    await waitUntil(() => client.closed, { deadlineMs: 10_000, what: "the end of the connection" });
    expect(methods).toEqual([]);
    await expectServed(path);
  });

  it("ends the connection of a client that sends 100 MB in one line, long before it has them", async () => {
    const { path } = await serving();
    const client = reading(path);
    const block = Buffer.alloc(MIB, "x");
    let sent = 0;
    const send = () => {
      while (sent < 100 && !client.socket.destroyed) {
        sent += 1;
        if (!client.socket.write(block)) return;
      }
    };
    client.socket.on("drain", send);
    send();
    await waitUntil(() => client.closed, { deadlineMs: 20_000, what: "the end of the connection" });
    expect(sent).toBeLessThan(40);
    await expectServed(path);
  });

  it("drops a client that never reads at a bounded backlog; the others go on", async () => {
    const { path, server, greeted } = await serving();
    const mute = raw(path);
    mute.socket.pause();
    const other = reading(path);
    await waitUntil(() => greeted() === 2, { deadlineMs: 10_000, what: "both to be greeted" });
    const event: PodEvent = { event: "update", data: "x".repeat(MIB) };
    for (let sent = 1; sent <= 20; sent += 1) {
      server.broadcast(event);
      await waitUntil(() => other.said.length >= sent * MIB, { deadlineMs: 10_000, what: "the update" });
    }
    // The kernel's buffer is all that it can still read: a few hundred KiB of the twenty MiB.
    mute.socket.resume();
    await waitUntil(() => mute.closed, { deadlineMs: 10_000, what: "the mute client to be dropped" });
    expect(mute.socket.bytesRead).toBeLessThan(5 * MIB);
    expect(other.closed).toBe(false);
  });

  it("drops a client that floods it with questions and never reads the answers", async () => {
    const { path } = await serving();
    const flooder = raw(path);
    flooder.socket.pause();
    const block = '{"method":"x"}\n'.repeat(10_000);
    const flood = () => {
      while (!flooder.socket.destroyed && flooder.socket.write(block));
    };
    flooder.socket.on("drain", flood);
    flood();
    // It notices by its writes: it does not read.
    await waitUntil(() => flooder.closed, { deadlineMs: 30_000, what: "the flooder to be dropped" });
    await expectServed(path);
  });

  it("gives a client that reads one line that is larger than the backlog", async () => {
    const { path, server, greeted } = await serving();
    const client = reading(path);
    await waitUntil(() => greeted() === 1, { deadlineMs: 10_000, what: "the greeting" });
    server.broadcast({ event: "update", data: "x".repeat(6 * MIB) });
    await waitUntil(() => client.said.length > 6 * MIB || client.closed, {
      deadlineMs: 10_000,
      what: "the line",
    });
    expect(client.closed).toBe(false);
  });

  it("serves so many clients and no more, and again when one has gone", async () => {
    const { path, greeted } = await serving();
    const clients = Array.from({ length: 64 }, () => reading(path));
    await waitUntil(() => greeted() === 64, { deadlineMs: 20_000, what: "64 greetings" });
    const tooMany = reading(path);
    await waitUntil(() => tooMany.closed, { deadlineMs: 10_000, what: "the 65th to be refused" });
    expect(tooMany.said).toBe("");
    clients[0]?.socket.destroy();
    await waitUntil(
      async () => {
        const next = reading(path);
        await waitUntil(() => next.said !== "" || next.closed, { deadlineMs: 10_000, what: "an answer" });
        return next.said !== "";
      },
      { deadlineMs: 10_000, what: "a free place" },
    );
  });

  it("says good-bye, and takes its socket's file along", async () => {
    const { path, server } = await serving();
    const client = reading(path);
    await waitUntil(() => client.said.includes("snapshot"), { deadlineMs: 10_000, what: "the greeting" });
    await server.close();
    await waitUntil(() => client.closed, { deadlineMs: 10_000, what: "the end" });
    expect(client.said).toContain('{"event":"shutdown"}');
    expect(fs.existsSync(path)).toBe(false);
  });
});

describe("a connection to a Pod", () => {
  it("leaves out an event that it does not know, and fails at a line that is no JSON", async () => {
    const path = join(temporaryDirectory(), "s.sock");
    const sockets: net.Socket[] = [];
    const server = net.createServer((socket) => {
      sockets.push(socket);
      socket.write(`{"event":"later"}\n${lineOf(snapshot)}`);
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    onTestFinished(() => void server.close());
    const signal = AbortSignal.timeout(20_000);
    const { connection, snapshot: read } = await PodConnection.open(path, signal);
    expect(read.pod).toBe("pod");
    const next = connection.next(() => undefined, signal);
    sockets[0]?.write("broken\n");
    await expect(next).rejects.toMatchObject({ code: "pod_unreachable" });
  });

  it("hears nothing of what comes after a line that is no JSON, in the same piece", async () => {
    const path = join(temporaryDirectory(), "s.sock");
    const server = net.createServer((socket) => void socket.end(`broken\n${lineOf(snapshot)}`));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    onTestFinished(() => void server.close());
    await expect(PodConnection.open(path, AbortSignal.timeout(20_000))).rejects.toMatchObject({
      code: "pod_unreachable",
    });
  });
});
