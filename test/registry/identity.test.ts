import fs from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { claimed, errorOf, RegistryBench, treeOf } from "../fixtures/registry-bench.js";

/** A registry with a claim, whose `registry.json` was replaced; what it holds must stay as it is, byte for byte. */
async function benchWith(identity: string | ((bench: RegistryBench) => string)) {
  const bench = new RegistryBench();
  await claimed(bench.open(), "T-1");
  fs.writeFileSync(bench.layout.registry, typeof identity === "string" ? identity : identity(bench));
  return { bench, before: treeOf(bench.directory) };
}

test("a registry says to whom it belongs: format, version and the workspace's real path", () => {
  const bench = new RegistryBench();
  bench.open();
  expect(JSON.parse(fs.readFileSync(bench.layout.registry, "utf8"))).toEqual({
    format: "launch-claim/registry",
    version: 1,
    workspace: bench.project,
  });
});

test("opening a registry again changes nothing on disk", () => {
  const bench = new RegistryBench();
  bench.open();
  const before = treeOf(bench.home);
  bench.open();
  expect(treeOf(bench.home)).toEqual(before);
});

describe("a registry.json", () => {
  test("of a newer version is registry_newer, and nothing is changed", async () => {
    const { bench, before } = await benchWith(
      '{"format":"launch-claim/registry","version":2,"workspaces":["/elsewhere"]}',
    );
    const { code, message, hint } = await errorOf(() => bench.launcher());
    expect(code).toBe("registry_newer");
    expect(message).toBe(`${bench.layout.registry} was written by a newer launch-claim (version 2)`);
    expect(hint).toBe("Update launch-claim in this program; nothing was changed.");
    expect(treeOf(bench.directory)).toEqual(before);
  });

  test("of a newer version, beside directories that only the newer program knows, is refused with nothing changed", async () => {
    const { bench } = await benchWith('{"format":"launch-claim/registry","version":2}');
    for (const old of [bench.layout.pods, bench.layout.history]) fs.rmSync(old, { recursive: true });
    fs.mkdirSync(join(bench.layout.root, "runs"));
    const before = treeOf(bench.directory);
    expect((await errorOf(() => bench.launcher())).code).toBe("registry_newer");
    expect(treeOf(bench.directory)).toEqual(before);
  });

  test("of another workspace is registry_foreign, which names both, and nothing is changed", async () => {
    const { bench, before } = await benchWith(
      '{"format":"launch-claim/registry","version":1,"workspace":"/some/where/else"}',
    );
    const { code, message, hint } = await errorOf(() => bench.launcher());
    expect(code).toBe("registry_foreign");
    expect(message).toContain('is the registry of "/some/where/else"');
    expect(message).toContain(`not of ${bench.project}`);
    expect(hint).toContain("Set LAUNCH_CLAIM_HOME to another directory");
    expect(treeOf(bench.directory)).toEqual(before);
  });

  test("of a registry that was copied to another workspace's place is registry_foreign", async () => {
    const bench = new RegistryBench();
    await claimed(bench.open(), "T-1");
    const other = join(bench.directory, "other", "project");
    fs.mkdirSync(other, { recursive: true });
    const elsewhere = bench.launcher({ workspace: other });
    const theirs = fs
      .readdirSync(dirname(bench.layout.root))
      .find((name) => !bench.layout.root.endsWith(name))!;
    fs.cpSync(bench.layout.root, join(dirname(bench.layout.root), theirs), { recursive: true });
    expect((await errorOf(() => bench.launcher({ workspace: other }))).code).toBe("registry_foreign");
    // One that was opened before goes on: who it belongs to was settled then.
    expect((await elsewhere.status()).claims).toHaveLength(1);
  });

  test.each([
    ["that is empty", "", "it is not JSON"],
    ["that is cut short", '{"format":"launch-claim/regis', "it is not JSON"],
    ["that is no object", "[1]", 'its "format" is undefined, not "launch-claim/registry"'],
    [
      "of another format",
      '{"format":"launch-claim/claim","version":1}',
      'its "format" is "launch-claim/claim"',
    ],
    [
      "without a version",
      '{"format":"launch-claim/registry","workspace":"/x"}',
      'its "version" is undefined',
    ],
    ["with a version of text", '{"format":"launch-claim/registry","version":"1"}', 'its "version" is "1"'],
    ["without a workspace", '{"format":"launch-claim/registry","version":1}', 'at "workspace"'],
  ])("%s is record_damaged, which says where and why, and nothing is changed", async (_, text, says) => {
    const { bench, before } = await benchWith(text);
    const { code, message } = await errorOf(() => bench.launcher());
    expect(code).toBe("record_damaged");
    expect(message).toContain(`${bench.layout.registry} is damaged: `);
    expect(message).toContain(says);
    expect(treeOf(bench.directory)).toEqual(before);
  });

  test("that is a link is not followed: record_damaged, and nothing is changed", async () => {
    const { bench } = await benchWith("");
    const elsewhere = join(bench.directory, "registry.json");
    fs.writeFileSync(
      elsewhere,
      `{"format":"launch-claim/registry","version":1,"workspace":"${bench.project}"}`,
    );
    fs.rmSync(bench.layout.registry);
    fs.symlinkSync(elsewhere, bench.layout.registry);
    const before = treeOf(bench.directory);
    const { code, message } = await errorOf(() => bench.launcher());
    expect(code).toBe("record_damaged");
    expect(message).toContain("symbolic link");
    expect(treeOf(bench.directory)).toEqual(before);
  });

  test("with fields that this program does not know is used, and kept as it is", async () => {
    const { bench } = await benchWith(({ project }) =>
      JSON.stringify({ format: "launch-claim/registry", version: 1, workspace: project, since: "2027" }),
    );
    const before = fs.readFileSync(bench.layout.registry);
    expect((await bench.launcher().status()).claims).toHaveLength(1);
    expect(fs.readFileSync(bench.layout.registry)).toEqual(before);
  });
});
