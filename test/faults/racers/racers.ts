/** The racers' processes, and the lane of real commands beside them. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DEADLINE_MS, kill, type CliWorld, type RunningCommand } from "../../fixtures/cli-world.js";
import { built } from "../../fixtures/guardian-runtime.js";
import { waitUntil } from "../../fixtures/processes.js";
import { randomOf, type Random } from "../random.js";
import { chooseAgent, chooseOperation, pick } from "./choices.js";
import {
  answerOf,
  linesOf,
  now,
  threw,
  type Answer,
  type Answered,
  type Called,
  type Prompt,
} from "./history.js";
import type { RacerSpec } from "./racer.js";

const LANES = 2;

export interface RaceSpec {
  readonly seed: number;
  readonly racers: number;
  readonly tickets: readonly string[];
  readonly rushTickets: readonly string[];
}

export class Racers {
  readonly #world: CliWorld;
  readonly #race: RaceSpec;
  readonly #children = new Map<string, ChildProcess>();
  readonly #logFiles: string[] = [];
  readonly #commandLines: (Called | Answered)[] = [];
  #command: RunningCommand | undefined;
  #lane: Promise<void> = Promise.resolve();
  #isOver = false;
  /** What a racer said on its way down that it should not have. */
  readonly broken: string[] = [];
  died = 0;

  constructor(world: CliWorld, race: RaceSpec) {
    this.#world = world;
    this.#race = race;
  }

  get pids(): number[] {
    const children = [...this.#children.values(), ...(this.#command ? [this.#command.child] : [])];
    return children
      .filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
      .flatMap(({ pid }) => pid ?? []);
  }

  start(): void {
    for (let number = 1; number <= this.#race.racers; number += 1) this.#start(`racer-${number}`, 1);
    this.#lane = this.#giveCommands();
  }

  /** Nobody begins anything any more; what is under way ends. */
  async end(): Promise<void> {
    this.#isOver = true;
    for (const { stdin } of this.#children.values()) stdin?.end();
    const isAlone = () => {
      // One may have stopped itself only now, and is continued by nobody else any more.
      for (const pid of this.pids) kill(pid, "SIGCONT");
      return this.pids.length === 0;
    };
    await waitUntil(isAlone, {
      deadlineMs: 2 * DEADLINE_MS,
      what: () => `the end of the racers ${this.pids.join(", ")}`,
    });
    await this.#lane;
  }

  kill(): void {
    this.#isOver = true;
    for (const child of this.#children.values()) child.kill("SIGKILL");
  }

  get lines(): (Called | Answered)[] {
    return [...this.#commandLines, ...this.#logFiles.flatMap((file) => linesOf<Called | Answered>(file))];
  }

  get prompts(): Prompt[] {
    return linesOf<Prompt>(this.#promptsFile);
  }

  get #directory(): string {
    return dirname(this.#world.workspace);
  }

  get #promptsFile(): string {
    return join(this.#directory, "all-prompts");
  }

  /** One that dies is followed by another. */
  #start(name: string, life: number): void {
    const { workspace, home, environment } = this.#world;
    const { seed, tickets, rushTickets, racers } = this.#race;
    const logFile = join(this.#directory, `${name}-${life}.log`);
    this.#logFiles.push(logFile);
    const spec: RacerSpec = {
      name: `${name}-${life}`,
      seed: seed + 1_000 * this.#logFiles.length + racers,
      workspace,
      home,
      tickets,
      rushTickets,
      lanes: LANES,
      logFile,
      promptsFile: this.#promptsFile,
    };
    const child = spawn(process.execPath, [built("test/faults/racers/racer.js"), JSON.stringify(spec)], {
      env: { ...process.env, ...environment },
      stdio: ["pipe", "ignore", "pipe"],
    });
    this.#children.set(name, child);
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.on("error", () => undefined);
    void once(child, "close").then(() => {
      this.#children.delete(name);
      if (child.signalCode === "SIGKILL") this.died += 1;
      else if (child.exitCode !== 0 || stderr !== "" || !this.#isOver)
        this.broken.push(`${spec.name} ended with ${child.exitCode ?? child.signalCode}: ${stderr}`);
      if (!this.#isOver) this.#start(name, life + 1);
    });
  }

  /** A real command at a time, one of them now and then interrupted. */
  async #giveCommands(): Promise<void> {
    const random = randomOf(this.#race.seed);
    for (let number = 1; !this.#isOver; number += 1) {
      await this.#giveCommand(`command.${number}`, random);
      await delay(random.below(1_000));
    }
  }

  async #giveCommand(id: string, random: Random): Promise<void> {
    const operation = chooseOperation(random);
    const ticket = pick(this.#race.tickets, random);
    const { words, expect } = this.#wordsOf(operation, ticket, random);
    this.#commandLines.push({
      type: "called",
      id,
      at: now(),
      operation,
      ticket,
      ...(expect !== undefined && { expect }),
    });
    const command = this.#world.start(...words);
    this.#command = command;
    command.child.stdin?.end();
    const interrupt =
      random.below(3) === 0 ? setTimeout(() => command.child.kill("SIGINT"), random.below(1_500)) : undefined;
    const { code, signal, results, stderr } = await command.ended;
    clearTimeout(interrupt);
    // Killed, or interrupted before it or during a command that does not take interrupts: it said nothing.
    if (signal !== null) return;
    const told = results.at(-1);
    const isTold = told !== undefined && [0, 1, 3, 4, 5, 130].includes(code ?? -1);
    const answer: Answer = isTold
      ? answerOf({ ...told, ...(operation === "doctor" && { status: "told" }) })
      : threw(`exit ${code}: ${stderr}`);
    this.#commandLines.push({ type: "answered", id, at: now(), answer });
  }

  #wordsOf(
    operation: Called["operation"],
    ticket: string,
    random: Random,
  ): { words: string[]; expect?: string } {
    const { script } = chooseAgent(random);
    const agent = () => ["--", ...this.#world.agent({ ...script, promptsFile: this.#promptsFile })];
    switch (operation) {
      case "launch":
        return {
          words: [
            "launch",
            ticket,
            "--prompt",
            "a command's",
            "--timeout",
            "runAck=3s",
            "--json",
            ...agent(),
          ],
        };
      case "restore":
        return { words: ["restore", ticket, "--json", ...agent()] };
      case "release":
        return { words: ["release", ticket, "--json", ...(random.below(2) === 0 ? ["--stop"] : [])] };
      case "reclaim": {
        const standing = this.#world.observe(ticket).claims[0] ?? "00000000-0000-7000-8000-000000000000";
        return { words: ["reclaim", ticket, "--json", "--expect", standing], expect: standing };
      }
      case "doctor":
        return { words: ["doctor", "--json"] };
      case "adopt":
      case "stop":
      case "status":
        return { words: [operation, ticket, "--json"] };
    }
  }
}
