/** The longest delay that a timer takes; a longer one would overflow and fire at once. */
export const MAX_DELAY_MS = 2_147_483_647;

/** What a duration looks like, for messages. */
export const DURATION_FORM = "a duration such as 500ms, 2s or 3m";

const FACTORS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `500ms`, `2s`, `3m`, `1h` or `0` in milliseconds; undefined for anything else, and for more than a timer takes. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  const [, amount, unit = ""] = /^(\d{1,12}(?:\.\d{1,3})?)(ms|s|m|h)$/u.exec(text) ?? [];
  if (amount === undefined) return undefined;
  const delayMs = Math.round(Number(amount) * (FACTORS[unit] ?? Number.NaN));
  return delayMs <= MAX_DELAY_MS ? delayMs : undefined;
}
