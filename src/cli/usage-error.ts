/** The command line was not understood: what was expected, and what came. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly code = "usage_invalid";
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}
