import { acp } from "./acp.js";

/** With its own ten retries it stays silent on a broken connection for minutes; with one it tells within seconds. */
export const claude = acp(["claude-agent-acp"], {}, { CLAUDE_CODE_MAX_RETRIES: "1" });
