/** Records as a launch writes them, and a registry to write them to. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Claim, TicketRef } from "../machines/launch.types.js";
import type { LaunchLock, RoleSession } from "../src/ports.js";
import { findWorkspace, type Workspace } from "../src/registry/workspace.js";

let made = 0;

/** Unlike any before; its file name is the id itself. */
export function newTicket(): TicketRef {
  made += 1;
  return { id: `T-${String(made).padStart(7, "0")}`, slug: "measure-the-commit" };
}

export function recordsOf(ticket: TicketRef): { readonly claim: Claim; readonly session: RoleSession } {
  const at = "2026-11-24T10:00:00.000Z";
  const launchId = `0199aaaa-bbbb-7ccc-8ddd-${ticket.id.slice(2).padStart(12, "0")}`;
  const pod = `intake-measure-the-commit-${ticket.id.slice(2)}`;
  return {
    claim: {
      ticket,
      role: "intake",
      pod,
      launchId,
      claimedAt: at,
      adopted: false,
      acceptance: { level: "progress", kind: "agent_message_chunk", at },
      agent: { driver: "acp", name: "opencode", command: ["opencode", "acp"] },
      session: { id: `ses_${ticket.id}`, restorable: true },
      runtime: { kind: "objects", locator: { pod } },
    },
    session: {
      pod,
      role: "intake",
      launchId,
      origin: "launch",
      sessionId: `ses_${ticket.id}`,
      tickets: [ticket],
      createdAt: at,
      updatedAt: at,
    },
  };
}

/** A workspace of its own below the directory, with its registry beside it. */
export function workspaceIn(directory: string, name: string): Workspace & { readonly home: string } {
  const root = join(directory, name);
  const home = join(directory, "home");
  mkdirSync(root);
  return { ...findWorkspace(root, home), home };
}

/** Says that it is held. What a real one costs is measured by itself. */
export function assumedLock(ticket: TicketRef): LaunchLock {
  return { ticket, held: true, close: () => undefined };
}
