/** A recorded conversation, judged as the driver would judge it, on a clock that stands still. */
import type { AcpEvidence } from "../../machines/launch.types.js";
import { refusalOf } from "../../src/pod/agents/acp-words.js";
import { agentErrorOf } from "../../src/pod/agents/agent-error.js";
import { RunEvidence } from "../../src/pod/agents/evidence.js";
import { fieldOf } from "../../src/pod/agents/json.js";
import type { Verdict } from "../real-agents/expected.js";
import type { Transcript } from "../real-agents/transcript.js";
import { StoppedClock } from "../fixtures/stopped-clock.js";

export interface Replayed extends Verdict {
  readonly kind?: string | undefined;
}

const LONG_AFTER_MS = 600_000;

/** Once our own side has given it up, an agent that has said nothing has timed out; it must not be accepted later either. */
export function replay({ lines }: Transcript, rules: AcpEvidence): Replayed {
  const clock = new StoppedClock();
  const asked = new Map<unknown, string>();
  let verdict: Replayed | undefined;
  let sessionId: unknown;
  let authMethods: unknown;
  let run: RunEvidence | undefined;
  const decide = (decided: Replayed) => {
    verdict ??= decided;
  };
  const begin = () => {
    run = new RunEvidence({
      rules,
      sessionId: String(sessionId),
      clock,
      now: () => "",
      listener: {
        accepted: ({ level, kind }) => {
          // Whoever gave it up relies on that.
          if (verdict) throw new Error(`accepted by ${kind} after it was ${verdict.status}`);
          decide({ status: "claimed", level, kind });
        },
        done: () => undefined,
        failed: (code) => decide({ status: "failed", code }),
      },
    });
    run.sent();
  };
  const answer = (method: string | undefined, message: unknown) => {
    const error = fieldOf(message, "error");
    const result = fieldOf(message, "result");
    switch (method) {
      case "initialize":
      case "session/new":
        if (error !== undefined) {
          decide({ status: "failed", code: refusalOf(method, error, authMethods).code });
        }
        authMethods ??= fieldOf(result, "authMethods");
        sessionId ??= fieldOf(result, "sessionId");
        return;
      case "session/prompt":
        if (error === undefined) run?.answered(result);
        else run?.refused(agentErrorOf(error));
        return;
      default:
    }
  };

  for (const { ms, from, message } of lines) {
    clock.advanceTo(ms);
    const id = fieldOf(message, "id");
    const method = fieldOf(message, "method");
    if (from === "client") {
      if (method === "session/cancel") {
        decide({ status: "timedOut" });
        run?.cancelling();
      }
      if (typeof method === "string" && id !== undefined) asked.set(id, method);
      if (method === "session/prompt") begin();
    } else if (method === "session/update") run?.update(fieldOf(message, "params"));
    else if (method === "session/request_permission") run?.permission(fieldOf(message, "params"));
    else if (method === undefined && id !== undefined) answer(asked.get(id), message);
  }
  clock.advanceTo(clock.ms + LONG_AFTER_MS);
  return verdict ?? { status: "timedOut" };
}
