/** A flag: with a value, or one that is there or not. */
export interface Flag {
  /** What its value is called in help; absent: it has none. */
  readonly value?: string;
  /** True if it may be given more than once. */
  readonly repeatable?: boolean;
  readonly help: string;
}

export interface Positional {
  readonly name: string;
  readonly optional?: boolean;
}

/** What a command line may hold for one command. */
export interface CommandShape {
  readonly name: string;
  readonly positionals: readonly Positional[];
  /** True if `-- COMMAND ARG…` may follow. */
  readonly takesCommand?: boolean;
  readonly flags: Readonly<Record<string, Flag>>;
}
