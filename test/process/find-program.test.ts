import fs from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { findProgram } from "../../src/pod/find-program.js";
import { temporaryDirectory } from "../fixtures/temporary.js";

let cwd: string;

beforeEach(() => {
  cwd = temporaryDirectory();
  for (const name of ["first", "second", "second/folder"]) fs.mkdirSync(join(cwd, name));
  fs.writeFileSync(join(cwd, "first/plain"), "", { mode: 0o644 });
  fs.writeFileSync(join(cwd, "second/plain"), "", { mode: 0o755 });
  fs.writeFileSync(join(cwd, "second/tool"), "", { mode: 0o755 });
});

test("a name with a slash is a path from the directory, whatever PATH says", () => {
  expect(findProgram("second/tool", { path: "/bin", cwd })).toEqual({
    kind: "found",
    file: join(cwd, "second/tool"),
  });
  expect(findProgram("./tool", { path: join(cwd, "second"), cwd })).toEqual({ kind: "missing" });
  expect(findProgram(join(cwd, "second/tool"), { path: "", cwd })).toMatchObject({ kind: "found" });
  expect(findProgram("second/tool/x", { path: "", cwd })).toEqual({ kind: "missing" });
});

test("any other is looked for in PATH, past what cannot be run", () => {
  const path = `${join(cwd, "first")}:second`;
  expect(findProgram("plain", { path, cwd })).toEqual({ kind: "found", file: join(cwd, "second/plain") });
  expect(findProgram("tool", { path, cwd })).toEqual({ kind: "found", file: join(cwd, "second/tool") });
  expect(findProgram("tool", { path: join(cwd, "first"), cwd })).toEqual({ kind: "missing" });
  expect(findProgram("tool", { path: "/nowhere:", cwd: join(cwd, "second") })).toMatchObject({
    kind: "found",
  });
  expect(findProgram("sh", { path: undefined, cwd })).toMatchObject({ kind: "found" });
  expect(findProgram("", { path, cwd })).toEqual({ kind: "missing" });
});

test("a file without permission and a directory are told as what cannot be run", () => {
  const place = { path: `first:second`, cwd };
  expect(findProgram("first/plain", place)).toEqual({
    kind: "notExecutable",
    file: join(cwd, "first/plain"),
  });
  expect(findProgram("folder", place)).toEqual({ kind: "notExecutable", file: join(cwd, "second/folder") });
});
