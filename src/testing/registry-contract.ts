import { closingAfter, type ContractCase } from "./contract.js";
import { RegistryBench, type OpenRegistry } from "./registry-contract/bench.js";
import { claimCases } from "./registry-contract/claims.js";
import { endCases } from "./registry-contract/ends.js";
import { lockCases } from "./registry-contract/locks.js";
import { oddIdCases } from "./registry-contract/odd-ids.js";
import { raceCases } from "./registry-contract/races.js";
import { recordCases } from "./registry-contract/records.js";
import { replaceCases, replaceRaceCases } from "./registry-contract/replacing.js";

export type { OpenRegistry } from "./registry-contract/bench.js";

/**
 * The contract of `ClaimRegistry`, a case for each of its sentences. Crashes, full disks and the locks of other processes are
 * not in it: those need the kernel's help, and belong to the implementation's own tests.
 *
 * @param open is asked for a fresh, empty registry by every case. A case that needs an optional method which is absent has
 *   nothing to show, and passes.
 */
export function claimRegistryContract(open: () => Promise<OpenRegistry>): ContractCase[] {
  const cases = {
    ...lockCases,
    ...claimCases,
    ...replaceCases,
    ...raceCases,
    ...replaceRaceCases,
    ...endCases,
    ...recordCases,
    ...oddIdCases,
  };
  return Object.entries(cases).map(([title, check]) => ({
    title,
    run: async () => {
      const bench = new RegistryBench(await open());
      await closingAfter(check(bench), () => bench.close());
    },
  }));
}
