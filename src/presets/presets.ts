import type { AgentRecipe } from "../../machines/launch.types.js";
import { claude } from "./claude.js";
import { codex } from "./codex.js";
import { copilot } from "./copilot.js";
import { gemini } from "./gemini.js";
import { opencode } from "./opencode.js";
import type { Preset } from "./preset.js";
import { qwen } from "./qwen.js";

/** What is known of agents that need no configuration, by name. */
export const KNOWN_AGENTS: Readonly<Record<string, Preset>> = {
  opencode,
  claude,
  codex,
  gemini,
  qwen,
  copilot,
};

/** How they are run. A configured agent of the same name wins. */
export const PRESETS: Readonly<Record<string, AgentRecipe>> = Object.fromEntries(
  Object.entries(KNOWN_AGENTS).map(([name, { recipe }]) => [name, recipe]),
);
