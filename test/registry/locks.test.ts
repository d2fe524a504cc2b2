import fs from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { probeLockFile, takeLockFile, tryLockFile, type FileLock } from "../../src/registry/locks.js";
import { nativeLocks } from "../../src/registry/native-locks.js";
import { locksHeld, waitUntil } from "../fixtures/processes.js";
import { namesIn } from "../fixtures/files.js";
import { errorOf, lockOf, patient, RegistryBench } from "../fixtures/registry-bench.js";
import { startFixture, startProgram } from "../fixtures/registry-children.js";
import { temporaryDirectory } from "../fixtures/temporary.js";

const impatient = { ...patient, patient: false };

/** What the library locks with: the same instance, so that a test can come between its calls. */
const native = nativeLocks();

function lockFile(): string {
  return join(temporaryDirectory(), "T-1.launch");
}

function taken(path: string): FileLock {
  const lock = tryLockFile(path);
  if (lock === undefined) throw new Error(`the lock ${path} should be free`);
  onTestFinished(() => lock.close());
  return lock;
}

/** The descriptors of this process that are open on files below a directory. */
function descriptorsOn(directory: string): string[] {
  return fs.readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(directory);
    } catch {
      return false; // the descriptor that the listing itself was read by
    }
  });
}

async function untilFree(path: string): Promise<void> {
  await waitUntil(() => !locksHeld(path), { deadlineMs: 10_000, what: `${path} to become free` });
}

test("the native module, called without its own JavaScript, locks as it does with it, and each excludes the other", () => {
  const whole = createRequire(import.meta.url)("fs-native-extensions") as typeof native;
  const directory = temporaryDirectory();
  for (const [name, first, second] of [
    ["ours", native, whole],
    ["theirs", whole, native],
  ] as const) {
    const path = join(directory, name);
    const [holder, other, third] = [0, 1, 2].map(() => fs.openSync(path, "a+")) as [number, number, number];
    expect(first.tryLock(holder)).toBe(true);
    expect([second.tryLock(other), second.tryLock(other, { shared: true })]).toEqual([false, false]);
    fs.closeSync(holder);
    expect([second.tryLock(other, { shared: true }), first.tryLock(third, { shared: true })]).toEqual([
      true,
      true,
    ]);
    expect(first.tryLock(third)).toBe(false);
    for (const fd of [other, third]) fs.closeSync(fd);
    expect(() => first.tryLock(holder)).toThrow("bad file descriptor");
  }
});

