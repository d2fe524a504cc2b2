import { legible } from "../../text.js";
import { agentErrorOf, AUTH_REQUIRED, VERSION_UNSUPPORTED } from "./agent-error.js";
import { exitWords, type Departure } from "./departure.js";

import { fieldOf } from "./json.js";

/** What went wrong, as the contract's code and a sentence for people. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
}

/** What ended the conversation for good, before a run or in the middle of one. */
export interface Loss {
  readonly code: string;
  readonly message: (during: "boot" | "run") => string;
}

export function lossBy(departure: Departure): Loss {
  const before = { boot: "before it was ready", run: "before the run had ended" };
  switch (departure.kind) {
    case "exited":
      return {
        code: "agent_exited",
        message: (during) => `the agent ${exitWords(departure.exit)} ${before[during]}`,
      };
    case "closedStdout":
      return {
        code: "agent_closed_stdout",
        message: (during) => `the agent closed its stdout ${before[during]}, and lives on`,
      };
    case "closedStdin":
      return {
        code: "agent_closed_stdin",
        message: (during) => `the agent closed its stdin ${before[during]}, and lives on`,
      };
  }
}

/** An error by which the agent answered a request of the boot. */
export function refusalOf(method: string, error: unknown, authMethods: unknown): Trouble {
  const { code, message } = agentErrorOf(error);
  if (code !== AUTH_REQUIRED) {
    return {
      code: code === VERSION_UNSUPPORTED ? "agent_protocol_mismatch" : "agent_refused",
      message: `the agent answered ${method} with error ${code}: ${message}`,
    };
  }
  const offered = namesOf(authMethods);
  const hint = offered === "" ? "Log in with the agent itself, then launch again" : `It offers: ${offered}`;
  return { code: "agent_auth_required", message: `the agent wants a login first (${message}). ${hint}` };
}

function namesOf(authMethods: unknown): string {
  const methods = Array.isArray(authMethods) ? authMethods.slice(0, 8) : [];
  const names = methods
    .map((method: unknown) => fieldOf(method, "name") ?? fieldOf(method, "id"))
    .filter((name) => typeof name === "string");
  return legible(names.join(", "));
}

/** A value from the agent in a sentence. */
export function shown(value: unknown): string {
  return value === undefined ? "undefined" : legible(JSON.stringify(value), 80);
}
