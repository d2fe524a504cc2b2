import fs from "node:fs";
import type net from "node:net";
import { basename, dirname, join } from "node:path";
import { PROMPTS_FILE, RECEIPT_FILE, SOCKET_FILE, writeDurably } from "./files.js";
import {
  methodSchema,
  type Assignment,
  type Method,
  type PodEvent,
  type Receipt,
  type RunParams,
} from "./messages.js";
import { LineSplitter, lineOf, MAX_LINE_BYTES, PodConnection } from "./wire.js";

/** What this host's Pods can run as. */
const PROFILES: readonly string[] = ["project:intake"];

const PEER_ANSWERS_WITHIN_MS = 3_000;

/** What a Pod does for its clients. */
export class PodService {
  readonly #assignment: Assignment;
  readonly #onShutdown: () => void;
  readonly #clients = new Set<net.Socket>();
  /** What was answered to each run: the same run again gets the same answer, and is not delivered again. */
  readonly #answers = new Map<string, readonly PodEvent[]>();
  /** The first run that was accepted. */
  #receipt: Receipt | undefined;

  constructor(assignment: Assignment, onShutdown: () => void) {
    this.#assignment = assignment;
    this.#onShutdown = onShutdown;
  }

  get accepted(): boolean {
    return this.#receipt !== undefined;
  }

  greet(client: net.Socket): void {
    this.#clients.add(client);
    const lines = new LineSplitter();
    client.on("data", (chunk) => {
      try {
        for (const line of lines.push(chunk)) this.#receive(client, line);
      } catch {
        // A line that is no JSON, or has no end: this client cannot be understood any more. The others are not concerned.
        client.destroy();
      }
    });
    // A client may vanish at any time; `close` follows.
    client.on("error", () => undefined);
    client.on("close", () => this.#clients.delete(client));
    this.#send(client, this.#snapshot());
  }

  /** Says good-bye to every client. */
  close(): void {
    this.#broadcast({ event: "shutdown" });
    for (const client of this.#clients) client.destroySoon();
  }

  #snapshot(): PodEvent {
    const { name, launchId, profile } = this.#assignment;
    const run = this.#receipt && { run_id: this.#receipt.runId, acceptance: this.#receipt.acceptance };
    const greeting = { pod_name: name, cwd: process.cwd(), profile };
    return {
      event: "snapshot",
      data: { protocol: 1, launch_id: launchId, status: "idle", ...(run && { run }), greeting },
    };
  }

  #receive(client: net.Socket, line: string): void {
    // After the good-bye nothing is taken any more: a run that was accepted on the way out would be a claim without a Pod.
    if (client.writableEnded) return;
    const message: unknown = JSON.parse(line);
    const method = methodSchema.safeParse(message);
    if (method.success) this.#serve(client, method.data);
    else this.#send(client, errorEvent("this Pod does not know this method, or not with these parameters"));
  }

  #serve(client: net.Socket, message: Method): void {
    switch (message.method) {
      case "register_peer":
        void this.#registerPeer(client, message.params.name);
        break;
      case "run":
        this.#run(client, message.params);
        break;
      case "notify":
        this.#broadcast({ event: "notify", data: message.params });
        break;
      case "shutdown":
        this.#onShutdown();
        break;
    }
  }

  /** A peer is a Pod that answers to its name in the same runtime directory. It is told who we are. */
  async #registerPeer(client: net.Socket, peer: string): Promise<void> {
    const { name, directory } = this.#assignment;
    try {
      if (basename(peer) !== peer) throw new Error("it is not the name of a Pod");
      const path = join(dirname(directory), peer, SOCKET_FILE);
      if (!fs.existsSync(path)) throw new Error("no Pod of that name is running");
      const { connection, snapshot } = await PodConnection.open(
        path,
        AbortSignal.timeout(PEER_ANSWERS_WITHIN_MS),
      );
      if (snapshot.greeting.pod_name === peer) {
        connection.send({
          method: "notify",
          params: { from: name, message: `Pod ${name} hands off to you` },
        });
        connection.finish();
      } else {
        connection.close();
        throw new Error(`Pod ${snapshot.greeting.pod_name} answered instead`);
      }
      this.#send(client, { event: "peer_registered", data: { result: { source: name, peer } } });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#send(client, errorEvent(reason, { peer }));
    }
  }

  #run(client: net.Socket, run: RunParams): void {
    const known = this.#answers.get(run.run_id);
    if (known) {
      for (const event of known) this.#send(client, event);
      return;
    }
    const answers = this.#judge(run);
    this.#answers.set(run.run_id, answers);
    // As upstream: the status says "running" before the run was judged, and is evidence of nothing.
    this.#broadcast({ event: "status", data: { status: "running" } });
    for (const event of answers) this.#broadcast(event);
    this.#broadcast({ event: "status", data: { status: "idle" } });
  }

  /** Rejects the run, or takes it. Taken means: the receipt is on stable storage BEFORE anybody is told. */
  #judge({ run_id, launch_id, input }: RunParams): readonly PodEvent[] {
    const { launchId, profile } = this.#assignment;
    if (launch_id !== launchId) return [errorEvent(`this Pod belongs to launch ${launchId}`, { run_id })];
    if (!PROFILES.includes(profile)) {
      return [errorEvent(`unknown profile "${profile}"; known: ${PROFILES.join(", ")}`, { run_id })];
    }
    if (input.every(({ content }) => content.trim() === ""))
      return [errorEvent("the input is empty", { run_id })];
    const at = new Date().toISOString();
    const acceptance = { level: "progress", kind: "user_message", at } as const;
    try {
      this.#record({ runId: run_id, acceptance });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return [errorEvent(`the receipt could not be written: ${reason}`, { run_id }, "internal")];
    }
    this.#deliver(run_id, at, input);
    return [
      { event: "invoke_start", data: { kind: "user_send" } },
      { event: "user_message", data: { run_id, acceptance, segments: input } },
    ];
  }

  /** Adoption relies on the first receipt; later runs come from clients that have found the Pod by its claim. */
  #record(receipt: Receipt): void {
    if (this.#receipt) return;
    const file = join(this.#assignment.directory, RECEIPT_FILE);
    try {
      writeDurably(file, receipt);
    } catch (error) {
      // The directory's sync may have failed after the rename: a receipt of a run that is rejected must not stay.
      fs.rmSync(file, { force: true });
      throw error;
    }
    this.#receipt = receipt;
  }

  /** Here a real Pod would call its model. This one writes the prompt down, so that anybody can count. */
  #deliver(runId: string, at: string, input: RunParams["input"]): void {
    const text = input.map(({ content }) => content).join("\n");
    fs.appendFileSync(
      join(this.#assignment.directory, PROMPTS_FILE),
      `${JSON.stringify({ runId, at, text })}\n`,
      { mode: 0o600 },
    );
  }

  #broadcast(event: PodEvent): void {
    for (const client of this.#clients) this.#send(client, event);
  }

  #send(client: net.Socket, event: PodEvent): void {
    if (client.destroyed) return;
    client.write(lineOf(event));
    // Whoever does not read is dropped: one mute client must not fill this process's memory.
    if (client.writableLength > MAX_LINE_BYTES) client.destroy();
  }
}

function errorEvent(
  message: string,
  about: { readonly run_id?: string; readonly peer?: string } = {},
  code = "invalid_request",
): PodEvent {
  return { event: "error", data: { code, message, ...about } };
}
