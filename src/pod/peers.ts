import { LaunchClaimError, messageOf } from "../errors.js";
import type { StoredPod } from "../ports.js";
import { PodConnection } from "../protocol/connection.js";
import { printable } from "../text.js";

const PEER_ANSWERS_WITHIN_MS = 3_000;

/** The Pods that are told who this Pod is, and when its run ends. A peer is found by its name in the same registry. */
export class Peers {
  readonly #self: string;
  readonly #pods: () => Promise<readonly StoredPod[]>;
  readonly #registered = new Set<string>();

  constructor(self: string, pods: () => Promise<readonly StoredPod[]>) {
    this.#self = self;
    this.#pods = pods;
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

  /** Best effort: a peer that is gone by now has nothing to be told. */
  async notify(message: string): Promise<void> {
    await Promise.allSettled([...this.#registered].map((name) => this.#tell(name, message)));
  }

  async #tell(name: string, message: string): Promise<void> {
    const found = (await this.#pods()).find(
      (stored) => stored.kind === "pod" && stored.record.pod === name && stored.record.state !== "ended",
    );
    const socket = found?.kind === "pod" ? found.record.socket : undefined;
    if (socket === undefined) throw new Error("there is no Pod of that name here");
    const { connection, snapshot } = await PodConnection.open(
      socket,
      AbortSignal.timeout(PEER_ANSWERS_WITHIN_MS),
    );
    if (snapshot.pod !== name) {
      connection.close();
      throw new Error(`Pod ${printable(snapshot.pod)} answered instead`);
    }
    connection.send({ method: "notify", params: { from: this.#self, message } });
    connection.finish();
  }
}
