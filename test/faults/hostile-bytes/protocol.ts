import net from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { LaunchClaimError } from "../../../src/errors.js";
import { PodServer } from "../../../src/pod/pod-server.js";
import { PodConnection } from "../../../src/protocol/connection.js";
import { LineSplitter } from "../../../src/protocol/lines.js";
import {
  parseEvent,
  parseMethod,
  type Method,
  type Parsed,
  type PodEvent,
} from "../../../src/protocol/messages.js";
import { optionsOf, titleOf } from "../../../src/protocol/permission.js";
import { patient } from "../../fixtures/registry-bench.js";
import { disposableDirectory } from "../../fixtures/temporary.js";
import { EVENTS, METHODS } from "./messages.js";
import { hostileJson, pathsIn, valueAt, withText } from "./mutations.js";
import { demand, forAll, ours, type Amount, type Part } from "./property.js";

/** Small, so that a line which is too long is nothing to wait for. */
const MAX_LINE_BYTES = 64 * 1024;
/** Where the agent's own words go through unaltered: anything may stand there. */
const ANYTHING = /^data\.(?:request|events\.\d+)(?:\.|$)/u;

export async function sweepProtocol({
  seed,
  lines,
  connections,
}: {
  readonly seed: number;
  readonly lines: number;
  readonly connections: number;
}): Promise<readonly Part[]> {
  return [
    swapEveryField("methods", METHODS, parseMethod),
    swapEveryField("events", EVENTS, parseEvent),
    await sweepLines({ seed, cases: lines }),
    await sweepServer({ seed, cases: connections }),
    await sweepClient({ seed, cases: connections }),
  ];
}

/** No draw: each field of each valid message, with a value of each other type. What is understood has the types that are promised. */
function swapEveryField(
  what: string,
  messages: readonly object[],
  parse: (line: string) => Parsed<object>,
): Part {
  const violations: string[] = [];
  let count = 0;
  for (const message of messages) {
    if (parse(JSON.stringify(message)).kind !== "message")
      violations.push(`${JSON.stringify(message)} is not understood`);
    for (const path of pathsIn(message)) {
      if (
        path.length === 0 ||
        ANYTHING.test(path.join(".")) ||
        (valueAt(message, ["event"]) === "update" && path[0] === "data")
      )
        continue;
      const was = typeOf(valueAt(message, path));
      for (const put of ["null", "true", "7", '"text"', "[]", "[7]", "{}", '{"__proto__":{}}']) {
        if (typeOf(JSON.parse(put)) === was) continue;
        count += 1;
        const line = withText(message, path, put);
        if (parse(line).kind !== "unknown") violations.push(`${path.join(".")} may be ${put}: ${line}`);
      }
    }
  }
  return { count: [`${what} with a field of another type`, count], violations };
}

function typeOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}

const anyMessage = (messages: readonly object[]) =>
  fc.constantFrom(...messages).chain((message) => hostileJson(message));

