import { LaunchClaimError } from "../errors.js";
import type { Probe, Run } from "../ports.js";
import type { PodSnapshot, SessionInfo } from "../../machines/launch.types.js";
import { settledBy } from "../registry/judge.js";

/** What a scripted call does: an answer, a gate that it waits at for its answer, or what gives either when it is called. */
export type Scripted<Answer, Argument = void> =
  Answer | Promise<Answer> | ((argument: Argument) => Answer | Promise<Answer>);

/**
 * How the Pods of a ticket behave. What is left out goes well, and at once. `fail` rejects; a gate that is never opened holds
 * the call until it is given up.
 */
export interface PodScript {
  /** Before the Pod exists, with the Pod lock taken. */
  readonly create?: Scripted<"ok" | "fail">;
  /** The Pod exists and was published; whether it becomes ready. */
  readonly start?: Scripted<"ok" | "fail">;
  /** As `start`, of a Pod that is restored: whether the session is loaded again. */
  readonly restore?: Scripted<"ok" | "fail">;
  /** What the Pod's agent says of its session. Default: it has none. */
  readonly session?: SessionInfo;
  /** `ok`, or what the snapshot says instead of the truth. */
  readonly connect?: Scripted<"ok" | "fail" | Partial<PodSnapshot>>;
  readonly registerPeer?: Scripted<"ok" | "fail", string>;
  /** The prompt was delivered already: what the Pod makes of it. */
  readonly requestRun?: Scripted<"accept" | "reject" | "fail", Run>;
  /** `unproven`: the Pod lives on, and the answer names the survivors. */
  readonly stop?: Scripted<"ok" | "unproven" | "fail">;
  /** Instead of the truth. */
  readonly probe?: Scripted<Probe | "fail">;
  /** The pids that an `unproven` stop names. Default: none. */
  readonly survivors?: readonly number[];
  /** Does not hear that a call was given up: what was held goes on when its gate is opened, however late. Default false. */
  readonly deaf?: boolean;
}

/** Waits for the script's answer. */
export async function play<Answer, Argument = void>(
  scripted: Scripted<Answer, Argument> | undefined,
  { signal, argument }: { readonly signal: AbortSignal; readonly argument?: Argument },
): Promise<Exclude<Answer, "fail"> | undefined> {
  if (scripted === undefined) return undefined;
  const asked =
    typeof scripted === "function"
      ? (scripted as (argument?: Argument) => Answer | Promise<Answer>)(argument)
      : scripted;
  const answer = await settledBy(signal, Promise.resolve(asked));
  if (answer === "fail") throw new LaunchClaimError("runtime_failed", "the script has this call fail");
  return answer as Exclude<Answer, "fail">;
}
