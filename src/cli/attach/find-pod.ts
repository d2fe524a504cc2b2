import type { TicketRef } from "../../../machines/launch.types.js";
import type { PodRecord } from "../../ports.js";
import type { FileRegistry } from "../../registry/file-registry.js";
import type { Call } from "../command.js";

/** How long a Pod that has hung up may take to give up its lock. */
const DYING_MS = 500;

/** `down`: the record of a Pod that does not run, or cannot be dialed from here. */
export type FoundPod =
  | { readonly kind: "running"; readonly record: PodRecord; readonly socket: string }
  | { readonly kind: "starting"; readonly record: PodRecord }
  | { readonly kind: "down"; readonly record: PodRecord }
  | { readonly kind: "none" };

/** The running Pod of the ticket, or of that name. By its record and the Pod lock: neither verbs nor configuration are needed. */
export async function findPod(named: string, call: Call): Promise<FoundPod> {
  const { checkTicket } = await import("../../registry/names.js");
  const registry = await openRegistry(call);
  const ofTicket = await registry.pods(checkTicket({ id: named }));
  const stored = ofTicket.length > 0 ? ofTicket : await registry.pods();
  const records = stored
    .flatMap((entry) => (entry.kind === "pod" ? [entry.record] : []))
    // Those of a host's own runtime serve no protocol of ours.
    .filter(({ runtime }) => runtime.kind === "guardian")
    .filter(({ pod }) => ofTicket.length > 0 || pod === named);
  const record = records.find(({ state }) => state !== "ended") ?? records[0];
  if (!record) return { kind: "none" };
  if (record.state === "ended" || (await registry.probeLocks(record.ticket)).pod === "free") {
    return { kind: "down", record };
  }
  const { socket } = record;
  return socket === undefined ? { kind: "starting", record } : { kind: "running", record, socket };
}

/** Gives the Pod of a ticket that has hung up a moment: a process that is killed gives up its sockets before its locks. */
export async function awaitItsEnd(ticket: TicketRef, call: Call): Promise<void> {
  const { isLockKept } = await import("../../registry/kept-lock.js");
  await isLockKept(ticket, { registry: await openRegistry(call) }, DYING_MS);
}

async function openRegistry({ home, workspace }: Call): Promise<FileRegistry> {
  const [{ FileRegistry }, { findWorkspace }] = await Promise.all([
    import("../../registry/file-registry.js"),
    import("../../registry/workspace.js"),
  ]);
  return new FileRegistry({ workspace: findWorkspace(workspace(), home) });
}
