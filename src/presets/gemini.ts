import { acpPreset } from "./preset.js";

/**
 * Never gives its chunks a message id. It ignores a SIGTERM that is sent to its first process alone, and ends with its stdin. It names a
 * session's file by the minute: a load within the minute in which the session began fails, and overwrites it for good.
 */
export const gemini = acpPreset(
  ["gemini", "--acp"],
  {},
  {
    package: "@google/gemini-cli",
    restores: "no",
    restoresBecause:
      "it offers to load sessions, and loses for good one that is loaded within the minute in which it began (0.61.0)",
  },
);
