import { acp } from "./acp.js";

/** Never gives its chunks a message id. */
export const qwen = acp(["qwen", "--acp"]);
