import type { LaunchTimeouts } from "../../machines/launch.types.js";

export const CONFIG_FILE = "launch-claim.config.json";

export const DEFAULT_TIMEOUTS: LaunchTimeouts = {
  admitMs: 5_000,
  readyMs: 30_000,
  connectMs: 5_000,
  peerMs: 5_000,
  runAckMs: 120_000,
  commitMs: 10_000,
  verifyMs: 5_000,
  stopMs: 10_000,
};
