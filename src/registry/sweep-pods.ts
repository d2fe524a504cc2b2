import fse from "fs-extra";
import { ioFailed } from "./durable.js";
import type { Layout } from "./layout.js";
import type { PodStore } from "./pod-store.js";

/** Removes the records, with all they keep, of Pods that ended, but for the latest `keep` of each ticket. */
export function sweepPods(layout: Layout, pods: PodStore, keep: number): number {
  const kept = new Map<string, number>();
  let removed = 0;
  for (const stored of pods.list()) {
    if (stored.kind !== "pod" || stored.record.state !== "ended") continue;
    const { ticket, pod } = stored.record;
    const before = kept.get(ticket.id) ?? 0;
    if (before < keep) {
      kept.set(ticket.id, before + 1);
      continue;
    }
    const path = layout.pod(ticket, pod);
    try {
      fse.removeSync(path);
      removed += 1;
    } catch (cause) {
      throw ioFailed("remove", path, cause);
    }
  }
  return removed;
}
