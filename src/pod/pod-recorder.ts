import type { EndAgentResult, PodReady } from "../../machines/pod.types.js";
import type { Acceptance } from "../../machines/launch.types.js";
import type { AwaitedPermission, PodProcess, PodRecord } from "../ports.js";
import { identityOf, ownIdentity } from "../processes.js";
import type { GuardianRegistry } from "./guardian-registry.js";
import type { Specification } from "./specification.js";

/** Writes the Pod's record: one write after the other, each durable when its promise resolves. */
export class PodRecorder {
  readonly #registry: GuardianRegistry;
  readonly #now: () => string;
  #record: PodRecord;
  #writing: Promise<void> = Promise.resolve();

  constructor(
    record: PodRecord,
    { registry, now }: { readonly registry: GuardianRegistry; readonly now: () => string },
  ) {
    this.#record = record;
    this.#registry = registry;
    this.#now = now;
  }

  /** Durable BEFORE the agent runs: its pid is known to whoever comes later, whatever happens to this process. */
  async started(
    agent: { readonly proof: "kernel" | "scan"; readonly processes: readonly PodProcess[] },
    { socket, agent: { name, recipe } }: Specification,
  ): Promise<void> {
    await this.#write({
      state: "started",
      processes: [{ ...ownIdentity(), as: "guardian" }, ...agent.processes],
      socket,
      proof: agent.proof,
      agent: { driver: recipe.driver, name, command: recipe.command },
    });
  }

  async ready({ agent, session }: PodReady): Promise<void> {
    await this.#write({ agent, ...(session && { session }) });
  }

  async accepted(acceptance: Acceptance): Promise<void> {
    try {
      await this.#write({ acceptance });
    } catch (error) {
      // It may have got its name before the failure: a receipt of a run that is refused must not stay.
      const { acceptance: _, ...without } = this.#record;
      this.#record = without;
      await this.#write({ acceptance: undefined }).catch(() => undefined);
      throw error;
    }
  }

  /** Best effort, for people who ask for the status. */
  async waitsFor(permissions: readonly AwaitedPermission[]): Promise<void> {
    await this.#write({ permissions: permissions.length > 0 ? permissions : undefined });
  }

  /** @param stopReason of the first run; undefined if it has not ended */
  async ended(result: EndAgentResult, stopReason: string | undefined): Promise<void> {
    const ending = stopReason === undefined ? {} : { stopReason };
    if (result.kind === "gone") await this.#write({ state: "ended", ...ending });
    else {
      const left = result.pids.flatMap((pid) => identityOf(pid) ?? []);
      await this.#write({ state: "unresolved", ...ending, ...(left.length > 0 && { processes: left }) });
    }
  }

  #write(change: { readonly [Field in keyof PodRecord]?: PodRecord[Field] | undefined }): Promise<void> {
    const written = this.#writing.then(async () => {
      const record = { ...this.#record, ...change, updatedAt: this.#now() } as PodRecord;
      this.#record = record;
      await this.#registry.writePod(record);
    });
    this.#writing = written.catch(() => undefined);
    return written;
  }
}
