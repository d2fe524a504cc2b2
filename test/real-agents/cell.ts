/** One agent with one kind of model, in a home of its own: what tests of real agents are made of. */
import { spawn } from "node:child_process";
import fs from "node:fs";
import { dirname, join } from "node:path";
import { kill, RunningCommand, type EndedCommand } from "../fixtures/cli-world.js";
import { built } from "../fixtures/guardian-runtime.js";
import { environmentOf, runningProcesses, waitUntil } from "../fixtures/processes.js";
import { disposableDirectory, ROOT_VARIABLE } from "../fixtures/temporary.js";
import { presetCommand, type AgentName } from "./agents.js";
import type { Installed } from "./install.js";
import { startModelServer, type ModelServer } from "./model-server.js";
import type { Mode } from "./modes.js";

export interface CellOptions {
  /** Puts a recorder between guardian and agent; its lines are in `transcriptFile`. */
  readonly record?: boolean;
  /** Does not remove its directory at the end. */
  readonly keep?: boolean;
}

/** Those that were opened and not yet disposed of. */
const open = new Set<Cell>();

/** For whoever is interrupted: nothing of any cell runs on, and no directory is left. */
export function abandonCells(): void {
  for (const cell of open) cell.abandon();
}

export class Cell implements AsyncDisposable {
  readonly agentName: AgentName;
  readonly mode: Mode;
  /** The agent's own home: what it stores is there. */
  readonly home: string;
  readonly workspace: string;
  /** The preset's command, with the full path of the program: for a client that starts the agent itself. */
  readonly command: readonly string[];
  /** All of it: nothing is inherited, so that nobody's credentials are used. */
  readonly env: Readonly<Record<string, string>>;
  /** Of the whole cell. Everything that runs in it has this path in its environment. */
  readonly directory: string;
  readonly #dispose: () => void;
  readonly #model: ModelServer | undefined;

  static async open(installed: Installed, mode: Mode, options: CellOptions = {}): Promise<Cell> {
    return new Cell(installed, mode, mode === "none" ? undefined : await startModelServer(mode), options);
  }

  private constructor(
    { agent, programs }: Installed,
    mode: Mode,
    model: ModelServer | undefined,
    { record = false, keep = false }: CellOptions,
  ) {
    const { path, dispose } = disposableDirectory();
    this.agentName = agent.name;
    this.mode = mode;
    this.directory = path;
    this.#dispose = keep ? () => undefined : dispose;
    this.#model = model;
    open.add(this);
    this.home = join(path, "home");
    this.workspace = join(path, "w");
    const temporary = join(path, "tmp");
    for (const made of [this.home, this.workspace, temporary]) fs.mkdirSync(made);
    const { environment, files } = agent.surroundings(model?.url);
    for (const [name, text] of Object.entries(files)) {
      const file = join(this.home, name);
      fs.mkdirSync(dirname(file), { recursive: true });
      fs.writeFileSync(file, text);
    }
    const [program, ...words] = presetCommand(agent);
    this.command = [join(programs, program), ...words];
    const shadow = record ? [this.#shadow(program, join(programs, program))] : [];
    this.env = {
      PATH: [...shadow, programs, dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin"].join(":"),
      HOME: this.home,
      TMPDIR: temporary,
      LANG: "C.UTF-8",
      NO_BROWSER: "1",
      // Tests that run meanwhile then know that this is none of theirs.
      [ROOT_VARIABLE]: dirname(path),
      LAUNCH_CLAIM_HOME: join(path, "h"),
      LAUNCH_CLAIM_RUNTIME_DIR: join(path, "r"),
      ...environment,
    };
  }

  get transcriptFile(): string {
    return join(this.directory, "transcript");
  }

  /** Questions that reached the model. */
  get questions(): number {
    return this.#model?.questions.length ?? 0;
  }

  /** Starts the built command line in this cell. */
  start(...words: readonly string[]): RunningCommand {
    const child = spawn(process.execPath, [built("bin/launch-claim.js"), ...words], {
      cwd: this.workspace,
      env: this.env,
    });
    child.stdin.end();
    return new RunningCommand(child);
  }

  async run(...words: readonly string[]): Promise<EndedCommand> {
    return await this.start(...words).ended;
  }

  /** Everything that runs in this cell, whoever started it and whatever became of its parents. */
  processes(): { readonly pid: number; readonly command: string }[] {
    return runningProcesses()
      .filter(({ pid }) => environmentOf(pid).some((variable) => variable.includes(this.directory)))
      .map(({ pid, command }) => ({ pid, command }));
  }

  /** The names of the claims on disk. */
  claims(): string[] {
    return this.#registryFiles().filter((path) => /\/claims\/[^/]+\.json$/u.test(path));
  }

  /** Pod records as they are on disk. */
  podRecords(): {
    readonly launchId: string;
    readonly processes?: readonly { pid: number; as?: string }[];
  }[] {
    return this.#registryFiles()
      .filter((path) => path.endsWith("/pod.json"))
      .map((path) => JSON.parse(fs.readFileSync(join(this.directory, "h", path), "utf8")) as never);
  }

  podLog(): string {
    const logs = this.#registryFiles().filter((path) => path.endsWith("/pod.log"));
    return logs.map((path) => fs.readFileSync(join(this.directory, "h", path), "utf8")).join("");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Again and again: a guardian that was just killed may just have started its agent.
    await waitUntil(
      () => {
        const left = this.processes();
        for (const { pid } of left) kill(pid, "SIGKILL");
        return left.length === 0;
      },
      { deadlineMs: 10_000, what: "the end of everything in the cell" },
    );
    await this.#model?.[Symbol.asyncDispose]();
    this.#dispose();
    open.delete(this);
  }

  /** The same as well as it goes at once. */
  abandon(): void {
    for (let look = 0; look < 3; look += 1) {
      for (const { pid } of this.processes()) kill(pid, "SIGKILL");
    }
    this.#dispose();
  }

  #registryFiles(): string[] {
    const root = join(this.directory, "h");
    return fs.existsSync(root) ? fs.readdirSync(root, { recursive: true, encoding: "utf8" }) : [];
  }

  /** A directory with a program of this name that records what the real one says. */
  #shadow(program: string, real: string): string {
    const directory = join(this.directory, "bin");
    fs.mkdirSync(directory);
    const words = [process.execPath, built("test/real-agents/record-agent.js"), this.transcriptFile, real];
    const script = `#!/bin/sh\nexec ${words.map((word) => `'${word}'`).join(" ")} "$@"\n`;
    fs.writeFileSync(join(directory, program), script, { mode: 0o755 });
    return directory;
  }
}
