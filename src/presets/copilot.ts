import { acp } from "./acp.js";

export const copilot = acp(["copilot", "--acp"]);
