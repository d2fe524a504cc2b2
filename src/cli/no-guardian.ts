import { LaunchClaimError } from "../errors.js";
import type { PodRuntime, PodReference } from "../ports.js";
import type { PodHandle } from "../../machines/launch.types.js";

/** Stands where the guardian's runtime will be merged: starts nothing, and judges nothing it did not start. */
export class NoGuardian implements PodRuntime {
  readonly kind = "guardian";

  podAt({ pod: name, launchId, runtime: { locator } }: PodReference): PodHandle {
    return { name, launchId, locator };
  }
  async start(): Promise<never> {
    throw missing();
  }
  async connect(): Promise<never> {
    throw missing();
  }
  async registerPeer(): Promise<never> {
    throw missing();
  }
  async requestRun(): Promise<never> {
    throw missing();
  }
  async stop(): Promise<never> {
    throw missing();
  }
  async probe(): Promise<"unknown"> {
    return "unknown";
  }
}

function missing(): LaunchClaimError {
  return new LaunchClaimError("runtime_failed", "this build has no guardian to run Pods with");
}
