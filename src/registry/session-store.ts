import { join } from "node:path";
import { LaunchClaimError } from "../errors.js";
import type { RoleSession } from "../ports.js";
import { listIfThere, removeIfThere, type DurableWrites } from "./durable.js";
import type { Layout } from "./layout.js";
import { readSession } from "./placed-records.js";
import { serializeRecord } from "./records.js";

/** Role sessions: one file a Pod, replaced by rename. */
export class SessionStore {
  readonly #layout: Layout;
  readonly #writes: DurableWrites;

  constructor(layout: Layout, writes: DurableWrites) {
    this.#layout = layout;
    this.#writes = writes;
  }

  /** @param requireAllowed throws if the session must not appear any more */
  async write(session: RoleSession, requireAllowed?: () => void): Promise<void> {
    const file = this.#layout.session(session.pod);
    const before = this.#read(file) ?? {};
    await this.#writes.replace(file, serializeRecord("session", session, before), requireAllowed);
  }

  async remove(pod: string, launchId: string): Promise<void> {
    const file = this.#layout.session(pod);
    if (this.#read(file)?.launchId !== launchId) return;
    removeIfThere(file);
    await this.#writes.syncDirectory(this.#layout.sessions);
  }

  list(): RoleSession[] {
    return listIfThere(this.#layout.sessions)
      .filter((name) => name.endsWith(".json") && !name.startsWith("."))
      .flatMap((name) => this.#readOrSkip(join(this.#layout.sessions, name)) ?? [])
      .sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
  }

  /** What cannot be read hides no other; `examine` reports it. */
  #readOrSkip(file: string): RoleSession | undefined {
    try {
      return this.#read(file);
    } catch {
      return undefined;
    }
  }

  /** A damaged session is as good as none; a newer one must not be rewritten. */
  #read(file: string): RoleSession | undefined {
    try {
      return readSession(this.#layout, file);
    } catch (error) {
      if (LaunchClaimError.is(error) && error.code === "record_damaged") return undefined;
      throw error;
    }
  }
}
