import { acp } from "./acp.js";

/** Never gives its chunks a message id. It offers to load sessions, and then finds none (0.61.0): its claims are not restorable. */
export const gemini = { ...acp(["gemini", "--acp"]), restorable: false };
