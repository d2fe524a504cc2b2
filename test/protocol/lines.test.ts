import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineSplitter, lineOf, LineTooLong, MAX_LINE_BYTES } from "../../src/protocol/lines.js";
import { parseEvent, parseMethod } from "../../src/protocol/messages.js";

function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

describe("lines", () => {
  it("are the same wherever the stream is split, also within a character", () => {
    const text = fc.string({ unit: "binary", maxLength: 30 }).map((line) => line.replaceAll("\n", ""));
    fc.assert(
      fc.property(
        fc.array(text, { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (lines, places) => {
          const splitter = new LineSplitter();
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
          const expected = bytes.toString("utf8").split("\n").slice(0, -1);
          expect(cutAt(bytes, places).flatMap((chunk) => [...splitter.push(chunk)])).toEqual(expected);
          expect(splitter.rest).toBe("");
        },
      ),
    );
  });

  it("survive as messages, whatever text is in them", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (content) => {
        const splitter = new LineSplitter();
        const lines = [...splitter.push(Buffer.from(lineOf({ content })))];
        expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([{ content }]);
      }),
    );
  });

  it("keep what is no UTF-8 as the replacement character", () => {
    const lines = [...new LineSplitter().push(Buffer.from([0x61, 0xff, 0xc3, 0x0a, 0x62, 0x0a]))];
    expect(lines).toEqual(["a��", "b"]);
  });

  it("may be as long as the limit and no longer, and those before a longer one are given", () => {
    const splitter = new LineSplitter(4);
    expect([...splitter.push(Buffer.from("four\n"))]).toEqual(["four"]);
    const given: string[] = [];
    expect(() => {
      for (const line of splitter.push(Buffer.from("ok\nfiver\n"))) given.push(line);
    }).toThrow(LineTooLong);
    expect(given).toEqual(["ok"]);
  });

  it("are refused at 16 MiB, before a newline was seen", () => {
    expect(MAX_LINE_BYTES).toBe(16 * 1024 * 1024);
    const splitter = new LineSplitter();
    expect([...splitter.push(Buffer.alloc(MAX_LINE_BYTES))]).toEqual([]);
    expect(() => [...splitter.push(Buffer.from("x"))]).toThrow(LineTooLong);
  });
});

describe("messages", () => {
  it("are understood, not known, or broken, and nothing that comes makes the reader fail", () => {
    const almost = fc.record(
      {
        method: fc.oneof(fc.constantFrom("run", "cancel", "status", "notify", "shutdown"), fc.string()),
        event: fc.oneof(fc.constantFrom("snapshot", "update", "error", "shutdown"), fc.string()),
        params: fc.jsonValue(),
        data: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const line = fc.oneof(
      fc.string(),
      fc.json(),
      almost.map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(line, (given) => {
        let isJson = true;
        try {
          JSON.parse(given);
        } catch {
          isJson = false;
        }
        for (const { kind } of [parseMethod(given), parseEvent(given)])
          expect(kind === "broken").toBe(!isJson);
      }),
    );
  });

  it("may carry more than is known here", () => {
    const line = JSON.stringify({ method: "cancel", params: { run_id: "r", later: 1 }, later: 2 });
    expect(parseMethod(line)).toEqual({
      kind: "message",
      message: { method: "cancel", params: { run_id: "r" } },
    });
  });

  it("that nest deeper than any stack are only not known", () => {
    const nested = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    expect(parseMethod(`{"method":"run","params":${nested}}`).kind).toBe("unknown");
    expect(parseEvent(`{"event":"later","data":${nested}}`).kind).toBe("unknown");
  });
});
