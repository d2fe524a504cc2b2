import { acpPreset } from "./preset.js";

/**
 * With its own ten retries it stays silent on a broken connection for minutes; with one it tells within seconds. It sends the text of an
 * error as a chunk with a message id, up to 68 ms before the error: the settle window answers that.
 */
export const claude = acpPreset(
  ["claude-agent-acp"],
  { environment: { CLAUDE_CODE_MAX_RETRIES: "1" } },
  {
    package: "@agentclientprotocol/claude-agent-acp",
    restores: "yes",
    restoresBecause: "a new process loaded the session of a killed one (0.101.0)",
  },
);