describe("a lock file", () => {
  test("excludes a second descriptor of the same process, and is free again once it is closed", () => {
    const path = lockFile();
    const first = taken(path);
    expect([locksHeld(path), tryLockFile(path), probeLockFile(path)]).toEqual([true, undefined, "held"]);
    first.close();
    expect([locksHeld(path), probeLockFile(path)]).toEqual([false, "free"]);
    taken(path);
    // Closing what was closed before takes nothing from the next holder, whatever descriptor that one got.
    first.close();
    expect([locksHeld(path), first.held]).toEqual([true, false]);
  });

  test("is created once, empty and private, and never unlinked, so that all meet at one inode", () => {
    const path = lockFile();
    taken(path).close();
    const { ino, size, mode } = fs.statSync(path);
    expect({ size, mode: mode & 0o777 }).toEqual({ size: 0, mode: 0o600 });
    taken(path).close();
    probeLockFile(path);
    expect(fs.statSync(path).ino).toBe(ino);
  });

  test("that is a symbolic link is refused with a hint, whether it leads to a lock file or nowhere", async () => {
    const directory = temporaryDirectory();
    fs.writeFileSync(join(directory, "real"), "");
    for (const target of ["real", "nowhere"]) {
      const path = join(directory, `${target}.launch`);
      fs.symlinkSync(join(directory, target), path);
      for (const act of [() => tryLockFile(path), () => probeLockFile(path)]) {
        const { code, message, hint } = await errorOf(act);
        expect(code).toBe("io_failed");
        expect(message).toContain(path);
        expect(hint).toContain("symbolic link");
      }
    }
    expect(namesIn(directory)).toEqual(["nowhere.launch", "real", "real.launch"]);
    expect(descriptorsOn(directory)).toEqual([]);
  });

  test("that was replaced between opening and locking is not relied on: the lock is taken on the file that stands there", () => {
    const path = lockFile();
    fs.writeFileSync(path, "");
    const replaced = fs.statSync(path).ino;
    const tryLock = native.tryLock;
    vi.spyOn(native, "tryLock").mockImplementationOnce((...args) => {
      // The old file is kept under another name, so that its inode is not used again for the new one.
      fs.renameSync(path, `${path}.old`);
      fs.writeFileSync(path, "");
      return tryLock(...args);
    });
    onTestFinished(() => void vi.restoreAllMocks());

    const lock = taken(path);
    const { ino } = fs.fstatSync(lock.fd);
    expect(ino).not.toBe(replaced);
    expect(ino).toBe(fs.statSync(path).ino);
    expect([locksHeld(path), locksHeld(`${path}.old`)]).toEqual([true, false]);
    expect(descriptorsOn(path)).toHaveLength(1);
  });

  test("that was removed between opening and locking is created anew", () => {
    const path = lockFile();
    const tryLock = native.tryLock;
    vi.spyOn(native, "tryLock").mockImplementationOnce((...args) => {
      fs.unlinkSync(path);
      return tryLock(...args);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const lock = taken(path);
    expect(fs.fstatSync(lock.fd).ino).toBe(fs.statSync(path).ino);
    expect(locksHeld(path)).toBe(true);
  });

  test("that is replaced every time is lock_lost with a hint, and no descriptor is left", async () => {
    const path = lockFile();
    const tryLock = native.tryLock;
    let times = 0;
    vi.spyOn(native, "tryLock").mockImplementation((...args) => {
      times += 1;
      fs.renameSync(path, `${path}.${times}`);
      fs.writeFileSync(path, "");
      return tryLock(...args);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const { code, hint } = await errorOf(() => tryLockFile(path));
    expect(code).toBe("lock_lost");
    expect(hint).toContain("locks directory");
    expect(descriptorsOn(path)).toEqual([]);
  });

  test("is given up, with its descriptor, where the kernel refuses the lock for another reason", async () => {
    const path = lockFile();
    vi.spyOn(native, "tryLock").mockImplementation(() => {
      throw Object.assign(new Error("ENOLCK: no locks available"), { code: "ENOLCK" });
    });
    onTestFinished(() => void vi.restoreAllMocks());
    for (const act of [() => tryLockFile(path), () => probeLockFile(path)]) {
      const { code, message } = await errorOf(act);
      expect({ code, says: message.includes("ENOLCK") }).toEqual({ code: "io_failed", says: true });
    }
    expect(descriptorsOn(path)).toEqual([]);
  });
});

describe("a probe", () => {
  test("of a missing file says free, and creates nothing", () => {
    const path = lockFile();
    expect(probeLockFile(path)).toBe("free");
    expect(fs.existsSync(path)).toBe(false);
  });

  test("of a registry's ticket that nobody knows creates nothing either", async () => {
    const bench = new RegistryBench();
    expect(await bench.open().probeLocks({ id: "T-1" })).toEqual({ launch: "free", pod: "free" });
    expect(namesIn(bench.layout.locks)).toEqual([]);
  });

  test("does not disturb the holder, who keeps the lock after the probe's descriptor was closed", () => {
    const path = lockFile();
    const lock = taken(path);
    for (let times = 0; times < 100; times += 1) expect(probeLockFile(path)).toBe("held");
    // As any reader may, and as drops a lock of the older kind.
    fs.closeSync(fs.openSync(path, "r"));
    expect([lock.held, locksHeld(path), tryLockFile(path)]).toEqual([true, true, undefined]);
  });

  test("does not take another probe for a holder", () => {
    const path = lockFile();
    fs.writeFileSync(path, "");
    const probing = fs.openSync(path, "r");
    onTestFinished(() => fs.closeSync(probing));
    expect(native.tryLock(probing, { shared: true })).toBe(true);
    expect(probeLockFile(path)).toBe("free");
  });
});

describe("taking a lock", () => {
  test("once, if it is not to be patient: undefined while another holds it", async () => {
    const path = lockFile();
    taken(path);
    expect(await takeLockFile(path, impatient)).toBeUndefined();
    expect(await takeLockFile(path, patient)).toBeUndefined();
  });

  test("succeeds if it becomes free while a patient caller waits, as after a fork elsewhere", async () => {
    const path = lockFile();
    const first = taken(path);
    const taking = takeLockFile(path, patient);
    await nextTurn();
    first.close();
    const lock = await taking;
    onTestFinished(() => lock?.close());
    expect([lock?.held, locksHeld(path)]).toEqual([true, true]);
  });

  test("given up while it waits is aborted, and nothing is held when the lock becomes free", async () => {
    const path = lockFile();
    const first = taken(path);
    const giveUp = new AbortController();
    const taking = errorOf(() => takeLockFile(path, giveUp));
    giveUp.abort();
    expect((await taking).code).toBe("aborted");
    first.close();
    expect([locksHeld(path), descriptorsOn(path)]).toEqual([false, []]);
  });

  test("in a directory that was removed says so", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    fs.rmSync(bench.layout.locks, { recursive: true });
    const { code, hint } = await errorOf(() => registry.lockLaunch({ id: "T-1" }, patient));
    expect(code).toBe("io_failed");
    expect(hint).toContain("were removed while it was in use");
  });
});

describe("the locks of a ticket that another process holds", () => {
  const ticket = { id: "owner/repo#12" };

  async function holder(bench: RegistryBench) {
    const child = await startFixture("registry-lock-holder", bench.project, bench.home, ticket.id);
    expect(child.said).toBe("held");
    return child;
  }

  test("exclude this one, and are free once the holder was SIGKILLed", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const child = await holder(bench);
    expect(await registry.probeLocks(ticket)).toEqual({ launch: "held", pod: "held" });
    expect(await registry.lockLaunch(ticket, patient)).toBeUndefined();
    expect(await bench.launch(ticket.id)).toMatchObject({ status: "blocked", by: "inFlight" });
    expect(await bench.launch("another")).toMatchObject({ status: "claimed" });

    await child.kill();
    await untilFree(bench.layout.launchLock(ticket));
    await untilFree(bench.layout.podLock(ticket));
    expect(await registry.probeLocks(ticket)).toEqual({ launch: "free", pod: "free" });
    expect(await bench.launch(ticket.id)).toMatchObject({ status: "claimed" });
  });

  test("are not lost by a holder that is stopped, as on a laptop that sleeps", async () => {
    const bench = new RegistryBench();
    const child = await holder(bench);
    child.signal("SIGSTOP");
    await waitUntil(() => fs.readFileSync(`/proc/${child.pid}/stat`, "latin1").includes(") T "), {
      deadlineMs: 10_000,
      what: "the holder to be stopped",
    });
    expect(await bench.open().lockLaunch(ticket, patient)).toBeUndefined();
    child.signal("SIGCONT");
    expect(await bench.open().lockLaunch(ticket, patient)).toBeUndefined();
  });
});

describe("a lock and the processes that are started while it is held", () => {
  test("a child has no copy of it: it is free as soon as it is closed, while the child runs on", async () => {
    const path = lockFile();
    const lock = taken(path);
    const child = await startProgram(["sh", "-c", "echo started; exec sleep 600"]);
    lock.close();
    expect(locksHeld(path)).toBe(false);
    expect(namesOfDescriptors(child.pid)).not.toContain(path);
  });

  test("a Pod that inherits the Pod lock holds it after the launcher has closed its own copy, and until it dies", async () => {
    const bench = new RegistryBench();
    const ticket = { id: "T-1" };
    const registry = bench.open();
    const path = bench.layout.podLock(ticket);
    const podLock = (await registry.lockPod(await lockOf(registry, "T-1"), patient))!;
    const pod = await startProgram(["sh", "-c", "echo started; exec sleep 600"], [podLock.fd]);

    // By closing, never by unlocking: that would take the lock from the Pod, too.
    podLock.close();
    expect(descriptorsOn(path)).toEqual([]);
    expect(locksHeld(path)).toBe(true);
    expect(await registry.probeLocks(ticket)).toMatchObject({ pod: "held" });
    await pod.kill();
    await untilFree(path);
    expect(await registry.probeLocks(ticket)).toMatchObject({ pod: "free" });
  });

  test("a Pod that is a Node process does not hand the inherited lock on: it dies with the Pod, not with what that started", async () => {
    const path = lockFile();
    const lock = taken(path);
    const script = `
      const child = require("node:child_process").spawn("sleep", ["600"], { stdio: "ignore" });
      child.on("spawn", () => console.log(child.pid));`;
    const pod = await startProgram([process.execPath, "-e", script], [lock.fd]);
    const grandchild = Number(pod.said);
    onTestFinished(() => void process.kill(grandchild, "SIGKILL"));
    lock.close();
    expect(locksHeld(path)).toBe(true);
    await pod.kill();
    await untilFree(path);
    expect(namesOfDescriptors(grandchild)).not.toContain(path);
  });

  test("a Pod lock that was kept outlives the launch's close, and goes with the keeper's", async () => {
    const bench = new RegistryBench();
    const registry = bench.open();
    const path = bench.layout.podLock({ id: "T-1" });
    const podLock = (await registry.lockPod(await lockOf(registry, "T-1"), patient))!;
    const kept = podLock.keep();
    podLock.close();
    expect(locksHeld(path)).toBe(true);
    kept.close();
    expect(locksHeld(path)).toBe(false);
  });
});

function namesOfDescriptors(pid: number): string[] {
  return fs.readdirSync(`/proc/${pid}/fd`).map((fd) => fs.readlinkSync(`/proc/${pid}/fd/${fd}`));
}
