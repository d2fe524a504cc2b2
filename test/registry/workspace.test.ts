import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { dataHome, findWorkspace } from "../../src/registry/workspace.js";
import { errorOf, RegistryBench, treeOf } from "../fixtures/registry-bench.js";
import { canMount, mountReadOnly } from "../fixtures/registry-mounts.js";
import { temporaryDirectory } from "../fixtures/temporary.js";

function git(directory: string, ...args: string[]): void {
  const identity = [
    "-c",
    "user.name=t",
    "-c",
    "user.email=t@example.org",
    "-c",
    "protocol.file.allow=always",
  ];
  const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" };
  execFileSync("git", [...identity, ...args], { cwd: directory, env, stdio: "pipe" });
}

function repository(directory: string): string {
  fs.mkdirSync(directory, { recursive: true });
  git(directory, "init", "--quiet");
  git(directory, "commit", "--quiet", "--allow-empty", "--message=first");
  return directory;
}

describe("the workspace", () => {
  test("that does not exist is refused, and nothing is created", async () => {
    const bench = new RegistryBench();
    const before = treeOf(bench.directory);
    const missing = join(bench.directory, "missing");
    const { code, message, hint } = await errorOf(() => bench.launcher({ workspace: missing }));
    expect(code).toBe("workspace_missing");
    expect(message).toContain(missing);
    expect(hint).toContain("Name an existing directory");
    expect(treeOf(bench.directory)).toEqual(before);
  });

  test("that is a file, or a link to nowhere, is refused", async () => {
    const bench = new RegistryBench();
    const file = join(bench.directory, "file");
    fs.writeFileSync(file, "");
    const dangling = join(bench.directory, "dangling");
    fs.symlinkSync(join(bench.directory, "nowhere"), dangling);
    for (const workspace of [file, dangling]) {
      const { code, message } = await errorOf(() => bench.launcher({ workspace }));
      expect(code).toBe("workspace_missing");
      expect(message).toContain(workspace);
    }
  });

  test("that is an empty name is refused, not taken for the current directory", async () => {
    const { code } = await errorOf(() => new RegistryBench().launcher({ workspace: "" }));
    expect(code).toBe("workspace_missing");
  });

  test("reached by a link is the workspace itself: one registry, and a claim blocks there too", async () => {
    const bench = new RegistryBench();
    const link = join(bench.directory, "link");
    fs.symlinkSync(bench.project, link);
    expect(await bench.launch("T-1")).toMatchObject({ status: "claimed" });
    expect(await bench.launch("T-1", bench.launcher({ workspace: link }))).toMatchObject({
      status: "blocked",
      by: "live",
    });
  });

  test("is not shared with another of the same name: each has its own registry and claims", async () => {
    const bench = new RegistryBench();
    const other = join(bench.directory, "elsewhere", "project");
    fs.mkdirSync(other, { recursive: true });
    expect(findWorkspace(other, bench.home).directory).not.toBe(bench.layout.root);

    const elsewhere = bench.launcher({ workspace: other });
    expect(await bench.launch("T-1")).toMatchObject({ status: "claimed" });
    expect(await elsewhere.status()).toEqual({ claims: [] });
    expect(await bench.launch("T-1", elsewhere)).toMatchObject({ status: "claimed" });
    expect(fs.readdirSync(join(bench.home, "workspaces"))).toHaveLength(2);
  });

  test("has a directory named readably and by the hash of its real path, whatever its own name", () => {
    const directory = temporaryDirectory();
    for (const name of ["my project (2)", "...", "ü", "x".repeat(200), "-", "a\nb"]) {
      fs.mkdirSync(join(directory, name));
      const { directory: registry } = findWorkspace(join(directory, name), "/home");
      expect(registry).toMatch(/^\/home\/workspaces\/[A-Za-z0-9_-]{1,60}-[0-9a-f]{12}$/u);
    }
  });
});

