/** The lives of guardians that are killed, or of which a call fails, and what must hold after each. */
import { spawn } from "node:child_process";
import fs from "node:fs";
import { dirname, join } from "node:path";
import type { AgentRecipe } from "../../../machines/launch.types.js";
import {
  claimOf,
  DEADLINE_MS,
  RunningCommand,
  type CliWorld,
  type EndedCommand,
} from "../../fixtures/cli-world.js";
import { textIfThere } from "../../fixtures/files.js";
import { AT_ONCE, built } from "../../fixtures/guardian-runtime.js";
import { waitUntil } from "../../fixtures/processes.js";
import type { AgentScript } from "../../../src/testing/scripted-agent/script.js";
import { afterDoubt, liesOfAnswer } from "./answers.js";
import { ID, liesOfStatus, see, tornRecords, untilDoctorIsRight } from "./seen.js";
import { chainOf, killPods, LOADS, notOne, untilDone } from "./subjects.js";
import type { LifeName, Target } from "./target.js";
import { traceOf, type Ran } from "./trace.js";

interface Life {
  readonly name: LifeName;
  readonly about: string;
  before?(world: CliWorld): Promise<void>;
  /** The last command's exit code is 0 if nothing disturbs it. */
  tell(story: Story): Promise<void>;
}

/** From its start to its end by a release, claimed by the launch that has started it. */
const launched: Life = {
  name: "guardian",
  about: "a guardian that is launched and released",
  async tell(story) {
    await story.goesOn(() => story.host("launch").ended);
    await story.goesOn((world) => world.run("release", ID, "--stop", "--json"));
  },
};

/** Its launcher dies between the acceptance and the commit. Tried is what comes after that: another launch claims it. */
const adopted: Life = {
  name: "adopted",
  about: "a guardian that is adopted",
  async tell(story) {
    await story.goesOn(() => diesAccepted(story.host("halt")));
    story.matters();
    await story.goesOn((world) => world.launch(ID));
  },
};

/** It has no reaper, and its agent stays when it dies: only who looks for the agent ends it. */
const unreaped: Life = {
  name: "unreaped",
  about: "a guardian whose agent outlives it",
  async tell(story) {
    await story.goesOn(() => story.host("outlived").ended);
  },
};

/** It loads the session of a claim whose Pod is gone. */
const restoring: Life = {
  name: "restoring",
  about: "a guardian that restores a session",
  async before(world) {
    claimOf(await world.launch(ID, LOADS));
    await killPods(world);
  },
  async tell(story) {
    await story.goesOn(() => story.host("restore").ended);
  },
};

export const LIVES: readonly Target[] = [launched, adopted, unreaped, restoring].map(
  ({ name, about, before, tell }) => ({
    name,
    about,
    exitCode: 0,
    victim: "guardian",
    async prepare(world) {
      await before?.(world);
      const run = async (strace: readonly string[]) => {
        const story = new Story(world, strace);
        await tell(story);
        return story.ran;
      };
      return { run, broken: () => brokenLife(world) };
    },
  }),
);

interface Host {
  /** As `test/fixtures/guardian-host.ts` takes it. */
  readonly command: "launch" | "restore" | "halt";
  readonly script: AgentScript;
  readonly proof?: "scan";
}

const HOSTS = {
  launch: { command: "launch", script: {} },
  halt: { command: "halt", script: {} },
  outlived: { command: "launch", script: { ignoreStdinEnd: true, ignoreSigterm: true }, proof: "scan" },
  restore: { command: "restore", script: LOADS },
} satisfies Readonly<Record<string, Host>>;

/** Commands one after the other, each of which is asked at once whether what it said is so. */
class Story {
  readonly #world: CliWorld;
  readonly #program: string;
  readonly #lies: string[] = [];
  #ended: EndedCommand | undefined;
  #traceBefore = 0;

  constructor(world: CliWorld, strace: readonly string[]) {
    this.#world = world;
    this.#program = tracedNode(world, strace);
  }

