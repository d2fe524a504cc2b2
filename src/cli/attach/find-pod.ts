import type { PodRecord } from "../../ports.js";
import type { Call } from "../command.js";

/** `down`: the record of a Pod that does not run, or cannot be dialed from here. */
export type FoundPod =
  | { readonly kind: "running"; readonly record: PodRecord; readonly socket: string }
  | { readonly kind: "starting"; readonly record: PodRecord }
  | { readonly kind: "down"; readonly record: PodRecord }
  | { readonly kind: "none" };

/** The running Pod of the ticket, or of that name. By its record and the Pod lock: neither verbs nor configuration are needed. */
export async function findPod(named: string, { home, workspace }: Call): Promise<FoundPod> {
  const [{ FileRegistry }, { checkTicket }, { findWorkspace }] = await Promise.all([
    import("../../registry/file-registry.js"),
    import("../../registry/names.js"),
    import("../../registry/workspace.js"),
  ]);
  const registry = new FileRegistry({ workspace: findWorkspace(workspace(), home) });
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
