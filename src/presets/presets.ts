import type { AgentRecipe } from "../../machines/launch.types.js";
import { claude } from "./claude.js";
import { codex } from "./codex.js";
import { copilot } from "./copilot.js";
import { gemini } from "./gemini.js";
import { opencode } from "./opencode.js";
import { qwen } from "./qwen.js";

/** Agents that need no configuration, by name. A configured agent of the same name wins. */
export const PRESETS: Readonly<Record<string, AgentRecipe>> = {
  opencode,
  claude,
  codex,
  gemini,
  qwen,
  copilot,
};
