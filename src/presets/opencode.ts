import { acpPreset } from "./preset.js";

/**
 * Its genuine chunks carry a message id; around an error it sends usage updates. Without a model it is silent for a minute. A turn that
 * was cancelled before it began ends with `end_turn`: the driver takes none for evidence that it has cancelled itself.
 */
export const opencode = acpPreset(
  ["opencode", "acp"],
  { evidence: { requireMessageId: true } },
  {
    package: "opencode-ai",
    restores: "yes",
    restoresBecause: "a new process loaded the session of a killed one (1.18.33)",
  },
);
