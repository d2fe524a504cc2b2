import fs from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { claimed, errorOf, RegistryBench, treeOf } from "../fixtures/registry-bench.js";
import { canMount, mountFuse } from "../fixtures/registry-mounts.js";

const isRoot = process.geteuid?.() === 0;

/** Every directory whose owner could forge a claim, and where it is. */
const directories: Readonly<Record<string, (bench: RegistryBench) => string>> = {
  "the data directory": ({ home }) => home,
  workspaces: ({ home }) => join(home, "workspaces"),
  "the workspace's directory": ({ layout }) => layout.root,
  claims: ({ layout }) => layout.claims,
  sessions: ({ layout }) => layout.sessions,
  history: ({ layout }) => layout.history,
  pods: ({ layout }) => layout.pods,
  locks: ({ layout }) => layout.locks,
};

/** A registry with a claim in it, that another process is about to open. */
async function benchWithClaim(): Promise<RegistryBench> {
  const bench = new RegistryBench();
  await claimed(bench.open(), "T-1");
  return bench;
}

/** That the registry is not opened, and that nothing was changed on disk by refusing it. */
async function expectUnsafe(bench: RegistryBench, path: string, says: { what: string; hint: string }) {
  const before = treeOf(bench.directory);
  const error = await errorOf(() => bench.launcher());
  expect({ code: error.code, message: error.message, hint: error.hint }).toEqual({
    code: "directory_unsafe",
    message: `the registry directory ${path} ${says.what}`,
    hint: says.hint,
  });
  expect(treeOf(bench.directory)).toEqual(before);
}

describe.each(Object.entries(directories))("%s", (_, pathIn) => {
  test("that is a symbolic link is refused, even if it leads to a private directory of ours", async () => {
    const bench = await benchWithClaim();
    const path = pathIn(bench);
    const moved = join(bench.directory, "moved");
    fs.renameSync(path, moved);
    fs.symlinkSync(moved, path);
    await expectUnsafe(bench, path, {
      what: "is a symbolic link",
      hint: "Replace it by the directory itself.",
    });
  });

  test("that is a link to nowhere is refused, and nothing is created where it leads", async () => {
    const bench = await benchWithClaim();
    const path = pathIn(bench);
    fs.renameSync(path, join(bench.directory, "moved"));
    fs.symlinkSync(join(bench.directory, "nowhere"), path);
    await expectUnsafe(bench, path, {
      what: "is a symbolic link",
      hint: "Replace it by the directory itself.",
    });
  });

  test("in whose place a file stands is refused", async () => {
    const bench = await benchWithClaim();
    const path = pathIn(bench);
    fs.renameSync(path, join(bench.directory, "moved"));
    fs.writeFileSync(path, "");
    await expectUnsafe(bench, path, { what: "is not a directory", hint: "Move it away." });
  });

  test.each([0o770, 0o702, 0o1777])(
    "that the group or others can write (mode %o) is refused, with its mode and what mends it",
    async (mode) => {
      const bench = await benchWithClaim();
      const path = pathIn(bench);
      fs.chmodSync(path, mode);
      await expectUnsafe(bench, path, {
        what: `can be written by others (mode 0${(mode & 0o777).toString(8)})`,
        hint: `Run: chmod 700 ${path}`,
      });
    },
  );

  test("that others can only read is used", async () => {
    const bench = await benchWithClaim();
    fs.chmodSync(pathIn(bench), 0o755);
    expect((await bench.launcher().status()).claims).toHaveLength(1);
  });

  test.skipIf(!isRoot)("that belongs to another user is refused (needs root, to give it away)", async () => {
    const bench = await benchWithClaim();
    const path = pathIn(bench);
    fs.chownSync(path, 12345, 12345);
    await expectUnsafe(bench, path, {
      what: "belongs to user 12345, not to user 0",
      hint: "Choose a directory of your own.",
    });
  });
});

test("a data directory that is a link is refused however its name ends", async () => {
  const bench = await benchWithClaim();
  const link = join(bench.directory, "link");
  fs.symlinkSync(bench.home, link);
  for (const home of [link, `${link}/`, `${link}//`, `${link}/.`]) {
    const { code } = await errorOf(() => bench.launcher({ home }));
    expect(code, home).toBe("directory_unsafe");
  }
});

describe("a fresh registry is for its user alone: directories 0700, files 0600, whatever is in it,", () => {
  test.each([0o000, 0o022, 0o077])("with umask %o", async (mask) => {
    const before = process.umask(mask);
    onTestFinished(() => void process.umask(before));
    const bench = new RegistryBench();
    // Parents that have to be created, too.
    const home = join(bench.directory, "deep", "er", "home");
    const launcher = bench.launcher({ home });

    // Everything that a registry can hold: locks, Pods, sessions, claims, history, damaged or not.
    for (const id of ["T-1", "T-2", "a".repeat(300)]) {
      expect(await bench.launch(id, launcher)).toMatchObject({ status: "claimed" });
    }
    await launcher.recordSession({ pod: "p", role: "intake" });
    await launcher.stop({ id: "T-1" });
    await launcher.release({ id: "T-1" });
    const claims = join(home, "workspaces", fs.readdirSync(join(home, "workspaces"))[0]!, "claims");
    fs.truncateSync(join(claims, "T-2.json"), 10);
    const damaged = (await launcher.status({ id: "T-2" })).claims[0];
    await launcher.reclaim({ id: "T-2" }, { expect: damaged?.expect ?? "" });

    const modes = Object.entries(treeOf(home)).map(([path, entry]) => `${path} ${entry.slice(0, 15).trim()}`);
    const wrong = modes.filter((line) => !/ directory 0700$| file 0600( |$)/u.test(line));
    expect(modes.filter((line) => line.includes(" file ")).length).toBeGreaterThan(10);
    expect(wrong).toEqual([]);
    expect(fs.statSync(dirname(home)).mode & 0o777).toBe(0o700);
  });
});

describe.skipIf(!canMount())("a registry on a shared file system (a real FUSE mount; needs root)", () => {
  test("is refused with filesystem_unsupported, by name and with what to do", async () => {
    const bench = new RegistryBench();
    fs.mkdirSync(bench.layout.root, { recursive: true, mode: 0o700 });
    await mountFuse(bench.layout.root);
    const { code, message, hint } = await errorOf(() => bench.launcher());
    expect({ code, message, hint }).toEqual({
      code: "filesystem_unsupported",
      message: `the registry ${bench.layout.root} is on FUSE, a shared file system`,
      hint: "Set LAUNCH_CLAIM_HOME to a directory on a local disk: locks on a shared file system may be granted twice.",
    });
  });
});