describe("git", () => {
  test("worktrees share one registry with the main checkout, both ways, and a claim of one blocks in the others", async () => {
    const bench = new RegistryBench();
    const main = repository(bench.project);
    const worktree = join(bench.directory, "worktree");
    git(main, "worktree", "add", "--quiet", worktree);
    git(main, "worktree", "add", "--quiet", "--detach", join(main, "inner"));

    const inMain = bench.launcher();
    const inWorktree = bench.launcher({ workspace: worktree });
    expect(await bench.launch("T-1", inWorktree)).toMatchObject({ status: "claimed" });
    expect(await bench.launch("T-1", inMain)).toMatchObject({ status: "blocked", by: "live" });
    expect(await bench.launch("T-1", bench.launcher({ workspace: join(main, "inner") }))).toMatchObject({
      status: "blocked",
      by: "live",
    });
    expect(fs.readdirSync(join(bench.home, "workspaces"))).toHaveLength(1);
    expect(findWorkspace(worktree, bench.home)).toMatchObject({ root: worktree, main });
  });

  test("worktrees of a bare repository share one registry", () => {
    const directory = temporaryDirectory();
    const bare = join(directory, "project.git");
    git(directory, "clone", "--quiet", "--bare", repository(join(directory, "origin")), bare);
    const trees = ["one", "two"].map((name) => join(directory, name));
    for (const tree of trees) git(bare, "worktree", "add", "--quiet", "--detach", tree);
    const registries = trees.map((tree) => findWorkspace(tree, "/home").directory);
    expect(registries[0]).toBe(registries[1]);
  });

  test("a submodule has a registry of its own", () => {
    const { outer, inner } = withSubmodule(temporaryDirectory());
    expect(findWorkspace(inner, "/home")).toMatchObject({ root: inner });
    expect(findWorkspace(inner, "/home").directory).not.toBe(findWorkspace(outer, "/home").directory);
  });

  test("a worktree of a submodule shares the registry of that submodule", () => {
    const directory = temporaryDirectory();
    const { inner } = withSubmodule(directory);
    const worktree = join(directory, "worktree");
    git(inner, "worktree", "add", "--quiet", "--detach", worktree);
    expect(findWorkspace(worktree, "/home").directory).toBe(findWorkspace(inner, "/home").directory);
  });

  test("a worktree of a checkout whose git directory lies elsewhere shares the registry of that checkout", () => {
    const directory = temporaryDirectory();
    const [main, worktree] = [join(directory, "main"), join(directory, "worktree")];
    const origin = repository(join(directory, "origin"));
    git(directory, "clone", "--quiet", `--separate-git-dir=${join(directory, "main.git")}`, origin, main);
    git(main, "worktree", "add", "--quiet", "--detach", worktree);
    expect(findWorkspace(worktree, "/home").directory).toBe(findWorkspace(main, "/home").directory);
  });

  test("a pointer that leads nowhere is no repository: the directory speaks for itself", () => {
    const directory = temporaryDirectory();
    for (const pointer of ["gitdir: /nowhere/worktrees/x\n", "gitdir:", "", "\0\xff"]) {
      fs.writeFileSync(join(directory, ".git"), pointer);
      expect(findWorkspace(directory, "/home")).toMatchObject({ root: directory, main: directory });
    }
  });

  function withSubmodule(directory: string): { outer: string; inner: string } {
    const outer = repository(join(directory, "outer"));
    git(outer, "submodule", "--quiet", "add", repository(join(directory, "library")), "inner");
    return { outer, inner: join(outer, "inner") };
  }
});

describe("the data directory", () => {
  const hint = "Set LAUNCH_CLAIM_HOME to a directory on a local disk that can be written.";

  test("that is not absolute is refused, given or from LAUNCH_CLAIM_HOME, and nothing is created", async () => {
    const bench = new RegistryBench();
    const before = treeOf(bench.directory);
    for (const home of ["data", "./data", "~/data", ""]) {
      const { code, message } = await errorOf(() => bench.launcher({ home }));
      expect({ code, message }).toEqual({
        code: "request_invalid",
        message: `the data directory must be an absolute path, but is "${home}"`,
      });
    }
    vi.stubEnv("LAUNCH_CLAIM_HOME", "data");
    onTestFinished(() => void vi.unstubAllEnvs());
    const { code, hint: advice } = await errorOf(() => findWorkspace(bench.project));
    expect({ code, advice }).toEqual({
      code: "request_invalid",
      advice: "Set LAUNCH_CLAIM_HOME to an absolute path.",
    });
    expect(treeOf(bench.directory)).toEqual(before);
  });

  test("is LAUNCH_CLAIM_HOME as it is at the time, else the platform's", () => {
    onTestFinished(() => void vi.unstubAllEnvs());
    vi.stubEnv("LAUNCH_CLAIM_HOME", "/one");
    expect(dataHome()).toBe("/one");
    vi.stubEnv("LAUNCH_CLAIM_HOME", "");
    vi.stubEnv("XDG_DATA_HOME", undefined);
    expect(dataHome()).toMatch(/^\/.*launch-claim$/u);
  });

  test("below a regular file is workspace_unwritable, with the hint", async () => {
    const bench = new RegistryBench();
    const file = join(bench.directory, "file");
    fs.writeFileSync(file, "not a directory");
    for (const home of [join(file, "home"), join(file, "deep", "home")]) {
      const error = await errorOf(() => bench.launcher({ home }));
      expect({ code: error.code, hint: error.hint }).toEqual({ code: "workspace_unwritable", hint });
      expect(error.message).toContain(home);
    }
    expect(fs.readFileSync(file, "utf8")).toBe("not a directory");
  });

  test("that cannot be created because its name is too long is workspace_unwritable, with the hint", async () => {
    const bench = new RegistryBench();
    const error = await errorOf(() => bench.launcher({ home: join(bench.directory, "x".repeat(300)) }));
    expect({ code: error.code, hint: error.hint }).toEqual({ code: "workspace_unwritable", hint });
  });

  describe.skipIf(!canMount())("on a read-only mount (real; needs root)", () => {
    test("is workspace_unwritable, with the hint", async () => {
      const bench = new RegistryBench();
      const mounted = mountReadOnly(join(bench.directory, "mounted"));
      for (const home of [join(mounted, "home"), mounted]) {
        const error = await errorOf(() => bench.launcher({ home }));
        expect({ code: error.code, hint: error.hint }).toEqual({ code: "workspace_unwritable", hint });
        expect(error.message).toContain(`could not create the directory ${home}`);
      }
    });

    test("with a registry in it: what is there is read, and a launch fails with a hint and starts nothing", async () => {
      const bench = new RegistryBench();
      const claimed = await bench.launch("T-1");
      mountReadOnly(bench.home, { keep: true });

      const launcher = bench.launcher();
      const { claims } = await launcher.status();
      expect(claims).toMatchObject([{ ticket: { id: "T-1" }, state: "live" }]);
      expect(await bench.launch("T-2", launcher)).toMatchObject({
        status: "failed",
        phase: "spawning",
        code: "io_failed",
        proof: "nothingStarted",
        hint: expect.stringContaining("mounted read-only: set LAUNCH_CLAIM_HOME") as string,
      });
      expect(claimed).toMatchObject({ status: "claimed" });
      expect(bench.runtime.living).toHaveLength(1);
    });
  });
});
