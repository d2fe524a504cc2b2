import { LaunchClaimError } from "../errors.js";
import { connect } from "../launch/connect.js";
import type { LaunchTools } from "../launch/scope.js";
import type { Claim, PodHandle, PodSnapshot } from "../../machines/launch.types.js";

/** As a launch dials its Pod; and makes sure that the session is the claim's: a Pod that is ready has not loaded it for that alone. */
export async function connectRestored<Pod extends PodHandle>(
  pod: Pod,
  { session }: Claim,
  context: { tools: LaunchTools<Pod>; signal: AbortSignal },
): Promise<PodSnapshot> {
  const snapshot = await connect(pod, context);
  if (snapshot.status === "draining") {
    throw new LaunchClaimError(
      "agent_exited",
      `Pod ${pod.name} ends: the agent that has loaded its session is gone`,
      {
        hint: "The claim stands as it was: restore it again.",
      },
    );
  }
  if (session === undefined || snapshot.session?.id === session.id) return snapshot;
  throw new LaunchClaimError(
    "session_not_loaded",
    `Pod ${pod.name} is ready, but has not loaded the session of the claim`,
    { hint: "The claim stands as it was. Is it run by the agent that the session is of?" },
  );
}
