/**
 * What the scripted agent is told to do: plain JSON, its one argument. Everything left out goes well: it answers `initialize` and
 * `session/new`, and each prompt with one message chunk and `end_turn`.
 */
export interface AgentScript {
  /** Done before anything is read. Default: nothing. */
  readonly onStart?: readonly AgentStep[];
  readonly initialize?: ScriptedAnswer | "wrongVersion";
  readonly newSession?: ScriptedAnswer | "authRequired" | "emptyId";
  /** Its answer to `session/load` and `session/resume`, whether it offers them or not. */
  readonly load?: ScriptedAnswer;
  /** Done for each prompt. Without `error` or `end` in it, the prompt stays unanswered. Default: a chunk, then `end_turn`. */
  readonly prompt?: readonly AgentStep[];
  /** Stays when its stdin ends. Default false: it exits with 0. */
  readonly ignoreStdinEnd?: boolean;
  readonly ignoreSigterm?: boolean;
  /** Does not hear `session/cancel`. Default false: a prompt under way is answered with stop reason `cancelled`. */
  readonly ignoreCancel?: boolean;
  /** Started at once; ended by nobody but by whoever finds it. */
  readonly grandchild?: GrandchildKind;
  /** Gets a line with the pid of each grandchild; for `refork` that of its first, which stays the id of their group. */
  readonly grandchildrenFile?: string;
  /** Gets one JSON line `{launchId, sessionId, text}` for each prompt, past whatever code is under test. */
  readonly promptsFile?: string;
  /** Gets one JSON line for each message of the client, its answers included. */
  readonly callsFile?: string;
  /** Default `scripted-session`. */
  readonly sessionId?: string;
  /** What it offers. Default: nothing. */
  readonly loadSession?: boolean;
  readonly resumeSession?: boolean;
  readonly deleteSession?: boolean;
}

/** One thing that an agent does, well or badly. */
export type AgentStep =
  /** A `session/update` with this update; `sessionId` if it is to be another's. */
  | { readonly update: Readonly<Record<string, unknown>>; readonly sessionId?: string }
  /** Answers the prompt. */
  | { readonly end: unknown }
  | { readonly error: RpcError }
  /** Asks for permission, and goes on when it was answered. The answer comes back as a message chunk, as JSON. */
  | { readonly permission: Readonly<Record<string, unknown>> }
  | { readonly wait: number }
  /** Nothing more, for ever. */
  | { readonly stall: true }
  | { readonly exit: number }
  | { readonly kill: NodeJS.Signals }
  | { readonly stderr: string }
  /** This line, as it is, and its newline. */
  | { readonly line: string }
  /** This text without a newline. */
  | { readonly half: string }
  /** These bytes, in hexadecimal. */
  | { readonly bytes: string }
  /** So many lines that are no JSON. */
  | { readonly noise: number }
  /** One line of so many bytes. */
  | { readonly hugeLine: number }
  /** So many bytes without a newline. */
  | { readonly flood: number }
  /** An update nested so deep. */
  | { readonly deepUpdate: number }
  | { readonly closeStdout: true }
  | { readonly closeStdin: true }
  | { readonly grandchild: GrandchildKind };

export type ScriptedAnswer =
  | "ok"
  | "stall"
  | { readonly error: RpcError }
  /** Instead of what it would answer. */
  | { readonly result: unknown }
  /** Done first, in order; then it answers well. */
  | { readonly steps: readonly AgentStep[] };

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/**
 * How a grandchild tries to outlive the agent. `plain`: same group, and it holds the agent's stdio. `newSession`: a session of its
 * own. `doubleFork`: that, and its parent is gone. `daemonEnvI`: that, and its environment is empty. `refork`: a new process every
 * two milliseconds, each time with another pid. All of them end by themselves: `refork` after a minute, the others after ten.
 */
export type GrandchildKind = "plain" | "newSession" | "doubleFork" | "daemonEnvI" | "refork";
