import { acpPreset } from "./preset.js";

/** Never gives its chunks a message id. */
export const qwen = acpPreset(
  ["qwen", "--acp"],
  {},
  {
    package: "@qwen-code/qwen-code",
    restores: "yes",
    restoresBecause: "a new process loaded the session of a killed one (0.24.4)",
  },
);
