/** The least of an ACP client: starts an agent, asks, and counts what it is told. Shares no code with the product. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

export interface Answer {
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code?: number; readonly message?: string };
}

const PATIENCE_MS = 60_000;
const FAREWELL_MS = 5_000;

export class PlainClient implements AsyncDisposable {
  /** Updates that came without a prompt of ours: history that the agent replays. */
  updates = 0;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #rest = "";
  #lastId = 0;

  constructor(
    command: readonly string[],
    { cwd, env }: { cwd: string; env: Readonly<Record<string, string>> },
  ) {
    const [program = "", ...words] = command;
    // A group of its own, so that nothing of it is left.
    this.#child = spawn(program, words, { cwd, env, stdio: ["pipe", "pipe", "ignore"], detached: true });
    this.#child.stdin?.on("error", () => undefined);
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => this.#read(text));
    this.#child.once("close", () => {
      for (const tell of this.#waiting.values()) tell({ error: { message: "the agent exited" } });
    });
  }

  async ask(method: string, params: object): Promise<Answer> {
    this.#lastId += 1;
    const id = this.#lastId;
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    this.#child.stdin?.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    const enough = new AbortController();
    const late = delay(PATIENCE_MS, { error: { message: "no answer within a minute" } }, enough);
    const answer = await Promise.race([answered, late]);
    enough.abort();
    late.catch(() => undefined);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, "close");
    this.#child.stdin?.end();
    const enough = new AbortController();
    await Promise.race([closed, delay(FAREWELL_MS, undefined, enough).catch(() => undefined)]);
    enough.abort();
    try {
      process.kill(-(this.#child.pid ?? 0), "SIGKILL");
    } catch {
      // The whole group has ended.
    }
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!line.startsWith("{")) continue;
      const message = JSON.parse(line) as Answer & { id?: unknown; method?: unknown };
      if (message.method === "session/update") this.updates += 1;
      if (message.method === undefined && typeof message.id === "number")
        this.#waiting.get(message.id)?.(message);
    }
  }
}
