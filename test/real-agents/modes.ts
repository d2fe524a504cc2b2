/** What becomes of the model that a real agent is given. */
export const MODEL_MODES = ["ok", "slow", "hang", "401", "500", "drop"] as const;

export type ModelMode = (typeof MODEL_MODES)[number];

/** `none`: no model at all, and no credentials for one. */
export const MODES = [...MODEL_MODES, "none"] as const;

export type Mode = (typeof MODES)[number];

export function isMode(text: string): text is Mode {
  return (MODES as readonly string[]).includes(text);
}
