/** Every code that launch-claim throws or reports. Match on these; messages may change. */
export type LaunchClaimCode =
  // What was asked for
  | "ticket_id_invalid"
  | "ticket_id_collision"
  | "role_unknown"
  | "pod_name_invalid"
  | "request_invalid"
  // Where it was asked for
  | "workspace_missing"
  | "workspace_unwritable"
  | "directory_unsafe"
  | "filesystem_unsupported"
  | "platform_unsupported"
  | "native_module_missing"
  | "socket_path_too_long"
  // What was found there
  | "config_invalid"
  | "config_untrusted"
  | "agent_missing"
  | "agent_unknown"
  | "prompt_file_invalid"
  | "tickets_unreadable"
  | "ticket_not_in_intake"
  | "registry_foreign"
  | "registry_newer"
  | "record_damaged"
  | "record_newer"
  // What happened on the way
  | "lock_lost"
  | "lock_busy"
  | "launch_already_ended"
  | "pod_mismatch"
  | "pod_not_started"
  | "pod_unreachable"
  | "peer_not_registered"
  | "runtime_contract"
  | "runtime_failed"
  | "nothing_to_adopt"
  | "nothing_to_restore"
  | "restore_unsupported"
  // What an agent did that the built-in runtime started
  | AgentCode
  | "io_failed"
  | "aborted"
  | "internal";

/** Why an agent could not take a run, or did not. */
export type AgentCode = (typeof AGENT_CODES)[number];

export const AGENT_CODES = [
  "agent_not_found",
  "agent_not_executable",
  "agent_exited",
  "agent_refused",
  "agent_auth_required",
  "agent_protocol_mismatch",
  "agent_session_empty",
  "session_not_loaded",
  "agent_closed_stdin",
  "agent_closed_stdout",
  "agent_hung_up",
  "agent_busy",
  "agent_line_too_long",
  "agent_error",
  "agent_cancelled",
  "agent_no_progress",
  "agent_stop_reason_invalid",
  "command_failed",
  "command_output_missing",
] as const;

interface Details {
  /** What to do about it, as a sentence. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

const brand = Symbol.for("launch-claim/error");

/** The one error of this library: a stable `code`, a message that says what failed with which values, and a `hint`. */
export class LaunchClaimError extends Error {
  override readonly name = "LaunchClaimError";
  readonly code: LaunchClaimCode;
  readonly hint: string | undefined;
  /** Told apart by brand, since two copies of this package in one program have two classes. */
  readonly [brand] = true;

  constructor(code: LaunchClaimCode, message: string, details: Details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
  }

  static is(value: unknown): value is LaunchClaimError {
    return typeof value === "object" && value !== null && brand in value;
  }
}

/** The `code` of a failed system call, as Node reports it, or undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    // An object without a prototype, or one that throws when it is looked at.
    return "something that cannot be shown was thrown";
  }
}
