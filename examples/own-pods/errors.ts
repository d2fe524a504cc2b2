/** What this runtime throws. A launch that fails by it shows `code`, message and `hint` in its outcome. */
export class OwnPodError extends Error {
  override readonly name = "OwnPodError";
  readonly code: "pod_not_started" | "pod_not_ready" | "peer_not_registered" | "socket_path_too_long";
  readonly hint: string | undefined;

  constructor(code: OwnPodError["code"], message: string, options: { cause?: unknown; hint?: string } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}
