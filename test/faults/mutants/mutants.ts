/**
 * Deliberate defects: each takes one rule out of the product, and names the tests of which at least one must fail then. A defect is
 * an exact replacement of text that stands in its file once, so that a change of the code which makes it meaningless is noticed.
 */
export interface Mutant {
  /** What the defect does, as in "the claim …". */
  readonly name: string;
  /** The promise or rule of DESIGN.md that it breaks. */
  readonly breaks: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** What must catch it: test files, the narrowest that is meant to. */
  readonly tests: readonly string[];
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: "admission looks at no Pod record",
    breaks: "rule 1, a claim and every Pod record are read",
    file: "src/launch/look-for-pods.ts",
    find: "await judgePods(stored, podLock, judges);",
    replace: "await judgePods(stored.slice(stored.length), podLock, judges);",
    tests: ["test/launch/verbs.test.ts"],
  },
  {
    name: "a launch commits whatever the Pod answered to its run",
    breaks: "promise 1, no ghost claim",
    file: "machines/launch.machine.ts",
    find: 'guard: ({ event }) => event.output.kind === "accepted",',
    replace: "guard: () => true,",
    tests: ["test/paths/cross-check.test.ts"],
  },
  {
    name: "a launch that is not acknowledged in time ends without stopping its Pod",
    breaks: "promise 2, no ghost Pod",
    file: "machines/launch.machine.ts",
    find: 'target: "stopping",\n          actions: { type: "endAsTimedOut", params: { phase: "awaitingRunAck", delay: "runAckMs" } },',
    replace:
      'target: "timedOut",\n          actions: { type: "endAsTimedOut", params: { phase: "awaitingRunAck", delay: "runAckMs" } },',
    tests: ["test/paths/structure.test.ts", "test/paths/simulated.test.ts"],
  },
  {
    name: "a hand-off that fails costs the launch",
    breaks: "section 3, registeringPeers goes on",
    file: "machines/launch.machine.ts",
    find: 'target: "#launch.awaitingRunAck",\n              actions: {\n                type: "warnOfPeers",\n                params: ({ event }) => ({\n                  code: "peer_not_registered",',
    replace:
      'target: "#launch.stopping",\n              actions: {\n                type: "warnOfPeers",\n                params: ({ event }) => ({\n                  code: "peer_not_registered",',
    tests: ["test/paths/structure.test.ts", "test/paths/simulated.test.ts"],
  },
  {
    name: "a busy lock is taken all the same",
    breaks: "promise 3, exactly one",
    file: "src/registry/locks.ts",
    find: "if (!nativeLocks().tryLock(fd)) {",
    replace: "if (!nativeLocks().tryLock(fd) && fd < 0) {",
    tests: ["test/registry/locks.test.ts"],
  },
  {
    name: "a lock is not given up by closing its descriptor",
    breaks: "promise 4, the lock dies with its holder",
    file: "src/registry/locks.ts",
    find: "      open = false;\n      fs.closeSync(fd);",
    replace: "      open = false;",
    tests: ["test/registry/locks.test.ts", "test/contract/registry.test.ts"],
  },
  {
    name: "a lock file that was replaced is not noticed",
    breaks: "section 4, the inode is compared",
    file: "src/registry/locks.ts",
    find: "return there?.ino === ours.ino && there.dev === ours.dev;",
    replace: "return there !== undefined && ours.ino > 0;",
    tests: ["test/registry/locks.test.ts"],
  },
  {
    name: "a commit that was given up still links",
    breaks: "rule 10",
    file: "src/registry/claim-store.ts",
    find: "      requireAllowed();\n      if (!link(staged)) {",
    replace: "      if (!link(staged)) {",
    tests: ["test/registry/commit.test.ts"],
  },
  {
    name: "bytes get their name before they are synced",
    breaks: "promise 1, power cut",
    file: "src/registry/durable.ts",
    find: "      // A failed fsync is never retried: the kernel may have dropped the pages and would report success.\n      await this.#sync(fd);",
    replace: "",
    tests: ["test/registry/commit.test.ts"],
  },
  {
    name: "a commit answers before its directory is synced",
    breaks: "rule 3",
    file: "src/registry/claim-store.ts",
    find: '      await this.#writes.syncDirectory(dirname(final));\n      return { kind: "committed", claim };',
    replace: '      return { kind: "committed", claim };',
    tests: ["test/registry/commit.test.ts"],
  },
  {
    name: "a commit replaces the claim that stands",
    breaks: "promise 3, exactly one",
    file: "src/registry/durable.ts",
    find: "    fs.linkSync(staged.temp, staged.final);\n    return true;",
    replace: "    fs.renameSync(staged.temp, staged.final);\n    return true;",
    tests: ["test/contract/registry.test.ts", "test/registry/commit.test.ts"],
  },
  {
    name: "a record that cannot be read is taken for none",
    breaks: "promise 3, exactly one",
    file: "src/registry/durable.ts",
    find: '    throw ioFailed("read", path, cause);',
    replace: "    return undefined;",
    tests: ["test/registry/unreadable.test.ts"],
  },
  {
    name: "a launch id that was ended is committed again",
    breaks: "rule 4",
    file: "src/registry/claim-store.ts",
    find: "    if (!this.#hasEnded(ticket, launchId)) return;\n    throw",
    replace: "    if (ticket) return;\n    throw",
    tests: ["test/contract/registry.test.ts"],
  },
  {
    name: "a claim is removed without a history entry",
    breaks: "rule 5, promise 7",
    file: "src/registry/claim-store.ts",
    find: '    await this.#writes.create(file, serializeRecord("history", entry));\n',
    replace: "",
    tests: ["test/registry/ending.test.ts", "test/contract/registry.test.ts"],
  },
  {
    name: "a claim is ended whatever launch id was expected",
    breaks: "promise 7, compare-and-delete",
    file: "src/registry/claim-store.ts",
    find: 'if (expect !== ending.expect) return { kind: "mismatch", standing };',
    replace: "",
    tests: ["test/contract/registry.test.ts"],
  },
  {
    name: "a read-back leaves the temporary of a commit that is under way",
    breaks: "section 5, readBackClaim unlinks the temp first",
    file: "src/registry/claim-store.ts",
    find: "    removeIfThere(temporaryPath(final, launchId));\n",
    replace: "",
    tests: ["test/registry/commit.test.ts", "test/contract/registry.test.ts"],
  },
  {
    name: "a process is recognised by its pid alone",
    breaks: "promise 6; failure mode F8, pid reuse",
    file: "src/processes.ts",
    find: 'return startTimeOf(recorded.pid) === recorded.startTime ? "alive" : "gone";',
    replace: 'return startTimeOf(recorded.pid) !== undefined ? "alive" : "gone";',
    tests: ["test/process/life.test.ts"],
  },
  {
    name: "a process of another boot may still live",
    breaks: "section 5, boot id",
    file: "src/processes.ts",
    find: 'if (recorded.bootId !== bootId) return "gone";',
    replace: 'if (bootId === "") return "gone";',
    tests: ["test/process/life.test.ts"],
  },
  {
    name: "a runtime that says stopped is believed over the kernel",
    breaks: "promise 2, proven",
    file: "src/launch/stop-pod.ts",
    find: "if (scope.tookPodLock && (await isLockKept(scope.lock.ticket, tools))) {",
    replace: "if (scope.tookPodLock && !tools && (await isLockKept(scope.lock.ticket, tools))) {",
    tests: ["test/launch/runtime-misbehaves.test.ts"],
  },
  {
    name: "the Pod that answers need not be that of the launch",
    breaks: "section 4, the round trip",
    file: "src/launch/connect.ts",
    find: "if (snapshot.launchId !== pod.launchId) {",
    replace: 'if (snapshot.launchId === "") {',
    tests: ["test/launch/runtime-misbehaves.test.ts"],
  },
  {
    name: "a Pod whose launcher goes before acceptance works on",
    breaks: "promise 5",
    file: "machines/pod.machine.ts",
    find: '                target: "#pod.draining",\n                actions: ["loseLauncher", { type: "drainBecause", params: { cause: "launcherGone" } }],',
    replace: '                actions: "loseLauncher",',
    tests: ["test/paths/pod-machine.test.ts"],
  },
  {
    name: "a run is called accepted although its receipt could not be written",
    breaks: "section 6, the receipt comes first",
    file: "machines/pod.machine.ts",
    find: '              target: "#pod.refused",\n              actions: [assign(({ event }) => ({ trouble: troubleOf(event.error) })), "tellRejected"],',
    replace:
      '              target: "accepted",\n              actions: [assign(({ event }) => ({ trouble: troubleOf(event.error) })), assign({ accepted: true })],',
    tests: ["test/paths/pod-machine.test.ts"],
  },
  {
    name: "an agent's list of commands counts as the beginning of the run",
    breaks: "section 6, acceptance",
    file: "src/pod/agents/evidence.ts",
    find: '  "tool_call_update",\n  "plan",\n',
    replace: '  "tool_call_update",\n  "plan",\n  "available_commands_update",\n',
    tests: ["test/agents/evidence.test.ts"],
  },
  {
    name: "a sign of the run counts before it has stood for the settle window",
    breaks: "section 6, settle window",
    file: "src/pod/agents/evidence.ts",
    find: "if (settleMs <= 0) {",
    replace: "if (settleMs <= Infinity) {",
    tests: ["test/agents/evidence.test.ts", "test/agents/transcripts.test.ts"],
  },
];
