import type { PodJudge, PodReference, Probe, ProbeContext, ProbedProcesses } from "../ports.js";
import { podRecordOf } from "../pod-records.js";
import { lifeOf } from "../processes.js";
import { GuardianPod } from "./guardian-pod.js";
import type { GuardianRegistry } from "./guardian-registry.js";
import { findSurvivors } from "./survivors.js";

/** What tells how the Pods of the built-in runtime stand. Apart from what starts and stops them, which takes longer to load. */
export class GuardianProbe implements PodJudge {
  readonly kind = "guardian";
  readonly recordsPods = true;
  readonly #registry: GuardianRegistry;

  constructor(registry: GuardianRegistry) {
    this.#registry = registry;
  }

  podAt(reference: PodReference): GuardianPod {
    return GuardianPod.from(reference);
  }

  async probe(reference: PodReference, { podLock }: ProbeContext): Promise<Probe | ProbedProcesses> {
    const registry = this.#registry;
    const { ticket, launchId } = reference;
    this.podAt(reference);
    const record = await podRecordOf(reference, registry);
    const guardian = record?.processes.find((one) => one.as === "guardian");
    // Another Pod of the ticket may hold it, if our guardian is known to be gone.
    if (podLock === "held" && (guardian === undefined || lifeOf(guardian) !== "gone")) return "live";
    const reaper = record?.processes.find((one) => one.as === "reaper");
    const agentLock = registry.probeAgentLock(ticket);
    const pids = findSurvivors({ launchId, processes: record?.processes ?? [] }).map(({ pid }) => pid);
    if (pids.length > 0) return { probe: "lingering", pids };
    if (agentLock === "held" && podLock === "free") {
      return { probe: "lingering", pids: reaper && lifeOf(reaper) === "alive" ? [reaper.pid] : [] };
    }
    // What runs in another PID namespace cannot be seen from here; its lock can.
    const unseen = record?.processes.some((one) => lifeOf(one) === "unknown") ?? false;
    if (unseen && record?.proof !== "kernel") return "unknown";
    return reference.session?.restorable ? "restorable" : "gone";
  }
}
