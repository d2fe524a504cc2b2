import { basename, join } from "node:path";
import fs from "node:fs";
import { LaunchClaimError } from "../errors.js";
import type { Finding } from "../ports.js";
import type { ClaimStore } from "./claim-store.js";
import { listIfThere, removeIfThere } from "./durable.js";
import type { Layout } from "./layout.js";
import { idOf } from "./names.js";
import { readHistoryEntry, readSession } from "./placed-records.js";
import type { PodStore } from "./pod-store.js";
import { sweepPods } from "./sweep-pods.js";

/** Ended Pods whose record and log are kept, for each ticket. */
const KEPT_PODS = 10;
/** A temporary younger than this may belong to a write that is under way. */
const SETTLED_MS = 60_000;

interface Examined {
  readonly layout: Layout;
  readonly claims: ClaimStore;
  readonly pods: PodStore;
}

/** What is not as it should be on disk. What is wrong with processes is for the launcher, which can ask the runtime. */
export function examine({ layout, claims, pods }: Examined, { fix }: { readonly fix: boolean }): Finding[] {
  const findings: Finding[] = [];

  for (const stored of claims.list()) {
    if (stored.kind !== "unreadable") continue;
    const { ticket, file, reason, expect } = stored;
    findings.push({
      severity: "error",
      code: "claim_unreadable",
      message: reason,
      ...(ticket && { ticket }),
      file,
      mend: `Repair the file, or end the claim into history: reclaim, expecting ${expect}`,
      safe: false,
    });
  }

  findings.push(...damagedRecords(layout, layout.sessions, "session"));
  for (const name of listIfThere(layout.history)) {
    findings.push(...damagedRecords(layout, join(layout.history, name), "history"));
  }

  for (const stored of pods.list()) {
    if (stored.kind !== "unreadable") continue;
    findings.push({
      severity: "error",
      code: "pod_record_unreadable",
      message: stored.reason,
      file: stored.file,
      mend: "Make sure that no process of this Pod runs, then remove the file",
      safe: false,
    });
  }

  for (const file of settledTemporaries(layout)) {
    findings.push({
      severity: "warning",
      code: "temporary_left",
      message: `${file} was left by a process that died while writing`,
      file,
      mend: "doctor --fix removes it",
      safe: true,
      mended: fix && removeIfThere(file),
    });
  }

  const surplus = fix ? sweepPods(layout, pods, KEPT_PODS) : 0;
  if (surplus > 0) {
    findings.push({
      severity: "info",
      code: "pod_records_swept",
      message: `${surplus} records of Pods that ended long ago were removed; the latest ${KEPT_PODS} of each ticket are kept`,
      mend: "Nothing is left to do",
      safe: true,
      mended: true,
    });
  }
  return findings;
}

function damagedRecords(layout: Layout, directory: string, kind: "session" | "history"): Finding[] {
  const findings: Finding[] = [];
  for (const name of listIfThere(directory)) {
    if (name.startsWith(".") || !name.endsWith(".json")) continue;
    const file = join(directory, name);
    try {
      if (kind === "session") readSession(layout, file);
      else readHistoryEntry(layout, file);
    } catch (error) {
      if (!LaunchClaimError.is(error)) throw error;
      const ticketId = kind === "history" ? idOf(basename(directory)) : undefined;
      findings.push({
        severity: "warning",
        code: `${kind}_unreadable`,
        message: error.message,
        ...(ticketId !== undefined && { ticket: { id: ticketId } }),
        file,
        mend: error.hint ?? "Repair the file, or move it away",
        safe: false,
      });
    }
  }
  return findings;
}

function settledTemporaries(layout: Layout): string[] {
  const directories = [
    layout.root,
    layout.claims,
    layout.sessions,
    ...listIfThere(layout.history).map((name) => join(layout.history, name)),
    ...listIfThere(layout.pods).flatMap((ticket) =>
      listIfThere(join(layout.pods, ticket)).map((pod) => join(layout.pods, ticket, pod)),
    ),
  ];
  const now = Date.now();
  return directories.flatMap((directory) =>
    listIfThere(directory)
      .filter((name) => name.startsWith(".") && name.endsWith(".tmp"))
      .map((name) => join(directory, name))
      .filter((file) => {
        const there = fs.lstatSync(file, { throwIfNoEntry: false });
        return there !== undefined && now - there.mtimeMs > SETTLED_MS;
      }),
  );
}
