import { acpPreset } from "./preset.js";

/** Never gives its chunks a message id. It ignores a SIGTERM that is sent to its first process alone, and ends with its stdin. */
export const gemini = acpPreset(
  ["gemini", "--acp"],
  {},
  {
    package: "@google/gemini-cli",
    restores: "no",
    restoresBecause: "it offers to load sessions, and then finds none of them (0.61.0)",
  },
);
