import { legible, printable } from "../../text.js";
import { lossBy, type Loss, type Trouble } from "./acp-words.js";
import type { Departure } from "./departure.js";
import type { UpstreamSnapshot } from "./yoi-connection.js";

/** Why this snapshot is not that of a Pod of this name which can take a run; undefined if it is. */
export function troubleWith(snapshot: UpstreamSnapshot, name: string): Trouble | undefined {
  const { pod, status } = snapshot;
  if (pod === undefined || status === undefined) {
    const message = "its snapshot names no Pod, or no status: it speaks another protocol";
    return { code: "agent_protocol_mismatch", message };
  }
  if (pod !== name) {
    const message = `Pod ${printable(pod)} answers at the socket of Pod ${printable(name)}`;
    return { code: "pod_mismatch", message };
  }
  if (status === "idle") return undefined;
  return {
    code: "agent_busy",
    message: `the Pod is ${printable(status)}, and not idle, before its first run`,
  };
}

/** How the Pod was lost. `refusal`: the errno, if it could not even be connected to. */
export function upstreamLossBy(
  departure: Departure,
  { socket, refusal }: { readonly socket: string | undefined; readonly refusal: string | undefined },
): Loss {
  if (departure.kind === "exited") return lossBy(departure);
  if (refusal !== undefined) {
    const message = () => `the agent's socket ${legible(socket ?? "")} cannot be connected to: ${refusal}`;
    return { code: "pod_unreachable", message };
  }
  const before = { boot: "before it was ready", run: "before the run had ended" };
  return {
    code: "agent_hung_up",
    message: (during) => `the agent closed the connection ${before[during]}, and lives on`,
  };
}
