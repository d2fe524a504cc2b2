/** One case on a registry of its own: commands as this machine gives them, or as another clock, user or namespace would. */
import { spawn } from "node:child_process";
import type { ClaimStatus } from "../../../src/verbs/status.js";
import type { Claim } from "launch-claim";
import type { AgentScript } from "launch-claim/testing";
import {
  DEADLINE_MS,
  kill,
  outcomeOf,
  RunningCommand,
  type CliWorld,
  type EndedCommand,
} from "../../fixtures/cli-world.js";
import { built } from "../../fixtures/guardian-runtime.js";
import { waitUntil } from "../../fixtures/processes.js";

/** Where a command is given, if not plainly here. */
export interface Where {
  /** As in "a launch …": told with what was broken. */
  readonly name: string;
  /** Program and arguments that the command's own follow. */
  readonly prefix?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export const HERE: Where = { name: "here" };

export interface Case {
  readonly name: string;
  /** Part of the quick run. Default false. */
  readonly quick?: boolean;
  /** Why it cannot be shown on this machine. */
  whyNot?(): string | undefined;
  run(trial: Trial): Promise<void>;
}

export class Trial {
  readonly world: CliWorld;
  /** Seconds, not minutes. */
  readonly quick: boolean;
  readonly broken: string[] = [];
  demands = 0;
  commands = 0;
  readonly #running: RunningCommand[] = [];

  constructor(world: CliWorld, quick: boolean) {
    this.world = world;
    this.quick = quick;
  }

  start(where: Where, ...words: readonly string[]): RunningCommand {
    const { prefix = [], environment = {}, cwd = this.world.workspace } = where;
    const [program = "", ...rest] = [...prefix, process.execPath, built("bin/launch-claim.js"), ...words];
    const env = { ...process.env, ...this.world.environment, ...environment };
    const command = new RunningCommand(spawn(program, rest, { cwd, env }));
    this.#running.push(command);
    this.commands += 1;
    return command;
  }

  async run(where: Where, ...words: readonly string[]): Promise<EndedCommand> {
    const command = this.start(where, ...words);
    command.child.stdin?.end();
    return await command.ended;
  }

  startLaunch(
    where: Where,
    id: string,
    script: AgentScript = {},
    ...flags: readonly string[]
  ): RunningCommand {
    const words = [
      "launch",
      id,
      "--prompt",
      `work on ${id}`,
      "--json",
      ...flags,
      "--",
      ...this.world.agent(script),
    ];
    return this.start(where, ...words);
  }

  async launch(
    where: Where,
    id: string,
    script: AgentScript = {},
    ...flags: readonly string[]
  ): Promise<EndedCommand> {
    return await this.startLaunch(where, id, script, ...flags).ended;
  }

  demand(what: string, isSo: boolean, found?: unknown): void {
    this.demands += 1;
    if (!isSo) this.broken.push(`${what}; found ${JSON.stringify(found)}`);
  }

  /** A launch that must be claimed, with one Pod that was given one prompt. */
  async claims(
    where: Where,
    id: string,
    script: AgentScript = {},
    ...flags: readonly string[]
  ): Promise<Claim> {
    const ended = await this.launch(where, id, script, ...flags);
    const outcome = outcomeOf(ended);
    if (outcome.status !== "claimed")
      throw new Error(`a launch ${where.name} ended as ${JSON.stringify(outcome)}`);
    const { claim, adopted } = outcome;
    const prompts = this.world.promptsOf(claim.launchId);
    this.demand(`a launch ${where.name} is claimed with one prompt`, !adopted && prompts === 1, {
      adopted,
      prompts,
    });
    return claim;
  }

  async status(where: Where, id: string): Promise<ClaimStatus | undefined> {
    const { results, code, stderr } = await this.run(where, "status", id, "--json");
    if (code !== 0) throw new Error(`status ${where.name} exited with ${code}: ${stderr}`);
    return (results[0] as { claims: ClaimStatus[] }).claims[0];
  }

  async isState(where: Where, id: string, ...states: readonly string[]): Promise<void> {
    const status = await this.status(where, id);
    this.demand(
      `status ${where.name} says ${states.join(" or ")}`,
      states.includes(status?.state ?? "none"),
      status,
    );
  }

  /** A launch is blocked, and has changed nothing. */
  async isBlocked(where: Where, id: string, ...by: readonly string[]): Promise<void> {
    const before = this.world.observe(id);
    const ended = await this.launch(where, id);
    const outcome = outcomeOf(ended);
    const isDue = ended.code === 3 && outcome.status === "blocked" && by.includes(outcome.by);
    this.demand(`a launch ${where.name} is blocked by ${by.join(" or ")}`, isDue, outcome);
    const after = this.world.observe(id);
    const isSame = before.claimBytes === after.claimBytes && before.launches.size === after.launches.size;
    this.demand(`a launch ${where.name} that was blocked has changed nothing`, isSame, after.claims);
  }

  /** A verb's last word, by its exit code and status. */
  async answers(where: Where, words: readonly string[], code: number, status: string): Promise<void> {
    const ended = await this.run(where, ...words, "--json");
    const told = ended.results.at(-1) as { status?: string } | undefined;
    const isDue = ended.code === code && told?.status === status;
    this.demand(`${words.join(" ")} ${where.name} answers ${status} (${code})`, isDue, { ...ended });
  }

  /** A command is refused with a code, a sentence and what to do, and with nothing else. */
  async isRefused(where: Where, words: readonly string[], code: string): Promise<void> {
    const [command = "", ...rest] = words;
    const ended = await this.run(where, command, "--json", ...rest);
    const told = ended.results as { error?: { code: string; message: string; hint: string } }[];
    const error = told[0]?.error;
    const isDue =
      ended.code === 1 &&
      told.length === 1 &&
      error?.code === code &&
      error.message !== "" &&
      error.hint !== "";
    this.demand(`${words.join(" ")} ${where.name} is refused as ${code}`, isDue, ended);
  }

  /** Stopped, released and launched once more: the ticket is as good as new. */
  async endsWell(where: Where, id: string): Promise<void> {
    await this.answers(where, ["release", id, "--stop"], 0, "ended");
    this.demand(`nothing of ${id} is left`, this.world.isQuiet(id), this.world.livingPods(id));
    await this.claims(HERE, id);
  }

  /** Ends all of a Pod as a power cut would. */
  async killPod(id: string, launchId: string): Promise<void> {
    await waitUntil(
      () => {
        for (const pid of this.world.processesOf(launchId)) kill(pid, "SIGKILL");
        return this.world.isQuiet(id);
      },
      { deadlineMs: DEADLINE_MS, what: "the Pod's end" },
    );
  }

  /** Ends what was started here; the Pods are the world's to end. */
  async dispose(): Promise<void> {
    for (const { child } of this.#running) child.kill("SIGKILL");
    await Promise.all(this.#running.map(({ ended }) => ended));
  }
}
