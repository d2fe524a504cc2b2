import { acpPreset } from "./preset.js";

/** It was tried without a login alone. */
export const copilot = acpPreset(
  ["copilot", "--acp"],
  {},
  {
    package: "@github/copilot",
    restores: "untried",
    restoresBecause: "it was never seen to load a session, nor to fail at it: what it offers is believed",
  },
);
