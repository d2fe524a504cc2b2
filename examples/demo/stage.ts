import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { setTimeout as delay } from "node:timers/promises";
import { count, heading, paint, print, table, visible } from "../own-pods/screen.js";
import { run, start, type Surroundings } from "./commands.js";
import { gatherEvidence, type Evidence } from "./evidence.js";

/** The agent that every scene launches. */
const AGENT = [process.execPath, fileURLToPath(new URL("../demo-agent/agent.js", import.meta.url))];
/** Launch ids differ in their last digits; the first ones are the time. */
const SHORT_ID = 8;
const RECEIPT_WITHIN_MS = 30_000;

/** Where the demo plays: below `root`, a workspace and a data directory. */
export class Stage {
  readonly workspace: string;
  readonly #home: string;
  readonly #prompts: string;
  readonly #signal: AbortSignal;
  #scenes = 0;
  #broken = 0;

  constructor(root: string, sample: string, signal: AbortSignal) {
    this.#home = join(root, "home");
    this.#prompts = join(root, "prompts");
    this.workspace = join(root, "workspace");
    fs.cpSync(sample, this.workspace, { recursive: true });
    this.#signal = signal;
  }

  /** How many promises were not kept so far. */
  get broken(): number {
    return this.#broken;
  }

  scene(title: string): void {
    this.#signal.throwIfAborted();
    this.#scenes += 1;
    heading(`${this.#scenes}. ${visible(title)}`);
  }

  check(promise: string, kept: boolean): void {
    if (!kept) this.#broken += 1;
    print(`    ${kept ? paint("green", "ok") : paint("red", "BROKEN")}  ${visible(promise)}`);
  }

  /** @returns the exit code */
  async command(...args: string[]): Promise<number> {
    return await run(args, this.#surroundings());
  }

  async launch(ticket: string, more: { readonly agentFails?: boolean } = {}): Promise<number> {
    const args = ["launch", ticket, "--prompt", "Say what is unclear about this ticket.", "--", ...AGENT];
    return await run(args, this.#surroundings(more.agentFails));
  }

  /** Kills the launching command between the Pod's receipt and the claim: it is stopped while it waits, and never goes on. */
  async launchAndKill(ticket: string): Promise<void> {
    const prompt = "Say what is unclear about this ticket.";
    const child = start(
      ["launch", ticket, "--json", "--prompt", prompt, "--", ...AGENT],
      this.#surroundings(),
    );
    if (child.stdout === null) throw new Error("the command has no output");
    for await (const line of createInterface({ input: child.stdout })) {
      if (!line.includes('"state":"awaitingRunAck"')) continue;
      child.kill("SIGSTOP");
      break;
    }
    const deadline = performance.now() + RECEIPT_WITHIN_MS;
    while (!this.#hasReceipt(ticket)) {
      if (performance.now() > deadline) throw new Error("the Pod has not accepted its run");
      await delay(20);
    }
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
    print(
      `    ${paint("yellow", "killed")}  the command, after the Pod accepted its run and before the claim was written`,
    );
  }

  /** Shows what lies and what runs, and gives it to the checks. */
  evidence(): Evidence {
    const evidence = gatherEvidence(this.#home, this.#prompts);
    const { claims, processes, prompts } = evidence;
    print(`    ${count(claims.length, "claim")}, ${count(processes.length, "process", "processes")}`);
    table(
      ["launch", "ticket", "processes", "prompts"],
      [...new Set([...claims, ...processes].map(({ launchId }) => launchId))].map((launchId) => [
        `…${launchId.slice(-SHORT_ID)}`,
        visible(claims.find((claim) => claim.launchId === launchId)?.ticket ?? "no claim"),
        processes
          .filter((process) => process.launchId === launchId)
          .map(({ pid, command }) => `${visible(command)} ${pid}`)
          .join(", ") || "none",
        String(prompts.get(launchId) ?? 0),
      ]),
    );
    return evidence;
  }

  /** Stops whatever runs, however the demo went. */
  async close(): Promise<void> {
    const { processes } = gatherEvidence(this.#home, this.#prompts);
    for (const { pid } of processes) {
      try {
        process.kill(pid, "SIGTERM");
      } catch {
        // It was faster.
      }
    }
    const deadline = performance.now() + 10_000;
    while (gatherEvidence(this.#home, this.#prompts).processes.length > 0 && performance.now() < deadline) {
      await delay(50);
    }
  }

  #surroundings(agentFails = false): Surroundings {
    return {
      workspace: this.workspace,
      signal: this.#signal,
      environment: {
        ...process.env,
        LAUNCH_CLAIM_HOME: this.#home,
        DEMO_AGENT_PROMPTS: this.#prompts,
        ...(agentFails && { DEMO_AGENT_FAILS: "1" }),
      },
    };
  }

  #hasReceipt(ticket: string): boolean {
    const workspaces = join(this.#home, "workspaces");
    return fs
      .readdirSync(workspaces, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith("pod.json") && name.includes(`/${ticket}/`))
      .some((name) => fs.readFileSync(join(workspaces, name), "utf8").includes('"acceptance"'));
  }
}
