import { acp } from "./acp.js";

/** Its genuine chunks carry a message id; around an error it sends usage updates. */
export const opencode = acp(["opencode", "acp"], { requireMessageId: true });
