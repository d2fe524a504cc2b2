import { basename, join } from "node:path";
import { messageOf } from "../errors.js";
import type { PodRecord, StoredPod } from "../ports.js";
import type { TicketRef } from "../../machines/launch.types.js";
import { isThere, listIfThere, makeDirectory, readTextIfThere, type DurableWrites } from "./durable.js";
import type { Layout } from "./layout.js";
import { printable } from "../text.js";
import { parseRecord, serializeRecord } from "./records.js";

const RECORD = "pod.json";

/** Pod records: one directory a Pod, kept a while after the Pod has ended, so that its log can be read. */
export class PodStore {
  readonly #layout: Layout;
  readonly #writes: DurableWrites;

  constructor(layout: Layout, writes: DurableWrites) {
    this.#layout = layout;
    this.#writes = writes;
  }

  async write(record: PodRecord): Promise<void> {
    const directory = this.#layout.pod(record.ticket, record.pod);
    const file = join(directory, RECORD);
    const json = readTextIfThere(file);
    if (json === undefined) {
      makeDirectory(this.#layout.podsOf(record.ticket));
      makeDirectory(directory);
    }
    // One that a newer program wrote, or that is damaged, is not rewritten: it would lose what it holds.
    const before = json === undefined ? undefined : parseRecord("pod", json, file);
    // The directories above need no sync: after a power cut there is no process left that the record could speak of.
    await this.#writes.replace(file, serializeRecord("pod", record, before));
  }

  list(ticket?: TicketRef): StoredPod[] {
    const { pods } = this.#layout;
    // An error of the listing would cost more than this look does.
    if (ticket && !isThere(this.#layout.podsOf(ticket))) return [];
    const tickets = ticket
      ? [this.#layout.podsOf(ticket)]
      : listIfThere(pods).map((name) => join(pods, name));
    return tickets
      .flatMap((directory) => listIfThere(directory).map((name) => join(directory, name)))
      .flatMap((directory) => this.#read(directory) ?? [])
      .sort((a, b) => (startOf(a) > startOf(b) ? -1 : 1));
  }

  #read(directory: string): StoredPod | undefined {
    const file = join(directory, RECORD);
    try {
      const json = readTextIfThere(file);
      if (json === undefined) return undefined;
      const record = parseRecord("pod", json, file);
      if (this.#layout.pod(record.ticket, record.pod) === directory) return { kind: "pod", record };
      const whose = `${printable(record.pod)} of ticket ${printable(record.ticket.id)}`;
      return {
        kind: "unreadable",
        pod: basename(directory),
        file,
        reason: `${file} is the record of another Pod, ${whose}`,
      };
    } catch (error) {
      return { kind: "unreadable", pod: basename(directory), file, reason: messageOf(error) };
    }
  }
}

function startOf(stored: StoredPod): string {
  return stored.kind === "pod" ? stored.record.startedAt : "";
}