/** Lines that are read: understood, not known or broken, and never an exception; wherever the stream was cut. */
async function sweepLines(amount: Amount): Promise<Part> {
  const values = fc.tuple(
    fc.array(anyMessage([...METHODS, ...EVENTS]), { minLength: 1, maxLength: 4 }),
    fc.array(fc.nat(), { maxLength: 6 }),
  );
  return await forAll("streams of damaged protocol lines", amount, values, ([parts, cuts]) => {
    const stream = Buffer.concat(parts.flatMap((part) => [part, Buffer.from("\n")]));
    const splitter = new LineSplitter();
    const lines = cutAt(stream, cuts).flatMap((chunk) => [...splitter.push(chunk)]);
    demand(
      isDeepStrictEqual(lines, [...new LineSplitter().push(stream)]) && splitter.rest === "",
      "the lines depend on where the stream was cut",
    );
    for (const line of lines) {
      for (const parsed of [parseMethod(line), parseEvent(line)]) {
        demand((parsed.kind === "broken") === !isJson(line), `a line is ${parsed.kind}, which it is not`);
        // Nothing came in by another object's properties.
        if (parsed.kind === "message") {
          demand(Object.getPrototypeOf(parsed.message) === Object.prototype, "a message is no plain object");
        }
      }
      if (!isJson(line)) continue;
      demand(
        typeof titleOf(JSON.parse(line)) === "string" && Array.isArray(optionsOf(JSON.parse(line))),
        "a permission request is not taken for what it is",
      );
    }
  });
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

/** Streams with a valid line among them now and then, and with one that is too long. */
const anyStream = (messages: readonly object[]) =>
  fc
    .tuple(
      fc.array(
        fc.oneof(
          { weight: 1, arbitrary: anyMessage(messages) },
          {
            weight: 3,
            arbitrary: fc.constantFrom(...messages).map((one) => Buffer.from(JSON.stringify(one))),
          },
        ),
        { maxLength: 5 },
      ),
      fc.constantFrom("", "", "", "{", "x".repeat(MAX_LINE_BYTES + 1)),
      fc.array(fc.nat(), { maxLength: 3 }),
    )
    .map(([parts, end, cuts]) =>
      cutAt(Buffer.concat([...parts.flatMap((part) => [part, Buffer.from("\n")]), Buffer.from(end)]), cuts),
    );

/** The messages that a reader must take from a stream: all, up to the first line that is no JSON or too long. */
function understoodIn<Message>(
  chunks: readonly Buffer[],
  parse: (line: string) => Parsed<Message>,
  maxLineBytes: number,
): { readonly line: string; readonly message: Message }[] {
  const understood: { readonly line: string; readonly message: Message }[] = [];
  for (const line of Buffer.concat(chunks).toString().split("\n").slice(0, -1)) {
    const parsed = parse(line);
    if (parsed.kind === "broken" || Buffer.byteLength(line) > maxLineBytes) break;
    if (parsed.kind === "message") understood.push({ line, message: parsed.message });
  }
  return understood;
}

/** The Pod's end: takes what is valid before the first broken line, nothing after it, and serves the next client. */
async function sweepServer(amount: Amount): Promise<Part> {
  using directory = disposableDirectory();
  const path = join(directory.path, "s.sock");
  let methods: Method[] = [];
  const [snapshot] = EVENTS;
  const server = new PodServer(
    {
      greet: (client) => client.send(snapshot),
      method: (client, method) => {
        methods.push(method);
        if (method.method === "status") client.send({ event: "status", data: { status: "idle" } });
      },
    },
    { maxLineBytes: MAX_LINE_BYTES },
  );
  await server.listen(path);
  try {
    const bystander = (await PodConnection.open(path, patient.signal)).connection;
    const part = await forAll("streams to a Pod", amount, anyStream(METHODS), async (chunks) => {
      methods = [];
      await send(path, chunks);
      const expected = understoodIn(chunks, parseMethod, MAX_LINE_BYTES)
        .map(({ message }) => message)
        .filter(({ method }) => method !== "updates");
      demand(isDeepStrictEqual(methods, expected), `the Pod took ${methods.length}, not ${expected.length}`);
      const status = (event: PodEvent) => (event.event === "status" ? event.data.status : undefined);
      demand(
        (await bystander.request({ method: "status" }, status, patient.signal)) === "idle",
        "another client is not served",
      );
    });
    bystander.close();
    return part;
  } finally {
    await server.close();
  }
}

/** Resolves when the connection is over: its other end has read everything by then, or has refused to. */
async function send(path: string, chunks: readonly Buffer[]): Promise<void> {
  const socket = net.connect(path);
  socket.on("error", () => undefined);
  socket.resume();
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  for (const chunk of chunks) socket.write(chunk);
  socket.end();
  await closed;
}

/** The client's end: hears what is valid before the first broken line, is told once that the Pod is lost, and waits for nothing then. */
async function sweepClient(amount: Amount): Promise<Part> {
  using directory = disposableDirectory();
  const path = join(directory.path, "s.sock");
  let chunks: readonly Buffer[] = [];
  const server = net.createServer((socket) => {
    socket.on("error", () => undefined);
    socket.resume();
    for (const chunk of chunks) socket.write(chunk);
    socket.end();
  });
  server.listen(path);
  await once(server, "listening");
  try {
    return await forAll("streams to a client", amount, anyStream(EVENTS), async (given) => {
      // The client's own limit is 16 MiB: here every line has an end, or is cut off with the connection.
      chunks = given;
      const heard: string[] = [];
      let losses = 0;
      let tellLost: () => void = () => undefined;
      const lost = new Promise<void>((resolve) => (tellLost = resolve));
      const listener = {
        event: (event: PodEvent | undefined, line: string) => {
          if (event) heard.push(line);
        },
        lost: () => {
          losses += 1;
          tellLost();
        },
      };
      const opened = await ours(() => PodConnection.open(path, patient.signal, listener));
      await lost;
      // A socket tells its error and its end apart: the second comes with the end of a turn of the event loop.
      for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      const expected = understoodIn(given, parseEvent, Infinity);
      demand(
        isDeepStrictEqual(
          heard,
          expected.map(({ line }) => line),
        ),
        `the client heard ${heard.length} events, not ${expected.length}`,
      );
      demand(losses === 1, `the client was told ${losses} times that the Pod is lost`);
      const greeted = expected.map(({ message }) => message).find((event) => event.event === "snapshot");
      if (LaunchClaimError.is(opened)) {
        const isDue = opened.code === "pod_unreachable" && greeted === undefined;
        demand(isDue, `opening ended with ${opened.code}`);
        return;
      }
      demand(isDeepStrictEqual(opened.snapshot, greeted?.data), "the snapshot is not the first that came");
      const next = await ours(() => opened.connection.next((event) => event, patient.signal));
      demand(
        LaunchClaimError.is(next) && next.code === "pod_unreachable",
        "somebody waits for a Pod that is lost",
      );
    });
  } finally {
    server.close();
  }
}
