import type { Command } from "./command.js";

export interface CommandEntry {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** Loaded when it is used, so that no command pays for another. */
  readonly load: () => Promise<Command>;
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "launch",
    summary: "launch an agent on a ticket; returns when it is known whether the ticket is claimed",
    load: async () => (await import("./commands/launch.js")).launch,
  },
  {
    name: "restore",
    summary: "load the session of a restorable claim again, in a new Pod",
    load: async () => (await import("./commands/restore.js")).restore,
  },
  {
    name: "status",
    summary: "every claim, or that of one ticket, with its state as of now",
    load: async () => (await import("./commands/status.js")).status,
  },
  {
    name: "attach",
    summary: "watch a ticket's Pod, answer its permission requests, send it messages",
    load: async () => (await import("./commands/attach.js")).attach,
  },
  {
    name: "logs",
    summary: "the log of a Pod, also of one whose launch failed",
    load: async () => (await import("./commands/logs.js")).logs,
  },
  {
    name: "stop",
    summary: "stop a ticket's Pod and prove it gone; the claim stays",
    load: async () => (await import("./commands/stop.js")).stop,
  },
  {
    name: "release",
    summary: "the work is over: end the claim into history",
    load: async () => (await import("./commands/release.js")).release,
  },
  {
    name: "reclaim",
    summary: "end a claim that nobody will end any more, after showing the evidence",
    load: async () => (await import("./commands/reclaim.js")).reclaim,
  },
  {
    name: "adopt",
    summary: "commit the claim of a Pod that has accepted its run and was left unclaimed",
    load: async () => (await import("./commands/adopt.js")).adopt,
  },
  {
    name: "doctor",
    summary: "everything that is not as it should be, and the command that mends it",
    load: async () => (await import("./commands/doctor.js")).doctor,
  },
  {
    name: "history",
    summary: "ended claims, the latest first",
    load: async () => (await import("./commands/history.js")).history,
  },
  {
    name: "sessions",
    summary: "role sessions: which Pod ran which role, for which tickets; link adds a ticket",
    load: async () => (await import("./commands/sessions.js")).sessions,
  },
  {
    name: "agents",
    summary: "agents that can be launched: whether each is found, its version, whether it can be restored",
    load: async () => (await import("./commands/agents.js")).agents,
  },
  {
    name: "tickets",
    summary: "the workspace's own tickets, their claims, and what a panel would offer",
    load: async () => (await import("./commands/tickets.js")).tickets,
  },
  {
    name: "paths",
    summary: "every path of the launch machine, and how it ends",
    load: async () => (await import("./commands/paths.js")).paths,
  },
  {
    name: "graph",
    summary: "the machines as Mermaid or DOT",
    load: async () => (await import("./commands/graph.js")).graph,
  },
  {
    name: "init",
    summary: "write a configuration and its JSON schema",
    load: async () => (await import("./commands/init.js")).init,
  },
  {
    name: "trust",
    summary: "allow this workspace's configuration, as it is now, to name commands",
    load: async () => (await import("./commands/trust.js")).trust,
  },
];
