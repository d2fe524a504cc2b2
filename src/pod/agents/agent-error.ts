import { legible } from "../../text.js";
import { fieldOf } from "./json.js";

/** JSON-RPC's code for "authentication required", as ACP has it. */
export const AUTH_REQUIRED = -32000;

/** ACP's code for a protocol version that the agent does not speak. */
export const VERSION_UNSUPPORTED = -32022;

/** What an agent's own error said: JSON-RPC's code, and its words. */
export interface AgentError {
  readonly code: number;
  readonly message: string;
}

/** The error of a JSON-RPC response, made legible and bounded. Agents hide what matters in `data`. */
export function agentErrorOf(error: unknown): AgentError {
  const code = fieldOf(error, "code");
  const message = fieldOf(error, "message");
  const data = fieldOf(error, "data");
  const details = typeof data === "string" ? data : (fieldOf(data, "details") ?? fieldOf(data, "message"));
  const words = [message, details].filter((word): word is string => typeof word === "string" && word !== "");
  return {
    code: typeof code === "number" ? code : 0,
    message: words.length > 0 ? legible([...new Set(words)].join(": ")) : "no message",
  };
}
