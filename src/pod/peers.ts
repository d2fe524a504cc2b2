import { LaunchClaimError, messageOf } from "../errors.js";
import type { StoredPod } from "../ports.js";
import { PodConnection } from "../protocol/connection.js";
import type { PodEvent } from "../protocol/messages.js";
import { printable } from "../text.js";

const PEER_ANSWERS_WITHIN_MS = 3_000;

/** The Pods that are told who this Pod is, and when its run ends. A peer is found by its name in the same registry. */
export class Peers {
  readonly #self: string;
  readonly #pods: () => Promise<readonly StoredPod[]>;
  readonly #log: (line: string) => void;
  readonly #registered = new Set<string>();
  /** The notices that are under way. */
  readonly #telling = new Set<Promise<void>>();

  constructor(
    self: string,
    {
      pods,
      log,
    }: { readonly pods: () => Promise<readonly StoredPod[]>; readonly log: (line: string) => void },
  ) {
    this.#self = self;
    this.#pods = pods;
    this.#log = log;
  }

  /** @throws LaunchClaimError `peer_not_registered` */
  async register(name: string, message: string): Promise<void> {
    try {
      await this.#tell(name, message);
    } catch (cause) {
      throw new LaunchClaimError(
        "peer_not_registered",
        `peer ${printable(name)} was not told: ${messageOf(cause)}`,
        { cause },
      );
    }
    this.#registered.add(name);
  }

  /** Begins to tell them all. Best effort: a peer that is gone by now has nothing to be told. */
  notify(message: string): void {
    for (const name of this.#registered) {
      const telling = this.#tell(name, message)
        .catch((error: unknown) => this.#log(`peer ${printable(name)} was not told: ${messageOf(error)}`))
        .finally(() => this.#telling.delete(telling));
      this.#telling.add(telling);
    }
  }

  /** Resolves when every notice has arrived, or failed, or it has taken too long. */
  async told(withinMs: number): Promise<void> {
    if (this.#telling.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, withinMs)));
    await Promise.race([Promise.allSettled(this.#telling), late]);
    clearTimeout(timer);
  }

  async #tell(name: string, message: string): Promise<void> {
    const found = (await this.#pods()).find(
      (stored) => stored.kind === "pod" && stored.record.pod === name && stored.record.state !== "ended",
    );
    if (found?.kind !== "pod") throw new Error("there is no Pod of that name here");
    const { socket } = found.record;
    if (socket === undefined) throw new Error("its record names no socket");
    const signal = AbortSignal.timeout(PEER_ANSWERS_WITHIN_MS);
    const { connection, snapshot } = await PodConnection.open(socket, signal);
    try {
      if (snapshot.pod !== name) throw new Error(`Pod ${printable(snapshot.pod)} answered instead`);
      connection.send({ method: "notify", params: { from: this.#self, message } });
      // Methods are dealt with in their order: this answer says that the notice has arrived.
      const isStatus = (event: PodEvent) => (event.event === "status" ? true : undefined);
      await connection.request({ method: "status" }, isStatus, signal);
    } finally {
      connection.close();
    }
  }
}
