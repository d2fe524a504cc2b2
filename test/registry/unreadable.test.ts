import { describe, expect, test } from "vitest";
import { isThere, listIfThere, readIfThere, readTextIfThere } from "../../src/registry/durable.js";

/** Longer than any file system takes: the kernel does not say whether it is there. */
const UNANSWERED = `/tmp/${"x".repeat(300)}`;
/** The memory of this process, which has nothing at its first byte. */
const BROKEN = "/proc/self/mem";

describe("an error is never taken for absence:", () => {
  test.each([
    ["the text of a file", () => readTextIfThere(UNANSWERED)],
    ["the bytes of a file", () => readIfThere(UNANSWERED)],
    ["whether there is one", () => isThere(UNANSWERED)],
    ["the names in a directory", () => listIfThere(UNANSWERED)],
  ])("%s", (_what, look) => {
    expect(look).toThrow(expect.objectContaining({ code: "io_failed" }) as Error);
    expect(look).toThrow("ENAMETOOLONG");
  });

  test.skipIf(process.platform !== "linux").each([
    ["text", readTextIfThere],
    ["bytes", readIfThere],
  ])("a file's %s, where the file opens and its first byte cannot be read", (_what, read) => {
    expect(() => read(BROKEN)).toThrow(
      expect.objectContaining({
        code: "io_failed",
        hint: expect.stringContaining("disk") as string,
      }) as Error,
    );
    expect(() => read(BROKEN)).toThrow("EIO");
  });
});
