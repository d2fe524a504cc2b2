import type { PodRecord } from "../ports.js";
import type { AgentRecipe, PermissionPolicy, WhenDone } from "../../machines/launch.types.js";

/**
 * What a guardian is started with: the first line of its control channel, because an argument list is public. It holds no prompt;
 * the prompt comes with the run.
 */
export interface Specification {
  /** The registry that the Pod's record is in: root, main checkout, directory and its parents, as `findWorkspace` gives them. */
  readonly workspace: {
    readonly root: string;
    readonly main: string;
    readonly directory: string;
    readonly parents: readonly string[];
  };
  /** The Pod record as the launcher wrote it. From here on the guardian writes it, and nobody else while it lives. */
  readonly record: PodRecord;
  /** Where the Pod protocol is served. */
  readonly socket: string;
  readonly cwd: string;
  /** The ticket's, as it was at the launch; told in the snapshot. */
  readonly title?: string;
  readonly agent: { readonly name: string; readonly recipe: AgentRecipe };
  /** The agent's session to be loaded again, instead of a new one. */
  readonly restores?: { readonly sessionId: string };
  /** What the host's environment has and the guardian's own must not: given back to the agent. */
  readonly restored: Readonly<Record<string, string>>;
  readonly whenDone: WhenDone;
  readonly permissions: PermissionPolicy;
  /** 0: never. */
  readonly idleStopMs: number;
  /** How long the guardian may take to end its agent and prove it gone. */
  readonly stopMs: number;
  readonly limits: { readonly maxLineBytes: number; readonly maxLogBytes: number };
}

/** What the guardian tells its launcher, a line each. */
export type ControlEvent =
  /** The agent's process exists, and stands still until it is in the Pod record. */
  | { readonly event: "spawned"; readonly data: { readonly pid: number; readonly start: string } }
  | {
      readonly event: "ready";
      readonly data: { readonly pod: string; readonly socket: string; readonly agent: string };
    }
  | {
      readonly event: "not_ready";
      readonly data: {
        readonly code: string;
        readonly message: string;
        readonly stderr_tail: readonly string[];
      };
    };