  get ran(): Ran {
    if (this.#ended === undefined) throw new Error("a story without a command");
    return { ended: this.#ended, lies: this.#lies, traceBefore: this.#traceBefore };
  }

  async goesOn(command: (world: CliWorld) => Promise<EndedCommand>): Promise<void> {
    const world = this.#world;
    const before = see(world);
    const ended = await command(world);
    // What was killed has said nothing.
    if (ended.signal !== "SIGKILL")
      this.#lies.push(...liesOfAnswer(world, { ended, call: undefined, before }));
    this.#lies.push(...(await afterDoubt(world, ended)));
    this.#ended = ended;
  }

  /** What the guardian has done before is not tried. */
  matters(): void {
    this.#traceBefore = Buffer.byteLength(textIfThere(traceOf(this.#world)) ?? "");
  }

  /** A launcher in a process of its own, whose guardian is traced. */
  host(what: keyof typeof HOSTS): RunningCommand {
    const { command: verb, script, proof }: Host = HOSTS[what];
    const command = this.#world.agent(script);
    const recipe: AgentRecipe = { driver: "acp", command, evidence: AT_ONCE };
    const { workspace, home, environment } = this.#world;
    const host = [built("test/fixtures/guardian-host.js"), workspace, home, this.#program];
    return new RunningCommand(
      spawn(process.execPath, [...host, verb, ID, JSON.stringify(recipe)], {
        cwd: workspace,
        env: { ...process.env, ...environment, ...(proof && { LAUNCH_CLAIM_PROOF: proof }) },
      }),
    );
  }
}

/** The launcher is killed as soon as its run was accepted; one that fails before ends by itself. */
async function diesAccepted(host: RunningCommand): Promise<EndedCommand> {
  let isOver = false;
  void host.ended.then(() => (isOver = true));
  await waitUntil(() => isOver || host.said.includes("accepted\n"), {
    deadlineMs: DEADLINE_MS,
    what: () => `the acceptance; so far: ${host.said}`,
  });
  return await host.dies();
}

/**
 * In place of Node: a program that runs it under strace. The tracer is neither the guardian's parent, so that the guardian's pid is
 * the launcher's child, nor does it carry the mark by which the launch's processes are found and ended.
 */
function tracedNode(world: CliWorld, strace: readonly string[]): string {
  const file = join(dirname(world.workspace), "traced-node");
  const words = ["strace", "-D", ...strace].map((word) => `'${word}'`).join(" ");
  const script = `#!/bin/sh
mark=$LAUNCH_CLAIM_LAUNCH_ID
unset LAUNCH_CLAIM_LAUNCH_ID
UV_THREADPOOL_SIZE=1 exec ${words} -E "LAUNCH_CLAIM_LAUNCH_ID=$mark" '${process.execPath}' "$@"
`;
  fs.writeFileSync(file, script, { mode: 0o700 });
  return file;
}

/** Whatever became of the guardian: nothing is lost, nothing runs unseen, and the ticket can be worked on again by what is advised. */
async function brokenLife(world: CliWorld): Promise<string[]> {
  const torn = tornRecords(world);
  if (torn.length > 0) return torn;
  const { claim, accepted } = see(world);
  const broken: string[] = [];
  // A claim that was restored stands on the run that was accepted before.
  if (claim !== undefined && !chainOf(world)?.some((launchId) => accepted.includes(launchId)))
    broken.push(`claim ${claim} has no accepted run`);
  for (const launchId of world.launchIds(ID))
    if (world.promptsOf(launchId) > 1) broken.push(`the agent of ${launchId} was given more than one prompt`);
  broken.push(...(await liesOfStatus(world)));
  if (broken.length > 0) return broken;
  await untilEndedOrNamed(world);

  const mend = mendOf(world);
  if (mend !== undefined) {
    const { code, results, stderr } = await untilDone(() => world.run(...mend, "--json"));
    if (code !== 0) broken.push(`${mend.join(" ")} is ${JSON.stringify(results)} ${stderr}`);
  }
  if (!world.isQuiet(ID)) broken.push(`stopped, there runs something of ${world.livingPods(ID).join(", ")}`);
  await untilDoctorIsRight(world);

  const receipts = world.receipts(ID);
  const next = claimOf(await untilDone(() => world.launch(ID)));
  if (next.adopted) broken.push(`what was stopped is adopted: ${next.launchId}`);
  return [...broken, ...notOne(world, next.launchId, receipts + 1)];
}

/** The command that a person gives then; undefined if nothing is left. */
function mendOf(world: CliWorld): string[] | undefined {
  const { claim, isLocked, living } = see(world);
  if (claim === undefined) return living.length > 0 ? ["stop", ID] : undefined;
  return isLocked ? ["release", ID, "--stop"] : ["reclaim", ID, "--expect", claim, "--stop"];
}

/** What is left of a Pod ends by itself, or is named: by its claim, as one that can be adopted, or as one to be stopped. */
async function untilEndedOrNamed(world: CliWorld): Promise<void> {
  let last = "";
  await waitUntil(
    async () => {
      const { claim, living } = see(world);
      if (claim !== undefined || living.length === 0) return true;
      const { results, code } = await world.run("doctor", "--json");
      last = JSON.stringify(results);
      return code === 1;
    },
    {
      deadlineMs: DEADLINE_MS,
      what: () => `the end of ${world.livingPods(ID).join(", ")}, or doctor to name it: ${last}`,
    },
  );
}
