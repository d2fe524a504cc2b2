import { LaunchClaimError } from "../errors.js";
import type { PodReference } from "../ports.js";
import type { PodHandle, TicketRef } from "../../machines/launch.types.js";

/** A Pod of the built-in runtime: its name leads to its record, and the record to everything else. */
export class GuardianPod implements PodHandle {
  readonly name: string;
  readonly launchId: string;
  readonly ticket: TicketRef;
  readonly locator: { readonly pod: string };
  /** The guardian's, in the process that started it. */
  readonly pids: readonly number[];

  constructor(name: string, launchId: string, ticket: TicketRef, pids: readonly number[] = []) {
    this.name = name;
    this.launchId = launchId;
    this.ticket = ticket;
    this.locator = { pod: name };
    this.pids = pids;
  }

  /** @throws LaunchClaimError `runtime_failed` if the locator is not one of this runtime's */
  static from({ pod, launchId, ticket, runtime }: PodReference): GuardianPod {
    if (runtime.locator["pod"] !== pod) {
      throw new LaunchClaimError(
        "runtime_failed",
        `${JSON.stringify(runtime.locator)} locates no Pod of a guardian`,
      );
    }
    return new GuardianPod(pod, launchId, ticket);
  }
}
