import type { Method, PodEvent } from "../../../src/protocol/messages.js";

type SnapshotEvent = Extract<PodEvent, { event: "snapshot" }>;

/** One of each method, with every field. */
export const METHODS: readonly Method[] = [
  { method: "run", params: { run_id: "r", launch_id: "l", input: [{ kind: "text", content: "go on" }] } },
  { method: "cancel", params: { run_id: "r" } },
  { method: "register_peer", params: { name: "peer" } },
  {
    method: "permission_response",
    params: { request_id: "1", outcome: { outcome: "selected", optionId: "o" } },
  },
  { method: "permission_response", params: { request_id: "1", outcome: { outcome: "cancelled" } } },
  { method: "notify", params: { from: "peer", message: "done" } },
  { method: "status" },
  { method: "history" },
  { method: "updates", params: { wanted: false } },
  { method: "shutdown" },
];

const evidence = { level: "progress", kind: "k", at: "2026-01-01T00:00:00.000Z" } as const;

const snapshot: SnapshotEvent = {
  event: "snapshot",
  data: {
    protocol: 1,
    pod: "pod",
    launch_id: "l",
    ticket: { id: "T-1", slug: "s", title: "t" },
    role: "coder",
    status: "idle",
    launcher: "present",
    run: { run_id: "r", evidence, stop_reason: "end_turn" },
    session: { id: "s", restorable: true },
    agent: { driver: "acp", name: "a", command: ["a"], cwd: "/" },
  },
};

/** One of each event, with every field; the snapshot first. */
export const EVENTS: readonly [SnapshotEvent, ...PodEvent[]] = [
  snapshot,
  { event: "run_accepted", data: { run_id: "r", evidence } },
  { event: "run_rejected", data: { run_id: "r", code: "c", message: "m" } },
  { event: "run_ended", data: { run_id: "r", stop_reason: "end_turn" } },
  { event: "peer_registered", data: { name: "peer" } },
  { event: "status", data: { status: "running" } },
  { event: "update", data: { any: ["thing"] } },
  {
    event: "permission_request",
    data: {
      request_id: "1",
      request: { toolCall: { title: "t" }, options: [{ optionId: "o" }] },
      waits: true,
    },
  },
  {
    event: "permission_resolved",
    data: { request_id: "1", outcome: { outcome: "cancelled" }, by: "client" },
  },
  { event: "user_message", data: { run_id: "r", segments: [{ kind: "text", content: "go on" }] } },
  { event: "notify", data: { from: "peer", message: "m" } },
  { event: "history", data: { status: "idle", left_out: 0, events: [{ event: "shutdown" }] } },
  { event: "error", data: { code: "c", message: "m", peer: "p", request_id: "1" } },
  { event: "shutdown" },
];
