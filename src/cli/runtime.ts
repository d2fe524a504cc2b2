import type { PodRuntime } from "../ports.js";

/** The runtime of the command line: the guardian. */
export async function builtInRuntime(): Promise<PodRuntime> {
  const { NoGuardian } = await import("./no-guardian.js");
  return new NoGuardian();
}
