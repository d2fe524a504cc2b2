import { acp } from "./acp.js";

/** It sends warnings as message chunks without an id before any contact with a model, and ends failed turns with `end_turn`. */
export const codex = acp(["codex-acp"], { requireMessageId: true, endTurnNeedsProgress: true });
