import { describeIssue } from "../config/issues.js";
import { LaunchClaimError } from "../errors.js";
import type { LaunchPlan, PodHandle, RunResult } from "../../machines/launch.types.js";
import { runResultSchema } from "./answers.js";
import type { LaunchTools } from "./scope.js";

/** Sends the first run and waits for evidence that it was taken. In an adoption, asks for the run that was accepted. */
export async function requestRun<Pod extends PodHandle>(
  pod: Pod,
  { plan, adopted }: { plan: LaunchPlan; adopted: boolean },
  { tools, signal }: { tools: LaunchTools<Pod>; signal: AbortSignal },
): Promise<RunResult> {
  const answer: unknown = await tools.runtime.requestRun(
    pod,
    {
      // One first run a launch: the same id for a retry and for an adoption, so that no prompt is ever delivered twice.
      runId: pod.launchId,
      launchId: pod.launchId,
      input: adopted ? [] : [{ kind: "text", content: plan.prompt }],
      adopted,
    },
    { signal },
  );
  const parsed = runResultSchema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new LaunchClaimError(
    "runtime_contract",
    `the runtime's answer to the run cannot be used, ${describeIssue(parsed.error)}`,
  );
}
