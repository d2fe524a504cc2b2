import type { WhenDone } from "../../../machines/launch.types.js";
import type { Act } from "./commands.js";
import type { Manners } from "./simulated/world.js";

/** What may be killed at any moment: a process alone, or a launcher and the guardian that it started with it. */
export type Kill = "command" | "guardian" | "reaper" | "both";

/** Who meets on the ticket, and what has happened to it before. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  readonly commands: readonly Act[];
  readonly kills: readonly Kill[];
  readonly manners?: Manners;
  readonly whenDone?: WhenDone;
  /** A launch that went before, undisturbed, up to the start of its Pod, its commit or its end; and what was killed then, all at once. */
  readonly before?: {
    readonly until: "spawn" | "commit" | "end";
    readonly killed: readonly ("command" | "guardian" | "reaper")[];
  };
}

const orphan = { until: "commit", killed: ["command"] } as const;

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "race",
    about: "three launches",
    commands: ["launch", "launch", "launch"],
    kills: ["command", "guardian", "both"],
  },
  {
    name: "cancel",
    about: "a launch that is cancelled, and one that is not",
    commands: ["cancelled launch", "launch"],
    kills: ["command", "guardian"],
    manners: { stubborn: true },
  },
  {
    name: "stop",
    about: "a Pod whose launcher has died before it began: a stop and a launch",
    commands: ["stop", "launch"],
    kills: ["command", "guardian"],
    before: { until: "spawn", killed: ["command"] },
  },
  {
    name: "refused",
    about: "two launches whose agents refuse the run",
    commands: ["launch", "launch"],
    kills: ["command", "both"],
    manners: { refuses: true },
  },
  {
    name: "hidden",
    about: "two launches of an agent without a reaper that has cleared its environment",
    commands: ["launch", "launch"],
    kills: ["command", "guardian", "both"],
    manners: { hidden: true, stubborn: true },
  },
  {
    name: "adoption",
    about: "an accepted Pod whose launcher has died: a launch, an adoption and a stop",
    commands: ["launch", "adopt", "stop"],
    kills: ["command", "guardian"],
    before: orphan,
  },
  {
    name: "adopters",
    about: "an accepted Pod whose launcher has died: two launches and an adoption",
    commands: ["launch", "adopt", "launch"],
    kills: ["command"],
    before: orphan,
  },
  {
    name: "survivor",
    about: "an accepted Pod of which only the agent has survived: a launch and a stop",
    commands: ["launch", "stop"],
    kills: ["command"],
    manners: { stubborn: true },
    before: { until: "commit", killed: ["command", "guardian", "reaper"] },
  },
  {
    name: "release",
    about: "a living claim: a release that stops, two launches",
    commands: ["release --stop", "launch", "launch"],
    kills: ["command", "guardian"],
    before: { until: "end", killed: [] },
  },
  {
    name: "reclaim",
    about: "a stale claim: a reclaim, a release and a launch",
    commands: ["reclaim", "release", "launch"],
    kills: ["command"],
    before: { until: "end", killed: ["guardian"] },
  },
  {
    name: "when-done",
    about: "a run that ends, after which the Pod releases its claim: two launches and a release",
    commands: ["launch", "launch", "release"],
    kills: ["command", "guardian"],
    manners: { ends: true },
    whenDone: "release",
  },
  {
    name: "released",
    about: "a claim that its Pod is about to release: two launches",
    commands: ["launch", "launch"],
    kills: ["command", "guardian"],
    manners: { ends: true },
    whenDone: "release",
    before: { until: "end", killed: [] },
  },
  {
    name: "restore",
    about: "a claim whose Pod has ended: a restore, a launch and a reclaim",
    commands: ["restore", "launch", "reclaim"],
    kills: ["command", "guardian", "both"],
    before: { until: "end", killed: ["guardian"] },
  },
];
