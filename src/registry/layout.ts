import { join } from "node:path";
import type { TicketRef } from "../../machines/launch.types.js";
import { fileName } from "./names.js";

/** Where everything of one registry lies. */
export class Layout {
  readonly root: string;
  readonly registry: string;
  readonly claims: string;
  readonly sessions: string;
  readonly history: string;
  readonly pods: string;
  readonly locks: string;

  constructor(root: string) {
    this.root = root;
    this.registry = join(root, "registry.json");
    this.claims = join(root, "claims");
    this.sessions = join(root, "sessions");
    this.history = join(root, "history");
    this.pods = join(root, "pods");
    this.locks = join(root, "locks");
  }

  get directories(): readonly string[] {
    return [this.root, this.claims, this.sessions, this.history, this.pods, this.locks];
  }

  claim(ticket: TicketRef): string {
    return join(this.claims, `${fileName(ticket.id)}.json`);
  }

  session(pod: string): string {
    return join(this.sessions, `${fileName(pod)}.json`);
  }

  historyOf(ticket: TicketRef): string {
    return join(this.history, fileName(ticket.id));
  }

  historyEntry(ticket: TicketRef, launchId: string): string {
    return join(this.historyOf(ticket), `${launchId}.json`);
  }

  podsOf(ticket: TicketRef): string {
    return join(this.pods, fileName(ticket.id));
  }

  pod(ticket: TicketRef, pod: string): string {
    return join(this.podsOf(ticket), fileName(pod));
  }

  launchLock(ticket: TicketRef): string {
    return join(this.locks, `${fileName(ticket.id)}.launch`);
  }

  agentLock(ticket: TicketRef): string {
    return join(this.locks, `${fileName(ticket.id)}.agent`);
  }

  podLock(ticket: TicketRef): string {
    return join(this.locks, `${fileName(ticket.id)}.pod`);
  }
}
