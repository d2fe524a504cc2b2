import type { ClaimRegistry, PodRecord } from "./ports.js";

/** The record of the Pod of this launch; undefined if there is none that can be read. */
export async function podRecordOf(
  { ticket, launchId }: Pick<PodRecord, "ticket" | "launchId">,
  registry: Pick<ClaimRegistry, "pods">,
): Promise<PodRecord | undefined> {
  const found = (await registry.pods(ticket)).find(
    (stored) => stored.kind === "pod" && stored.record.launchId === launchId,
  );
  return found?.kind === "pod" ? found.record : undefined;
}

/** Writes down that nothing of the Pod runs any more. */
export async function markEnded(
  record: PodRecord,
  { registry, now }: { readonly registry: Pick<ClaimRegistry, "writePod">; readonly now: () => string },
): Promise<void> {
  await registry.writePod({ ...record, state: "ended", updatedAt: now() });
}
