import type { PodHandle } from "../../machines/launch.types.js";
import { closingAfter, type ContractCase } from "./contract.js";
import {
  RuntimeBench,
  type OpenRuntime,
  type PodBehaviour,
  type RuntimeCases,
} from "./runtime-contract/bench.js";
import { findCases } from "./runtime-contract/finding.js";
import { failedLoadCases, restoreCases } from "./runtime-contract/restoring.js";
import { rejectedRunCases, runCases } from "./runtime-contract/runs.js";
import { neverReadyCases, startCases } from "./runtime-contract/starting.js";
import { leftoverCases, stopCases } from "./runtime-contract/stopping.js";

export type { OpenRuntime, PodBehaviour } from "./runtime-contract/bench.js";

const casesOf: Readonly<Record<PodBehaviour, RuntimeCases>> = {
  accepts: { ...startCases, ...runCases, ...findCases, ...stopCases, ...restoreCases },
  rejects: rejectedRunCases,
  neverReady: neverReadyCases,
  leavesProcesses: leftoverCases,
  cannotLoad: failedLoadCases,
};

/**
 * The contract of `PodRuntime`: what a launch relies on when it says that nothing is left, or that a Pod works. What runs is
 * measured past the runtime, by the harness.
 *
 * @param open is asked by every case for a fresh runtime whose Pods behave as named; `undefined` if they cannot be made to. A
 *   case without its runtime, its optional part of the harness or its optional method has nothing to show, and passes.
 */
export function podRuntimeContract<Pod extends PodHandle>(
  open: (behaviour: PodBehaviour) => Promise<OpenRuntime<Pod> | undefined>,
): ContractCase[] {
  const behaviours = Object.keys(casesOf) as PodBehaviour[];
  return behaviours.flatMap((behaviour) =>
    Object.entries(casesOf[behaviour]).map(([title, check]) => ({
      title,
      run: async () => {
        const opened = await open(behaviour);
        if (opened === undefined) return;
        const bench = new RuntimeBench(opened);
        await closingAfter(check(bench), () => bench.close());
      },
    })),
  );
}
