import { acpPreset } from "./preset.js";

/**
 * It sends warnings as message chunks without an id before any contact with a model, and ends failed turns with `end_turn`. After
 * the end of its stdin it takes a little more than two seconds to exit.
 */
export const codex = acpPreset(
  ["codex-acp"],
  { evidence: { requireMessageId: true, endTurnNeedsProgress: true }, stdinEndMs: 3_000 },
  {
    package: "@agentclientprotocol/codex-acp",
    restores: "yes",
    restoresBecause: "a new process loaded the session of a killed one (2.6.0)",
  },
);
