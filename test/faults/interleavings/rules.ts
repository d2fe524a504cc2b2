import type { Patch } from "./stage.js";

/** A rule of DESIGN.md, how the product is without it, and where that is looked for. */
export interface Rule {
  /** As in DESIGN.md, section 5; or the promise. */
  readonly name: string;
  /** What the product does then. */
  readonly without: string;
  readonly scenario: string;
  /** So many interferences are needed. Default 1. */
  readonly depth?: number;
  /** All at once: where a second layer holds what the first lets through, both are left out. */
  readonly patches: readonly Patch[];
}

const stores = "src/registry/claim-store.js";
const guardian = "src/pod/guardian.js";

export const RULES: readonly Rule[] = [
  {
    name: "1",
    without: "admission looks at no Pod record",
    scenario: "survivor",
    patches: [
      {
        file: "src/launch/look-for-pods.js",
        find: 'filter((entry) => entry.kind === "unreadable" || entry.record.launchId !== except)',
        replace: "filter(() => false)",
      },
    ],
  },
  {
    name: "2",
    without: "whoever stops a Pod goes by its record alone, not by its mark nor by its lock",
    scenario: "stop",
    depth: 2,
    patches: [
      {
        file: "src/pod/survivors.js",
        find: "isRecorded(entry) || entry.launchId === launchId",
        replace: "isRecorded(entry)",
      },
      {
        file: "src/registry/kept-lock.js",
        find: 'if (pod === "free")',
        replace: "if (pod !== undefined)",
      },
    ],
  },
  {
    name: "3",
    without: "a claim that is found to be ours is told of before its directory is synced",
    scenario: "race",
    patches: [
      {
        file: stores,
        find: "await this.#writes.syncDirectory(dirname(final));\n        if (standing === undefined)",
        replace: "if (standing === undefined)",
      },
    ],
  },
  {
    name: "4",
    without: "a launch id that has a history entry is adopted and committed again",
    scenario: "released",
    patches: [
      {
        file: "src/launch/look-for-pods.js",
        find: 'return ended ? undefined : { kind: "adoptable", pod, record };',
        replace: 'return { kind: "adoptable", pod, record };',
      },
      {
        file: stores,
        find: "if (!this.#hasEnded(ticket, launchId))\n            return;",
        replace: "if (ticket)\n            return;",
      },
    ],
  },
  {
    name: "5",
    without: "the claim is removed before its history is written",
    scenario: "release",
    patches: [
      {
        file: stores,
        find: 'await this.#writes.create(file, serializeRecord("history", entry));\n        await this.#remove(claimFile);',
        replace:
          'await this.#remove(claimFile);\n        await this.#writes.create(file, serializeRecord("history", entry));',
      },
    ],
  },
  {
    name: "6",
    without: "a Pod is adopted while its launcher lives: the launch lock excludes nobody",
    scenario: "race",
    patches: [
      {
        file: "src/registry/locks.js",
        find: "if (!nativeLocks().tryLock(fd)) {",
        replace: 'if (!nativeLocks().tryLock(fd) && !path.endsWith(".launch")) {',
      },
    ],
  },
  {
    name: "7",
    without: "a Pod whose work is over ends without having seen its claim",
    scenario: "when-done",
    patches: [
      {
        file: "src/pod/settle-claim.js",
        find: "if (ended.some(({ claim }) => claim.launchId === launchId))\n                    return null;",
        replace: "return null;",
      },
    ],
  },
  {
    name: "8",
    without: "a stop knows claimed Pods alone",
    scenario: "adoption",
    patches: [
      { file: "src/verbs/stop.js", find: "return [...claimed, ...unclaimed];", replace: "return claimed;" },
    ],
  },
  {
    name: "9",
    without: "a restored Pod whose launcher is gone stays whatever the claim says",
    scenario: "restore",
    patches: [{ file: guardian, find: 'kind: isOurs ? "ours" : "notOurs"', replace: 'kind: "ours"' }],
  },
  {
    name: "10",
    without: "a commit that was given up still links",
    scenario: "race",
    patches: [
      {
        file: stores,
        find: "requireAllowed();\n            if (!link(staged)) {",
        replace: "if (!link(staged)) {",
      },
      {
        file: stores,
        find: "removeIfThere(temporaryPath(final, launchId));\n        const ended",
        replace: "const ended",
      },
    ],
  },
  {
    name: "11",
    without: "the agent runs before its pid is in the Pod record",
    scenario: "hidden",
    patches: [
      {
        file: guardian,
        find: "await this.#recorder.started(agent, specification);\n        signal.throwIfAborted();\n",
        replace: "",
      },
      {
        file: guardian,
        find: "const ready = await driver.boot();",
        replace:
          "const ready = await driver.boot();\n        await this.#recorder.started(agent, specification);",
      },
    ],
  },
  {
    name: "12",
    without: "the control channel stays open when the launch has ended",
    scenario: "when-done",
    patches: [
      {
        file: "src/launch/scope.js",
        find: "this.#detach(pod);\n        this.#lock?.close();",
        replace: "pod;\n        this.#lock?.close();",
      },
    ],
  },
  {
    name: "13",
    without: "a release that stops ends the claim first",
    scenario: "release",
    patches: [
      {
        file: "src/verbs/end-claim.js",
        find: "const running = await endWhatRuns(stored.claim, judgement, { tools, stop: options.stop ?? false });\n        return (running",
        replace:
          'const first = options.stop && (await end(lock, { ...options, how: "released", expect: stored.claim.launchId }, tools));\n        const running = await endWhatRuns(stored.claim, judgement, { tools, stop: options.stop ?? false });\n        if (first)\n            return first;\n        return (running',
      },
    ],
  },
  {
    name: "promise 5, acceptance",
    without: "a run is told to be accepted before its receipt is written",
    scenario: "race",
    patches: [
      {
        file: guardian,
        find: "await this.#recorder.accepted(acceptance);",
        replace: "void this.#recorder.accepted(acceptance);",
      },
    ],
  },
];
