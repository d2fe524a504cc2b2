import type { Trouble } from "./launch.types.js";

/** Reads code, message and hint off whatever was thrown, refused or left unproven; keeps the thing itself as the cause. */
export function troubleOf<Phase>(phase: Phase, what: unknown): Trouble<Phase> {
  if (typeof what !== "object" || what === null) return { phase, code: "unknown", message: String(what) };
  const { code, message, reason, hint } = what as Record<string, unknown>;
  return {
    phase,
    code: typeof code === "string" ? code : "unknown",
    message:
      typeof message === "string" ? message : typeof reason === "string" ? reason : "no reason was given",
    ...(typeof hint === "string" && { hint }),
    cause: what,
  };
}
